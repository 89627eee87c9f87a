"""SQLite as several processes should use it: one file, readers that never wait, short writes."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

LOCK_SECONDS = 5.0  # how long a writer waits for the lock
LOCK_PAUSE_SECONDS = 0.0002  # how often it looks; SQLite's own waiters sleep up to 100 ms


def configure(engine: Engine) -> None:
    """Set up every connection that an engine makes."""
    event.listen(engine, "connect", _set_up_connection)


def begin(execute: Callable[[str], Any], _lock: int | None) -> None:
    """Begin a transaction that may write, as soon as no other process is in one."""
    execute("PRAGMA busy_timeout = 0")
    try:
        _retry_while_locked(lambda: execute("BEGIN IMMEDIATE"))
    finally:
        _set_busy_timeout(execute)


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that another process held the database's lock."""
    return (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    )


def _set_up_connection(connection: sqlite3.Connection, _record: Any) -> None:
    # The first switch to WAL needs the file for itself; later ones find it done.
    _retry_while_locked(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    # In WAL mode NORMAL loses nothing that was committed when a process is killed.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    _set_busy_timeout(connection.execute)


def _set_busy_timeout(execute: Callable[[str], Any]) -> None:
    execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000:.0f}")


def _retry_while_locked(action: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
        time.sleep(LOCK_PAUSE_SECONDS)
