"""A fresh seeded database for each test, with its businesses' clocks stopped, and callers of it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import time_machine
from flask import Flask

from app import create_app
from databases import ENGINE
from models import db

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 5, 5, 7, 30, tzinfo=UTC)  # 10:30 AM in Jerusalem, a Tuesday


class Caller:
    """Someone who calls the server with a token."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def put(self, to: str, body: Any = None, **keys: Any) -> Any:
        """Send keys to a conversation, or another body than an object of keys."""
        return self.client.put(
            f"/v2/conversations/{to}",
            headers=self.headers,
            json=keys if body is None else body,
        )

    def post(self, body: Any = None, **message: Any) -> Any:
        """Send a message, or another body."""
        return self.client.post(
            "/platform/v1/messages",
            headers=self.headers,
            json={"message": message} if body is None else body,
        )

    def send(self, uid: str, data: bytes, content_type: str | None = "application/json") -> Any:
        """Send a body as it is."""
        return self.client.put(
            f"/v2/conversations/{uid}", headers=self.headers, data=data, content_type=content_type
        )


class Stored:
    """What is in the database's file, read past the application."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return ENGINE.rows(self.path, statement, values)

    def row(self, statement: str, *values: Any) -> dict[str, Any]:
        [row] = self.rows(statement, *values)
        return row

    def conversation(self, uid: str) -> dict[str, Any]:
        return self.row("SELECT * FROM conversation WHERE uid = ?", uid)

    def collaborator(self, uid: str, name: str = "Ram Almog") -> Any:
        rows = self.rows(
            """SELECT collaborator.* FROM collaborator
               JOIN conversation ON conversation.id = conversation_id
               JOIN staff ON staff.id = collaborator.staff_id
               WHERE conversation.uid = ? AND full_name = ?""",
            uid,
            name,
        )
        return rows[0] if rows else None

    def messages(self, uid: str) -> list[dict[str, Any]]:
        return self.rows(
            """SELECT message.* FROM message JOIN conversation ON conversation.id = conversation_id
               WHERE conversation.uid = ? ORDER BY message.id""",
            uid,
        )

    def copy_conversation(self, uid: str, new_uid: str, *, merged: bool = False) -> None:
        """Add a conversation like another one, without messages; merged into it, if so wanted."""
        self.rows(
            """INSERT INTO conversation (uid, business_id, client_id, staff_id, merged_into_id,
                   title, archived, spam, business_unread, client_unread, mobile, source_data,
                   matter_searchable, channel_uid, message_count, sent, received, created_at,
                   updated_at)
               SELECT ?, business_id, client_id, staff_id, CASE WHEN ? THEN id END, 'x', false,
                   false, false, false, false, '{}', true, 'x', 0, false, false, created_at,
                   updated_at
               FROM conversation WHERE uid = ?""",
            new_uid,
            merged,
            uid,
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock, as another process would."""
        with ENGINE.locked(self.path):
            yield

    def everything(self) -> list[str]:
        """Return the whole content, to compare before and after."""
        return ENGINE.everything(self.path)

    def check_integrity(self) -> None:
        """Fail if the database is damaged, or a foreign key leads nowhere."""
        ENGINE.check_integrity(self.path)


def record_statements(app: Flask) -> list[str]:
    """Return a list that will hold every statement that the driver gets from now on, but COMMIT."""
    statements: list[str] = []
    with app.app_context():
        ENGINE.record(db.engine, statements)
    return statements


@contextmanager
def open_app(database: Path, **config: Any) -> Iterator[Flask]:
    """Make an application on a file, and close its connections in the end."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": ENGINE.url(database), **config})
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def seeded_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seeded") / "conversations.db"
    with time_machine.travel(NOW, tick=False), open_app(path):
        pass
    Stored(path).rows("UPDATE business SET frozen_at = ?", f"{NOW:%Y-%m-%d %H:%M:%S.%f}")
    return path


@pytest.fixture
def stored(seeded_database: Path, tmp_path: Path) -> Iterator[Stored]:
    path = tmp_path / "conversations.db"
    ENGINE.copy(seeded_database, path)
    yield Stored(path)
    ENGINE.drop(path)


class Server:
    """A gunicorn of its own processes, on a port of its own."""

    def __init__(self, database: Path, **environ: str) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("gunicorn")],
            cwd=ROOT,
            env=os.environ
            | {
                "PORT": str(self.port),
                "WEB_CONCURRENCY": "4",
                "GUNICORN_CMD_ARGS": "--graceful-timeout 2",  # a worker may be told before it is up
                "FLASK_SQLALCHEMY_DATABASE_URI": ENGINE.url(database),
            }
            | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that all of it can be killed at once
        )
        assert self.process.stdout
        self.output = ""
        while "-d '{" not in self.output:  # which ends what it says first
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"The server did not start:\n{self.output}")
            self.output += line
        self.reader = Thread(target=self._read, args=[self.process.stdout])
        self.reader.start()  # or the log would fill the pipe, and the server wait

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self.output += line

    def put(self, token: str, uid: str, keys: dict[str, Any]) -> int:
        """Send keys to a conversation; return the status."""
        request = Request(
            f"{self.url}/v2/conversations/{uid}",
            json.dumps(keys).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method="PUT",
        )
        try:
            with urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def exchange(self, request: str) -> str:
        """Send a request as it is, and no more; return the whole answer."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=30)) as connection:
            connection.sendall(request.encode())
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(2**16), b"")).decode()

    def kill(self) -> None:
        """Kill every process at once, without a chance to tidy up."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._wait()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Stop it with a signal; return all that it printed."""
        self.process.send_signal(number)
        self._wait()
        return self.output

    def _wait(self) -> None:
        self.process.wait(timeout=30)
        self.reader.join(timeout=30)
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def server(stored: Stored) -> Iterator[Server]:
    server = Server(stored.path)
    yield server
    server.stop()


@pytest.fixture
def app(stored: Stored) -> Iterator[Flask]:
    with open_app(stored.path, TESTING=True) as app:
        yield app


@pytest.fixture
def call(app: Flask) -> Callable[[str], Caller]:
    return lambda token: Caller(app, token)


@pytest.fixture
def owner(app: Flask) -> Caller:
    return Caller(app, "demo-owner")


@pytest.fixture
def colleague(app: Flask) -> Caller:
    return Caller(app, "demo-colleague")


@pytest.fixture
def assigned(app: Flask) -> Caller:
    return Caller(app, "demo-assigned")
