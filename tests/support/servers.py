"""A gunicorn of its own processes, on a port of its own."""

import json
import os
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import IO, Any, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from support.commands import BIN, ENVIRONMENT
from support.constants import ROOT
from support.databases import ENGINE


def find_free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


class Server:
    """A gunicorn of its own processes, on a port of its own."""

    def __init__(self, database: Path | str, *arguments: str, **environ: str) -> None:
        settings = {
            "WEB_CONCURRENCY": "2",
            "GUNICORN_CMD_ARGS": "--graceful-timeout 2",  # a worker may be told before it is up
            "FLASK_SQLALCHEMY_DATABASE_URI": (
                database if isinstance(database, str) else ENGINE.url(database)
            ),
        }
        self.start("gunicorn", *arguments, cwd=ROOT, env=ENVIRONMENT | settings | environ)

    def start(self, *command: str, env: dict[str, str], **options: Any) -> None:
        """Start a command; return once it has said that it listens."""
        self.port = int(env.get("PORT") or find_free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            env=env | {"PORT": str(self.port)},
            **options,
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.returncode is None:
            self.stop()

    def get(self, token: str, path: str, timeout: float = 30) -> int:
        """Read something; return the status."""
        return self._send(token, "GET", path, None, timeout)[0]

    def put(self, token: str, uid: str, fields: dict[str, Any], timeout: float = 30) -> int:
        """Send fields to a conversation; return the status."""
        return self._send(token, "PUT", f"/v2/conversations/{uid}", fields, timeout)[0]

    def ask(
        self, token: str, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Send a request with a body that is JSON, or with none; return the status and the JSON."""
        status, shown = self._send(token, method, path, body, 30, **headers)
        return status, json.loads(shown or "null")

    def _send(
        self, token: str, method: str, path: str, body: Any, timeout: float, **headers: str
    ) -> tuple[int, bytes]:
        headers["Authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        try:
            request = Request(self.url + path, data, headers, method=method)
            with urlopen(request, timeout=timeout) as response:
                return int(response.status), response.read()
        except HTTPError as error:
            return error.code, error.read()

    def exchange(self, request: str) -> str:
        """Send only a request, unchanged; return the full response."""
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
        self.process.wait(timeout=10)  # after which a container would be killed
        self.reader.join(timeout=30)
        assert self.process.stdout
        self.process.stdout.close()
