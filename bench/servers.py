"""The servers that the benchmark starts, and what drives them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
ROOT = HERE.parent
UID = "89m2pnabgozdvd9f"
ONE = f"/v2/conversations/{UID}"
INBOX = "/v2/conversations?folder=inbox"
AUTHORIZATION = {"Authorization": "Bearer demo-owner"}
OLD_VERSION, OLD_COMMIT = "0.5.0", "7b5ef9b"
PEERS = ("@stoplight/prism-cli@5.16.0", "json-server@0.17.4")  # packages of npm


@dataclass
class Run:
    """A measurement of wrk: requests per second, and milliseconds."""

    rate: float
    median: float
    slowest: float  # the 99th percentile


class Server:
    """A server's processes, from the start to the end of a `with`."""

    def __init__(
        self, command: Iterable[object], cwd: Path, database: Path | None = None, **settings: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.command = [str(part).replace("PORT", str(port)) for part in command]
        self.cwd = cwd
        self.environ = environ_for(database) | settings

    def __enter__(self) -> Self:
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that children end with it
        )
        while True:
            try:
                self.get(ONE)
                break
            except URLError:
                if self.process.poll() is not None:
                    sys.exit(f"A server did not start: {' '.join(self.command)}")
                time.sleep(0.002)
        self.start_seconds = time.perf_counter() - begin
        return self

    def __exit__(self, *_error: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()

    def get(self, path: str) -> bytes:
        """Return the answer to a GET."""
        with urlopen(Request(self.url + path, headers=AUTHORIZATION), timeout=30) as answer:
            return answer.read()  # type: ignore[no-any-return]

    def uids(self, number: int) -> list[str]:
        """Return uids of the first conversations of the inbox."""
        return [each["uid"] for each in json.loads(self.get(f"{INBOX}&per_page={number}"))["data"]]

    def drive(self, kind: str, uids: list[str], seconds: int, connections: int) -> Run:
        """Send requests of a kind (`requests.lua`), or GETs of a path, from many connections."""
        output = subprocess.run(
            [
                *("wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"),
                *("--latency", f"--script={HERE / 'requests.lua'}", self.url),
            ],
            env=os.environ | {"REQUESTS": kind, "UIDS": " ".join(uids)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        if "Non-2xx" in output:
            sys.exit(f"Not every request was answered with 200:\n{output}")
        times = {
            share: float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
            for share, number, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", output)
        }
        [rate] = re.findall(r"Requests/sec:\s+([\d.]+)", output)
        return Run(float(rate), times["50"], times["99"])

    def worker_megabytes(self, figure: str = "VmRSS") -> float:
        """Return the resident memory of the largest child process, or the most that it had."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        sizes = [
            re.search(rf"{figure}:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())
            for worker in task.read_text().split()
        ]
        return max(int(size[1]) for size in sizes if size) / 1024


def serve(database: Path, **settings: str) -> Server:
    """Return this version's server."""
    return Server((gunicorn(), "--bind=127.0.0.1:PORT"), ROOT, database, **settings)


def serve_baseline() -> Server:
    """Return the minimal Flask app, with the same worker."""
    options = ("--workers=2", "--worker-class=serving.worker.Worker", "--no-sendfile")
    more = (f"--pythonpath={ROOT}", "--no-control-socket", "bare:app")
    return Server((gunicorn(), "--bind=127.0.0.1:PORT", *options, *more), HERE)


@contextmanager
def old_version(folder: Path) -> Iterator[Server]:
    """Check out version OLD_VERSION in a folder, with its own packages; yield its server."""
    checkout = folder / "old"
    add = ("git", "worktree", "add", "--quiet", "--detach", checkout, OLD_COMMIT)
    subprocess.run(add, cwd=ROOT, check=True)
    try:
        python = checkout / ".venv/bin/python"
        subprocess.run([sys.executable, "-m", "venv", checkout / ".venv"], check=True)
        install = (python, "-m", "pip", "install", "-qq", "--requirement=requirements.txt")
        subprocess.run(install, cwd=checkout, check=True)
        command = (gunicorn(python), "--bind=127.0.0.1:PORT")
        yield Server(command, checkout, folder / "old.db")
    finally:
        remove = ("git", "worktree", "remove", "--force", checkout)
        subprocess.run(remove, cwd=ROOT, check=True)


def install_peers(folder: Path, ours: Server) -> tuple[Server, Server]:
    """Install Prism and json-server in a folder; return servers of our document and inbox."""
    install = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PEERS)
    subprocess.run(install, cwd=folder, check=True)
    (folder / "openapi.json").write_bytes(ours.get("/openapi.json"))
    rows = json.loads(ours.get(f"{INBOX}&per_page=100"))["data"]
    (folder / "db.json").write_text(json.dumps({"conversations": rows}))
    routes = {
        "/v2/conversations?folder=inbox": "/conversations?_limit=25",
        "/v2/conversations/:uid": "/conversations/:uid",
    }
    (folder / "routes.json").write_text(json.dumps(routes))
    programs = folder / "node_modules" / ".bin"
    options = ("--quiet", "--id=uid", "--routes=routes.json", "--port=PORT")
    return (
        Server((programs / "prism", "mock", "--port=PORT", "openapi.json"), folder),
        Server((programs / "json-server", *options, "db.json"), folder),
    )


def gunicorn(python: str | Path = sys.executable) -> Path:
    """Return the program of an environment."""
    return Path(python).with_name("gunicorn")


def environ_for(database: Path | None) -> dict[str, str]:
    """Return the environment without settings of a server, but with its database."""
    own = ("HOST", "PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith("FLASK_")
    }
    uri = f"sqlite:///{database}"
    # A full run creates more sandboxes than the default limit.
    return kept | {"FLASK_SQLALCHEMY_DATABASE_URI": uri, "FLASK_SANDBOXES": "2000"}
