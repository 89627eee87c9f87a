"""SQLite as several processes should use it: one file, readers that never wait, short writes.

All that is particular to SQLite is here.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

LOCK_SECONDS = 5.0  # how long a writer waits for the lock
LOCK_PAUSE_SECONDS = 0.0002  # how often it looks; SQLite's own waiters sleep up to 100 ms


def configure(engine: Engine) -> None:
    """Set up every connection that an engine makes."""
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)


def is_locked(error: BaseException | None) -> bool:
    """Say whether an error means that another process held the database's lock."""
    if isinstance(error, OperationalError):
        error = error.orig
    return (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    )


def _set_up_connection(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late to lock
    # The first switch to WAL needs the file for itself; later ones find it done.
    _retry_while_locked(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    # In WAL mode NORMAL loses nothing that was committed when a process is killed.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    _set_busy_timeout(connection.execute)


def take_write_lock(execute: Callable[[str], Any], _business_id: int | None = None) -> None:
    """Begin a transaction that may write, as soon as no other process is in one."""
    execute("PRAGMA busy_timeout = 0")
    try:
        _retry_while_locked(lambda: execute("BEGIN IMMEDIATE"))
    finally:
        _set_busy_timeout(execute)


def _begin(connection: Connection) -> None:
    """Take the write lock at the start of a transaction that will write; reads need no BEGIN."""
    if connection.get_execution_options().get("write"):
        take_write_lock(connection.exec_driver_sql)


def _set_busy_timeout(execute: Callable[[str], Any]) -> None:
    execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000:.0f}")


def _retry_while_locked(action: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            action()
            return
        except (OperationalError, sqlite3.OperationalError) as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
        time.sleep(LOCK_PAUSE_SECONDS)
