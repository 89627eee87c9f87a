"""The connection of a request or a command, and the transaction for writes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, registry

from database import sqlite
from database.column_types import UTCDateTime

DRIVERS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite"} | dict.fromkeys(
    ("postgresql", "postgresql+psycopg"), "postgresql+psycopg"
)
# For `sqlite://` itself, Flask-SQLAlchemy would share one connection among all threads.
IN_MEMORY = sa.make_url("sqlite:///file:/memory?mode=memory&uri=true")
WRITE_TIMEOUT = 5.0  # seconds that a writer waits, in the process and for the database
POOL_TIMEOUT = 5.0  # seconds that a request waits for a connection
MAX_CONNECTIONS = 15  # of a process


class AcquireTimeout(Exception):
    """The database gave no lock, connection or response in time."""


class CommitOutcomeUnknown(Exception):
    """The connection was lost during a commit, which may or may not have been applied."""


class Backend(Protocol):
    """A module with the code for one kind of database."""

    WRITE_LOCKS: int  # writers of a process that may compete for the database's locks
    PREPARE: str  # the statement that enables reading while another process writes
    BEGIN_SNAPSHOT: str  # the one that begins reading from one consistent snapshot
    CHECKPOINT: str  # the one that moves all data into the database's file

    def configure(self, engine: sa.Engine) -> None:
        """Make an engine open such drivers, and check each one before it is used again."""

    def is_locked(self, error: BaseException) -> bool:
        """Return True if a driver's error means that a lock was not free in time."""

    def is_unavailable(self, error: BaseException) -> bool:
        """Return True if a driver's error means that the database can't be used."""


class Base(DeclarativeBase):
    """The base class of every table."""

    registry = registry(
        type_annotation_map={
            datetime: UTCDateTime,
            dict[str, Any]: sa.JSON,
            list[str]: sa.JSON,
            StrEnum: sa.Enum(
                StrEnum,
                native_enum=False,
                create_constraint=True,
                values_callable=lambda kind: [member.value for member in kind],
            ),
        }
    )


@dataclass
class Use:
    """A request's or a command's use of the app's database."""

    backend: Backend
    write_locks: list[Lock]
    engine: sa.Engine
    connection: sa.Connection | None = None

    def connect(self) -> sa.Connection:
        """Return its connection; raise AcquireTimeout if all are in use."""
        if self.connection is None:
            try:
                self.connection = self.engine.connect()
            except sa.exc.TimeoutError:
                raise AcquireTimeout("all connections are in use") from None
        return self.connection


# The drivers begin no transaction on their own: reads need none, and `transaction` begins its own.
db = SQLAlchemy(
    model_class=Base,
    engine_options={
        "isolation_level": "AUTOCOMMIT",
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    },
)


def init_app(app: Flask) -> None:
    """Set up an app's database; raise ValueError for an invalid URL."""
    backend: Backend = sqlite
    url = _parse_url(app.config["SQLALCHEMY_DATABASE_URI"])
    if url.get_backend_name() == "postgresql":
        from database import postgresql  # its driver takes a tenth of a process's memory

        backend = postgresql
    most = 1 if "mode=memory" in str(url) else MAX_CONNECTIONS
    kept = most if backend is sqlite else app.config["POOL_SIZE"]
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "poolclass": sa.QueuePool,
        "pool_size": kept,
        "max_overflow": most - kept,  # closed on release
        "pool_timeout": POOL_TIMEOUT,
        "pool_use_lifo": True,  # the last one used has the warmest caches
        "pool_reset_on_return": None,  # `release_connection` ends the snapshot
    }
    db.init_app(app)
    app.teardown_appcontext(release_connection)
    with app.app_context():
        backend.configure(db.engine)
        locks = [Lock() for _ in range(backend.WRITE_LOCKS)]
        app.extensions["database"] = backend, locks, db.engine


def database_name() -> str:
    """Return the URL of the app's database, without its password."""
    return db.engine.url.render_as_string(hide_password=True)


def is_in_memory() -> bool:
    """Return True if the app's database is in the memory of one process."""
    return "mode=memory" in str(db.engine.url)


def database_error_types() -> tuple[type[Exception], ...]:
    """Return the classes of all database errors: the driver's, SQLAlchemy's, and ours."""
    driver: Any = db.engine.dialect.loaded_dbapi
    return driver.Error, sa.exc.SQLAlchemyError, AcquireTimeout


def unwrap_driver_error(error: BaseException) -> BaseException:
    """Return the driver's error, which SQLAlchemy may have wrapped."""
    return getattr(error, "orig", None) or error


def is_locked(error: BaseException) -> bool:
    """Return True if an error means that no lock or connection was free in time."""
    return isinstance(error, AcquireTimeout) or _use().backend.is_locked(unwrap_driver_error(error))


def is_unavailable(error: BaseException) -> bool:
    """Return True if an error means that the database can't be used, now or in time."""
    return is_locked(error) or _use().backend.is_unavailable(unwrap_driver_error(error))


def get_connection() -> sa.Connection:
    """Return the connection of this request or command; raise AcquireTimeout if all are in use."""
    return _use().connect()


def driver_of(connection: sa.Connection) -> Any:
    """Return the driver's own connection: `CooperativeConnection` or `DeadlineConnection`."""
    return connection.connection.dbapi_connection


def begin_snapshot() -> sa.Connection:
    """Begin a read snapshot, which ends when the connection is released; return the connection."""
    use = _use()
    driver = driver_of(connection := use.connect())
    driver.rollback()  # ends the previous snapshot
    driver.execute(use.backend.BEGIN_SNAPSHOT)
    return connection


def release_connection(_error: BaseException | None = None) -> None:
    """Release the connection of this request, which has ended or is about to wait."""
    use = _use()
    connection, use.connection = use.connection, None
    if connection is None:
        return
    try:
        driver_of(connection).rollback()
    except database_error_types():  # the connection is lost
        connection.invalidate()
    connection.close()


def close_connections() -> None:
    """Close all idle connections of the app."""
    release_connection()
    db.engine.dispose()


@contextmanager
def transaction(lock: int | None = None) -> Iterator[sa.Connection]:
    """Take a write lock; commit at the end, or roll back on an error.

    Writers with the same lock wait for each other, and a writer without one waits for all; SQLite
    has a single lock. Read the rows that you change inside the transaction. Raises an error for
    which `is_locked` is true if the lock is not free within WRITE_TIMEOUT.
    """
    use = _use()
    deadline = monotonic() + WRITE_TIMEOUT
    write_lock = use.write_locks[(lock or 0) % len(use.write_locks)]
    if not write_lock.acquire(blocking=False):
        release_connection()  # the lock's holder may need the connection
        if not write_lock.acquire(timeout=max(0, deadline - monotonic())):
            raise AcquireTimeout("timed out in the write queue")
    try:
        driver = driver_of(connection := use.connect())
        driver.rollback()  # ends the snapshot
        try:
            driver.begin(lock, deadline - monotonic())
            yield connection
            driver.commit()
        except BaseException:
            with suppress(*database_error_types()):
                driver.rollback()
            raise
    finally:
        write_lock.release()


def create_database() -> None:
    """Create the app's database if it is a missing file."""
    path = str(db.engine.url.database)
    if db.engine.name == "sqlite" and not path.startswith("file:"):
        with suppress(OSError):  # connecting reports the error
            Path(path).touch()


def prepare_connections() -> None:
    """Enable reads of the app's database while another process writes."""
    driver_of(get_connection()).execute(_use().backend.PREPARE)


def checkpoint() -> None:
    """Move all data into the database's main file, unless another server has it open."""
    with suppress(*database_error_types()):
        driver_of(get_connection()).execute(_use().backend.CHECKPOINT)
    close_connections()


def _use() -> Use:
    use: Use | None = g.get("database")
    if use is None:
        use = g.database = Use(*current_app.extensions["database"])
    return use


def _parse_url(setting: Any) -> sa.URL:
    try:
        url = sa.make_url(setting)
        url = url.set(drivername=DRIVERS[url.drivername])
    except (sa.exc.ArgumentError, ValueError, KeyError):
        begin = str(setting).partition(":")[0]
        raise ValueError(
            f"a URL that begins with sqlite:/// or postgresql+psycopg://, not with {begin!r}"
        ) from None
    is_memory = url.drivername == "sqlite" and url.database in (None, "", ":memory:")
    return IN_MEMORY if is_memory else url
