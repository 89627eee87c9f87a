"""The SQLite backend: WAL mode, readers that never wait for writers, one write lock."""

import os
import sqlite3
import time
from typing import Any, Self
from urllib.parse import quote

import sqlalchemy as sa

WRITE_LOCKS = 1  # the file has one lock
PREPARE = "PRAGMA journal_mode = WAL"
BEGIN_SNAPSHOT = "BEGIN"  # the first statement takes it
CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
BUSY_TIMEOUT = 5.0  # seconds that a statement waits for a lock
EAGER_ATTEMPTS = 40  # a lock is usually free within 0.2 ms
POLL_INTERVAL = 0.001  # seconds between later attempts; gevent's shortest sleep


class CooperativeCursor(sqlite3.Cursor):
    """A cursor that yields while it waits for a lock; SQLite's own wait blocks the process."""

    def execute(self, sql: str, parameters: Any = (), seconds: float | None = None) -> Self:
        """Run a statement; raise the driver's error if the database stays locked."""
        deadline, attempts = None, 0
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                deadline = deadline or now + (BUSY_TIMEOUT if seconds is None else seconds)
                if not is_locked(error) or now >= deadline:
                    raise
            attempts += 1
            time.sleep(0 if attempts < EAGER_ATTEMPTS else POLL_INTERVAL)


class CooperativeConnection(sqlite3.Connection):
    """A connection whose statements yield while they wait for a lock."""

    path = ""  # of the file; empty in memory
    inode: tuple[int, int] | None = None

    def cursor(self, factory: Any = CooperativeCursor) -> Any:
        """Return a cursor; SQLAlchemy calls this."""
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), seconds: float | None = None) -> Any:
        """Run a statement on a new cursor."""
        return super().cursor(CooperativeCursor).execute(sql, parameters, seconds)

    def begin(self, _lock: int | None, seconds: float) -> None:
        """Begin a transaction once no other process has the write lock."""
        self.execute("BEGIN IMMEDIATE", seconds=seconds)

    def commit(self) -> None:
        """Commit the transaction, if there is one."""
        if self.in_transaction:
            self.execute("COMMIT")


def configure(engine: sa.Engine) -> None:
    """Prevent connections from recreating a deleted file or using a replaced one."""

    @sa.event.listens_for(engine, "do_connect")
    def adapt(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
        # The pool gives a connection to one thread at a time.
        options |= {"factory": CooperativeConnection, "timeout": 0, "check_same_thread": False}
        if not options.get("uri"):
            arguments[0] = f"file:{quote(str(arguments[0]))}?mode=rw"
            options["uri"] = True

    @sa.event.listens_for(engine, "connect")
    def set_up(driver: CooperativeConnection, _record: Any) -> None:
        # In WAL mode NORMAL loses nothing that was committed when a process is killed.
        driver.execute("PRAGMA synchronous = NORMAL")
        driver.execute("PRAGMA foreign_keys = ON")
        driver.execute("PRAGMA temp_store = MEMORY")  # for the old pages of a long statement
        [_, _, driver.path] = driver.execute("PRAGMA database_list").fetchone()
        driver.inode = _find_inode(driver.path)

    @sa.event.listens_for(engine, "checkout")
    def check_file(driver: CooperativeConnection, _record: Any, _proxy: Any) -> None:
        if driver.path and driver.inode != _find_inode(driver.path):
            raise sa.exc.InvalidatePoolError("the file was deleted or replaced")


def is_locked(error: BaseException) -> bool:
    """Return True if another process held the lock."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, sqlite3.OperationalError) and code & 0xFF == sqlite3.SQLITE_BUSY


def is_unavailable(error: BaseException) -> bool:
    """Return True if the file is full, read-only, missing, damaged or without our tables."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return str(error).startswith("no such")
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _find_inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
