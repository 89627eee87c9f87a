"""The connection of a request or a command, and the one transaction in which all is written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, registry

from database.column_types import FrozenJSON, UTCDateTime
from database.errors import OutOfTime
from database.pool import Pool
from database.turns import Turns

DRIVERS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite"} | dict.fromkeys(
    ("postgresql", "postgresql+psycopg"), "postgresql+psycopg"
)
WRITE_SECONDS = 5.0  # that a writer waits for its turn and for the database's lock together


class Base(DeclarativeBase):
    """What every table is declared from."""

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


# The drivers begin no transaction on their own: reads need none, and `transaction` begins its own.
db = SQLAlchemy(model_class=Base, engine_options={"isolation_level": "AUTOCOMMIT"})


def init_app(app: Flask) -> None:
    """Set up an app's database, and give the connection of each request and command back.

    Raises ValueError for a URL that is none, or of another kind of database than SQLite and
    PostgreSQL.
    """
    url = _read_url(app.config["SQLALCHEMY_DATABASE_URI"])
    # Only the one that is used: the other's driver would be a tenth of a process's memory.
    kind: Any = import_module(f"database.{url.get_backend_name()}")
    app.extensions["database_kind"] = kind
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    in_memory = kind.is_in_memory(url)
    if not in_memory:
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": sa.NullPool}
    db.init_app(app)
    app.teardown_appcontext(give_connection_back)
    with app.app_context():
        kind.configure(db.engine)
        most = 1 if in_memory else kind.CONNECTIONS
        app.extensions["connections"] = Pool(db.engine, most, kind.is_usable)
    app.extensions["writers"] = [Turns(1) for _ in range(kind.WRITERS)]


def database_name() -> str:
    """Return the URL of the app's database, without its password."""
    return db.engine.url.render_as_string(hide_password=True)


def database_kind() -> str:
    """Return which kind of database the app's is: `sqlite` or `postgresql`."""
    return db.engine.dialect.name


def is_in_memory() -> bool:
    """Say whether the app's database lives in the memory of one process."""
    return bool(_kind().is_in_memory(db.engine.url))


def database_errors() -> tuple[type[Exception], ...]:
    """Return the classes of all errors of a database: the driver's own, SQLAlchemy's, and ours."""
    driver: Any = db.engine.dialect.loaded_dbapi
    return driver.Error, sa.exc.SQLAlchemyError, OutOfTime


def driver_error(error: BaseException) -> BaseException:
    """Return the driver's error, which SQLAlchemy may have wrapped."""
    return getattr(error, "orig", None) or error


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that a lock could not be had in time."""
    return isinstance(error, OutOfTime) or bool(_kind().is_locked(driver_error(error)))


def is_unavailable(error: BaseException) -> bool:
    """Say whether an error means that the database can't be used, now or in time."""
    return is_locked(error) or bool(_kind().is_unavailable(driver_error(error)))


def get_connection(seconds: float | None = None) -> sa.Connection:
    """Return the connection of this request or command; wait so long where none is free."""
    connection: sa.Connection | None = g.get("connection")
    if connection is None:
        connection = g.connection = _pool().take(seconds)
    return connection


def begin_snapshot() -> None:
    """Let all that is read from now on be of one moment, until something is written.

    The snapshot also ends where the connection is given back.
    """
    end_snapshot()
    _kind().begin_snapshot(_driver())
    g.has_snapshot = True


def end_snapshot() -> None:
    """Let each statement read what is stored when it is run."""
    if g.pop("has_snapshot", False):
        _kind().roll_back(_driver())


def give_connection_back(_error: BaseException | None = None) -> None:
    """Let others have the connection of this request, which is going to wait or is over."""
    with suppress(*database_errors()):  # a lost connection is found out when it is next needed
        end_snapshot()
    if connection := g.pop("connection", None):
        _pool().give_back(connection)


def close_connections() -> None:
    """Close the connections of the app that nobody uses now."""
    give_connection_back()
    _pool().close()


def start_to_wait(seconds: float | None = None) -> None:
    """Count the time that this request may wait for the write lock from now on."""
    g.waits_until = monotonic() + (WRITE_SECONDS if seconds is None else seconds)


@contextmanager
def transaction(lock: int | None = None) -> Iterator[sa.Connection]:
    """Hold a write lock; commit at the end, or undo everything on an error.

    Whoever names the same lock waits, and whoever names none waits for all; SQLite has one lock for
    all. Inside a process it is first come, first served. What is to be changed has to be read
    inside. A transaction inside another one is a part of it.

    Raises an error for which `is_locked` is true if the lock can't be had in time.
    """
    if g.get("in_transaction"):
        yield get_connection()
        return
    give_connection_back()  # whoever has their turn may need it
    until = g.get("waits_until") or monotonic() + WRITE_SECONDS
    writers: list[Turns] = current_app.extensions["writers"]
    turns = writers[(lock or 0) % len(writers)]
    turns.take(until - monotonic())
    try:
        connection = get_connection(until - monotonic())
        kind, driver = _kind(), _driver()
        try:
            kind.begin(driver, lock, until - monotonic())
            g.in_transaction = True
            yield connection
            kind.commit(driver)
        except BaseException:
            with suppress(*database_errors()):
                kind.roll_back(driver)
            raise
        finally:
            g.in_transaction = False
    finally:
        turns.hand_on()


def create_database() -> None:
    """Make the app's database, empty, if it is a file that is missing."""
    _kind().create(db.engine.url)


def prepare_connections() -> None:
    """Let the app's database serve several processes at once, from now on."""
    _kind().prepare(_driver())


def back_up(path: Path) -> None:
    """Copy the app's SQLite database into a new file, which is there once it is complete.

    Raises FileExistsError if there is a file already, and OSError if none can be written.
    """
    if path.exists() or path.is_symlink():
        raise FileExistsError
    with TemporaryDirectory(prefix="backup-", dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        _kind().back_up(_driver(), unfinished)
        os.link(unfinished, path)  # `rename` would replace a file that was made meanwhile


def tidy_up() -> None:
    """Move everything into the app's one file, unless another server has it open."""
    with suppress(*database_errors()):
        _kind().tidy_up(_driver())
    close_connections()


def _kind() -> Any:
    return current_app.extensions["database_kind"]


def _pool() -> Pool:
    pool: Pool = current_app.extensions["connections"]
    return pool


def _driver() -> Any:
    return get_connection().connection.driver_connection


def _read_url(setting: Any) -> sa.URL:
    """Return the URL of a database that a setting names."""
    try:
        url = sa.make_url(setting)
        return url.set(drivername=DRIVERS[url.drivername])
    except (sa.exc.ArgumentError, ValueError, KeyError):
        begin = str(setting).partition(":")[0]
        raise ValueError(
            "It has to be a URL that begins with sqlite:/// or postgresql+psycopg://"
            f" (it begins with {begin!r})"
        ) from None
