"""Applications on a database of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from app import create_app
from database.connections import close_connections, db
from support.databases import ENGINE


@contextmanager
def open_app(database: Path, **config: Any) -> Iterator[Flask]:
    """Make an application on a file, and close its connections in the end."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": ENGINE.url(database), **config})
    yield app
    with app.app_context():
        close_connections()


def record_statements(app: Flask) -> list[str]:
    """Return a list that will hold every statement that the driver gets from now on, but COMMIT."""
    statements: list[str] = []
    with app.app_context():
        close_connections()  # the next ones will be recorded
        ENGINE.record(db.engine, statements)
    return statements
