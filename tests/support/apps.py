"""Applications on a database of their own, their commands, and their callers."""

import json
from collections.abc import Callable, Iterator
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
from support.differences import check_same


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
    """Return a list that collects all later statements of a request.

    It leaves out where a snapshot begins and ends, and where a transaction ends.
    """
    statements: list[str] = []
    app.extensions["journal_writer"].write()  # its thread may be using a connection
    app.config["JOURNAL"] = 0  # which is written by statements between
    with app.app_context():
        close_connections()  # the next ones will be recorded
        ENGINE.record(db.engine, statements)
    return statements


class Caller:
    """Someone who calls the server with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self.app = app
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request with a body that is JSON, or with none."""
        return self.client.open(path, method=method, json=body, headers=self.headers | headers)

    def put(self, to: str, body: Any = None, **fields: Any) -> Any:
        """Send fields to a conversation, or another body than an object of fields."""
        return self.send(to, json.dumps(fields if body is None else body).encode())

    def post(self, body: Any = None, **message: Any) -> Any:
        """Send a message, or another body."""
        body = {"message": message} if body is None else body
        return self.ask("POST", "/platform/v1/messages", body)

    def send(self, uid: str, data: bytes, content_type: str | None = "application/json") -> Any:
        """Send a body as it is to a conversation."""
        return self.send_to("PUT", f"/v2/conversations/{uid}", data, content_type)

    def send_to(
        self, method: str, path: str, data: bytes, content_type: str | None = "application/json"
    ) -> Any:
        """Send a body as it is."""
        return self.client.open(
            path, method=method, headers=self.headers, data=data, content_type=content_type
        )

    def flush_journal(self) -> None:
        """Store the recorded requests that wait in this process."""
        self.app.extensions["journal_writer"].write()

    def entries(self, query: str = "") -> list[Any]:
        """Return the recorded requests of the caller's sandbox, including unwritten ones."""
        self.flush_journal()
        requests: list[Any] = self.get(f"/__admin/requests{query}").json["requests"]
        return requests


Call = Callable[[str], Caller]  # the fixture `call`: the caller with a token


def errors_of(response: Any) -> list[dict[str, str]]:
    """Return the errors of a response in the one form that they have."""
    assert response.content_type == "application/json"
    assert response.json.keys() == {"success", "errors"} and response.json["success"] is False
    errors: list[dict[str, str]] = response.json["errors"]
    assert errors and all(len(error["message"]) > 10 for error in errors)
    return errors


def check_error(
    response: Any, status: int, code: str, field: str | None = None, message: str | None = None
) -> None:
    """Fail unless a response has one error, which is this one."""
    __tracebackhide__ = True
    errors = errors_of(response) if response.status_code >= 400 else [{"code": "none"}]
    check_same(len(errors), 1, "the number of errors")
    [error] = errors
    found = {"status": response.status_code, "code": error["code"], "field": error.get("field")}
    expected = {"status": status, "code": code, "field": field}
    if message is not None:
        found, expected = found | {"message": error["message"]}, expected | {"message": message}
    check_same(found, expected, "the error")


def put_state(caller: Caller, state: Any) -> Any:
    return caller.ask("PUT", "/__admin/state", state)
