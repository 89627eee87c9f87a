"""The connection of a request or a command, and the one transaction for all writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from time import monotonic
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, registry

from database import sqlite
from database.backend import AcquireTimeout, Backend, Driver
from database.column_types import FrozenJSON, UTCDateTime

DRIVERS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite"} | dict.fromkeys(
    ("postgresql", "postgresql+psycopg"), "postgresql+psycopg"
)
# Flask-SQLAlchemy gives the one connection of `sqlite://` to all users at once.
IN_MEMORY = sa.make_url("sqlite:///file:/memory?mode=memory&uri=true")
WRITE_TIMEOUT = 5.0  # seconds that a writer waits in the process and for the database together
POOL_TIMEOUT = 5.0  # seconds that a request waits for a connection


class Base(DeclarativeBase):
    """The base class of every table."""

    registry = registry(
        type_annotation_map={
            datetime: UTCDateTime,
            dict[str, Any]: FrozenJSON,
            list[str]: FrozenJSON,
            StrEnum: sa.Enum(
                StrEnum,
                native_enum=False,
                create_constraint=True,
                values_callable=lambda kind: [member.value for member in kind],
            ),
        }
    )


@dataclass(frozen=True)
class Database:
    """The database of an app."""

    engine: sa.Engine
    backend: Backend
    write_locks: list[Lock]


@dataclass
class Use:
    """A request's or a command's use of the database."""

    database: Database
    connection: sa.Connection | None = None
    has_snapshot: bool = False
    in_transaction: bool = False
    lock_deadline: float | None = None  # by the monotonic clock


# The drivers begin no transaction on their own: reads need none, and `transaction` begins its own.
db = SQLAlchemy(model_class=Base, engine_options={"isolation_level": "AUTOCOMMIT"})


def init_app(app: Flask) -> None:
    """Set up an app's database, and release the connection of each request and command.

    Raises ValueError for an invalid URL, and for other databases than SQLite and PostgreSQL.
    """
    url = _parse_url(app.config["SQLALCHEMY_DATABASE_URI"])
    backend = _load_backend(url)
    in_memory = "mode=memory" in str(url)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "poolclass": sa.QueuePool,
        "pool_size": 1 if in_memory else backend.POOL_SIZE,
        "max_overflow": 0 if in_memory else backend.MAX_OVERFLOW,
        "pool_timeout": POOL_TIMEOUT,
        "pool_use_lifo": True,  # the last one used has most in its caches
        "pool_reset_on_return": None,  # `release_connection` ends the snapshot
    }
    db.init_app(app)
    app.teardown_appcontext(release_connection)
    with app.app_context():
        backend.configure(db.engine)
        locks = [Lock() for _ in range(backend.WRITE_LOCKS)]
        app.extensions["database"] = Database(db.engine, backend, locks)


def database_name() -> str:
    """Return the URL of the app's database, without its password."""
    return db.engine.url.render_as_string(hide_password=True)


def backend_name() -> str:
    """Return the kind of the app's database: `sqlite` or `postgresql`."""
    return db.engine.dialect.name


def is_in_memory() -> bool:
    """Return True if the app's database lives in the memory of one process."""
    return "mode=memory" in str(db.engine.url)


def database_error_types() -> tuple[type[Exception], ...]:
    """Return the classes of all errors of a database: the driver's, SQLAlchemy's, and ours."""
    driver: Any = db.engine.dialect.loaded_dbapi
    return driver.Error, sa.exc.SQLAlchemyError, AcquireTimeout


def unwrap_driver_error(error: BaseException) -> BaseException:
    """Return the driver's error, which SQLAlchemy may have wrapped."""
    return getattr(error, "orig", None) or error


def is_locked(error: BaseException) -> bool:
    """Return True if an error means that a lock or a connection could not be had in time."""
    is_ours = isinstance(error, AcquireTimeout)
    return is_ours or _database().backend.is_locked(unwrap_driver_error(error))


def is_unavailable(error: BaseException) -> bool:
    """Return True if an error means that the database can't be used, now or in time."""
    return is_locked(error) or _database().backend.is_unavailable(unwrap_driver_error(error))


def get_connection() -> sa.Connection:
    """Return the connection of this request or command; raise AcquireTimeout if all are in use."""
    use = _use()
    if use.connection is None:
        try:
            use.connection = use.database.engine.connect()
        except sa.exc.TimeoutError:
            raise AcquireTimeout("all connections are in use") from None
    return use.connection


def begin_snapshot() -> None:
    """Begin reading from one consistent snapshot, which ends where the connection is released."""
    end_snapshot()
    use = _use()
    _driver(use).execute(use.database.backend.BEGIN_SNAPSHOT)
    use.has_snapshot = True


def end_snapshot() -> None:
    """End the snapshot, if there is one: each statement reads the latest data."""
    use = _use()
    if use.has_snapshot:
        use.has_snapshot = False
        _driver(use).rollback()


def release_connection(_error: BaseException | None = None) -> None:
    """Release the connection of this request, which is over or is going to wait."""
    use = _use()
    connection = use.connection
    if connection is not None:
        try:
            end_snapshot()
            connection.close()
        except database_error_types():  # the connection is lost
            connection.invalidate()
            connection.close()
        use.connection = None


def close_connections() -> None:
    """Close all connections of the app that are not in use."""
    release_connection()
    db.engine.dispose()


def start_lock_timeout(seconds: float | None = None) -> None:
    """Start the time that this request may wait for a write lock."""
    _use().lock_deadline = monotonic() + (WRITE_TIMEOUT if seconds is None else seconds)


@contextmanager
def transaction(lock: int | None = None) -> Iterator[sa.Connection]:
    """Hold a write lock; commit at the end, or undo everything on an error.

    Writers with the same lock wait for each other, and a writer without one waits for all; SQLite
    has one lock for all. Read inside it what is to be changed. A transaction inside another one is
    part of it.

    Raises an error for which `is_locked` is true if the lock can't be had in time.
    """
    use = _use()
    if use.in_transaction:
        yield get_connection()
        return
    release_connection()  # the holder of the lock may need it
    deadline = use.lock_deadline or monotonic() + WRITE_TIMEOUT
    write_locks = use.database.write_locks
    write_lock = write_locks[(lock or 0) % len(write_locks)]
    if not write_lock.acquire(timeout=max(0, deadline - monotonic())):
        raise AcquireTimeout("other writers were first, and took too long")
    try:
        connection, driver = get_connection(), _driver(use)
        try:
            driver.begin(lock, deadline - monotonic())
            use.in_transaction = True
            yield connection
            driver.commit()
        except BaseException:
            with suppress(*database_error_types()):
                driver.rollback()
            raise
        finally:
            use.in_transaction = False
    finally:
        write_lock.release()


def create_database() -> None:
    """Create the app's database, empty, if it is a missing file."""
    path = str(db.engine.url.database)
    if backend_name() == "sqlite" and not path.startswith("file:"):
        with suppress(OSError):  # connecting reports it
            Path(path).touch()


def prepare_connections() -> None:
    """Enable reading the app's database while another process writes."""
    use = _use()
    _driver(use).execute(use.database.backend.PREPARE)


def backup(path: Path) -> None:
    """Copy the app's SQLite database into a new file, which appears when it is complete.

    Raises FileExistsError if the file exists, and OSError if it can't be written.
    """
    with TemporaryDirectory(prefix="backup-", dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        _driver(_use()).execute("VACUUM INTO ?", [str(unfinished)])
        os.link(unfinished, path)  # `rename` would replace a file that was created meanwhile


def checkpoint() -> None:
    """Move all data into the app's one file, unless another server has it open."""
    use = _use()
    with suppress(*database_error_types()):
        _driver(use).execute(use.database.backend.CHECKPOINT)
    close_connections()


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database


def _use() -> Use:
    use: Use | None = g.get("database")
    if use is None:
        use = g.database = Use(_database())
    return use


def _driver(use: Use) -> Driver:
    connection = use.connection or get_connection()
    driver: Driver | None = connection.connection.driver_connection
    assert driver is not None
    return driver


def _load_backend(url: sa.URL) -> Backend:
    if url.get_backend_name() == "sqlite":
        return sqlite
    from database import postgresql  # its driver would be a tenth of a process's memory

    return postgresql


def _parse_url(setting: Any) -> sa.URL:
    """Return the URL of a database that a setting names."""
    try:
        url = sa.make_url(setting)
        url = url.set(drivername=DRIVERS[url.drivername])
    except (sa.exc.ArgumentError, ValueError, KeyError):
        begin = str(setting).partition(":")[0]
        raise ValueError(
            "It has to be a URL that begins with sqlite:/// or postgresql+psycopg://"
            f" (it begins with {begin!r})"
        ) from None
    is_memory = url.drivername == "sqlite" and url.database in (None, "", ":memory:")
    return IN_MEMORY if is_memory else url
