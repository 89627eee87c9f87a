"""SQLite as several processes should use it: one file, readers that never wait, short writes."""

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, event

CONNECTIONS = 15  # of a process
WRITERS = 1  # that a process lets try for the database's lock at once
READ_SECONDS = 5.0  # that a statement waits; in WAL mode, only for another's recovery
PAUSE_SECONDS = 0.0002  # between two looks for a lock


File = tuple[int, int] | None  # what tells a file from all others; None where there is none


class PatientConnection(sqlite3.Connection):
    """A connection that lets others run while it waits; SQLite would stop the whole process.

    What SQLAlchemy runs through a cursor does not wait.
    """

    path: str = ""  # of a database that is a file
    file: File = None  # that lay there
    log: File = None  # that lay beside it, with the newest changes

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Run a statement; wait where the database is locked."""
        return self.execute_within(READ_SECONDS, sql, parameters)

    def execute_within(self, seconds: float, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Run a statement; raise the driver's error if the database stays locked for so long."""
        deadline = None
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                deadline = deadline or now + seconds
                if not is_locked(error) or now >= deadline:
                    raise
            time.sleep(PAUSE_SECONDS)


def configure(engine: Engine) -> None:
    """Set up every connection that an engine makes."""
    event.listen(engine, "do_connect", _connect_to_file)
    event.listen(engine, "connect", _set_up_connection)


def is_in_memory(url: URL) -> bool:
    """Say whether a database lives in the memory of one process."""
    return ":memory:" in (url.database or ":memory:") or "mode=memory" in str(url)


def create(url: URL) -> None:
    """Make the file of a database, empty, if there is none."""
    if not is_in_memory(url) and not str(url.database).startswith("file:"):
        with suppress(OSError):  # which opening it will tell
            Path(str(url.database)).touch()


def prepare(driver: PatientConnection) -> None:
    """Let one process write while others read, from now on."""
    driver.execute("PRAGMA journal_mode = WAL")


def tidy_up(driver: PatientConnection) -> None:
    """Move what is in the log beside the database's file into the file."""
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def back_up(driver: PatientConnection, path: Path) -> None:
    """Copy the database into a new file, as it is at one moment; writers need not wait."""
    with closing(sqlite3.connect(path)) as copy:
        driver.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # so that all of it is in the one file


def is_usable(driver: PatientConnection) -> bool:
    """Say whether the file of a connection is still there, and has not been replaced.

    Raises OperationalError if the log beside it was: what is written now would be lost, but what
    was written is there as long as the connection is open.
    """
    if not driver.path:
        return True
    if driver.file != _find_file(driver.path):
        return False
    log = _find_file(f"{driver.path}-wal")
    if driver.log and driver.log != log:
        raise sqlite3.OperationalError(f"{driver.path}-wal was removed; restart the server")
    driver.log = log
    return True


def begin_snapshot(driver: PatientConnection) -> None:
    """Let the statements until `roll_back` read what was stored when the first of them began."""
    driver.execute("BEGIN")


def begin(driver: PatientConnection, _lock: int | None, seconds: float) -> None:
    """Begin a transaction that may write, as soon as no other process is in one."""
    driver.execute_within(seconds, "BEGIN IMMEDIATE")


def commit(driver: PatientConnection) -> None:
    """Store what the transaction wrote."""
    driver.execute("COMMIT")


def roll_back(driver: PatientConnection) -> None:
    """Forget what the transaction wrote."""
    driver.rollback()


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that another process held the database's lock."""
    return (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    )


def is_unavailable(error: BaseException) -> bool:
    """Say whether an error is the database's own, and not that of a statement.

    So it is where the file is full, read-only, gone, damaged or without our tables.
    """
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return str(error).startswith("no such")
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _connect_to_file(_dialect: Any, _record: Any, arguments: list[Any], options: Any) -> None:
    """Make a connection of our kind; never make a second file where somebody deleted it."""
    # Our pool lets one thread at a time have a connection.
    options |= {"factory": PatientConnection, "timeout": 0, "check_same_thread": False}
    if arguments[0] != ":memory:" and not options.get("uri"):
        arguments[0] = f"file:{quote(str(arguments[0]))}?mode=rw"
        options["uri"] = True


def _set_up_connection(connection: PatientConnection, _record: Any) -> None:
    # In WAL mode NORMAL loses nothing that was committed when a process is killed.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    [_, _, path] = connection.execute("PRAGMA database_list").fetchone()
    connection.path = path
    connection.file = _find_file(path)


def _find_file(path: str) -> File:
    """Return the file of a path."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
