"""Applications on a database of their own, and their commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from app import create_app
from database.connections import close_connections, db
from demo.seeding import seed_sandbox
from sandboxes.lifecycle import create_sandbox
from support.databases import ENGINE


@contextmanager
def open_app(database: Path, **config: Any) -> Iterator[Flask]:
    """Make an application on a file, and close its connections in the end."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": ENGINE.url(database), **config})
    yield app
    app.extensions["journal_writer"].write()  # before the database is dropped
    with app.app_context():
        close_connections()


def run_command(app: Flask, *arguments: str | Path) -> Result:
    """Run a command of `flask --app app` in this process."""
    return app.test_cli_runner().invoke(args=[str(each) for each in arguments])


def succeed(app: Flask, *arguments: str | Path) -> str:
    """Run a command that succeeds; return its output."""
    result = run_command(app, *arguments)
    assert (result.exit_code, result.exception) == (0, None), result.output
    return result.output


def fail(app: Flask, *arguments: str | Path) -> str:
    """Run a command that fails with a message, and prints nothing else; return the message."""
    result = run_command(app, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


def add_sandbox(connection: sa.Connection, name: str) -> None:
    """Add a sandbox with the demo data."""
    seed_sandbox(connection, create_sandbox(connection, name))


def record_statements(app: Flask) -> list[str]:
    """Return a list that will hold every statement of a request that the driver gets from now on.

    It leaves out where a snapshot begins and ends, and where a transaction ends.
    """
    statements: list[str] = []
    app.config["JOURNAL"] = 0  # which is written by statements between
    with app.app_context():
        close_connections()  # the next ones will be recorded
        ENGINE.record(db.engine, statements)
    return statements
