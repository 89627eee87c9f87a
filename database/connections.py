"""The connection of a request or a command, and the one transaction in which all is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, registry

from database import postgresql, sqlite
from database.column_types import FrozenJSON, UTCDateTime

KINDS = {"sqlite": sqlite, "postgresql": postgresql}


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

    Raises ValueError for a kind of database that is not one of KINDS.
    """
    db.init_app(app)
    app.teardown_appcontext(_give_connection_back)
    with app.app_context():
        engine = db.engine
    if engine.dialect.name not in KINDS:
        raise ValueError(
            f"The database must be one of {' and '.join(KINDS)}, not {engine.dialect.name}."
        )
    KINDS[engine.dialect.name].configure(engine)


def database_name() -> str:
    """Return the URL of the app's database, without its password."""
    return db.engine.url.render_as_string(hide_password=True)


def database_errors() -> tuple[type[Exception], ...]:
    """Return the classes of all errors of a database: the driver's own, and SQLAlchemy's."""
    driver: Any = db.engine.dialect.loaded_dbapi
    return driver.Error, sa.exc.SQLAlchemyError


def driver_error(error: BaseException) -> BaseException:
    """Return the driver's error, which SQLAlchemy may have wrapped."""
    return getattr(error, "orig", None) or error


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that a lock could not be had in time."""
    return any(kind.is_locked(driver_error(error)) for kind in KINDS.values())


def get_connection() -> sa.Connection:
    """Return the connection of this request or command."""
    connection: sa.Connection | None = g.get("connection")
    if connection is None:
        connection = g.connection = db.engine.connect()
    return connection


@contextmanager
def transaction(lock: int | None = None) -> Iterator[sa.Connection]:
    """Hold a write lock; commit at the end, or undo everything on an error.

    Whoever names the same lock waits, and whoever names none waits for all; SQLite has one lock for
    all. What is to be changed has to be read inside. Raises the driver's error if the lock can't be
    had in time (`is_locked`).
    """
    connection = get_connection()
    driver: Any = connection.connection.driver_connection
    try:
        KINDS[connection.dialect.name].begin(driver.execute, lock)
        yield connection
        driver.commit()
    except BaseException:
        driver.rollback()
        raise


def _give_connection_back(_error: BaseException | None) -> None:
    if connection := g.pop("connection", None):
        connection.close()
