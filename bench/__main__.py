"""Drive the server and a bare Flask in turns, and say which goals are met."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Self
from urllib.error import URLError
from urllib.request import Request, urlopen

import click

from bench.sandboxes import compare_with_get, make_sandboxes

HERE = Path(__file__).parent
ROOT = HERE.parent
GUNICORN = Path(sys.executable).with_name("gunicorn")
MANY, FEW = 64, 8  # connections, which stay open
UID = "89m2pnabgozdvd9f"
KINDS = {  # of requests to twenty conversations, with what they should reach of bare Flask
    "put": ("PUT to twenty", "0.42"),
    "get": ("GET", "0.60"),
    "inbox": ("inbox of 25", "0.24"),
}
AUTHORIZATION = {"Authorization": "Bearer demo-owner"}


@dataclass
class Server:
    """Two gunicorn processes, on a port of their own: ours on a database, or else a bare Flask."""

    database: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(init=False)
    start_seconds: float = field(init=False)

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        begin = time.perf_counter()
        bare = [
            *("--workers=2", "--worker-class=serving.worker.Worker", "--no-sendfile"),
            *(f"--pythonpath={ROOT}", "--no-control-socket", "bare:app"),
        ]
        self.process = subprocess.Popen(
            [GUNICORN, f"--bind=127.0.0.1:{self.port}", *([] if self.database else bare)],
            cwd=ROOT if self.database else HERE,
            env=_environment(self.database) | self.settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while True:
            try:
                self.get(f"/v2/conversations/{UID}")
                break
            except URLError:
                if self.process.poll() is not None:
                    sys.exit("A server did not start; `make run` may say why.")
                time.sleep(0.002)
        self.start_seconds = time.perf_counter() - begin
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait()

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        """Return the answer to a GET."""
        with urlopen(Request(self.url + path, headers=AUTHORIZATION), timeout=30) as answer:
            return answer.read()  # type: ignore[no-any-return]

    def uids(self, number: int) -> list[str]:
        """Return uids of the first conversations of the inbox."""
        path = f"/v2/conversations?folder=inbox&per_page={number}"
        return [each["uid"] for each in json.loads(self.get(path))["data"]]

    def worker_megabytes(self) -> float:
        """Return what the largest worker has in memory."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        sizes = [
            re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())
            for worker in task.read_text().split()
        ]
        return max(int(size[1]) for size in sizes if size) / 1024


@dataclass
class Run:
    """What wrk measured: requests per second, and milliseconds."""

    rate: float
    middle: float
    slowest: float


def drive(server: Server, kind: str, uids: list[str], seconds: int, connections: int) -> Run:
    """Send a server requests of one kind, from so many connections."""
    output = subprocess.run(
        [
            *("wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s"),
            *("--latency", f"--script={HERE / 'requests.lua'}", server.url),
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


class Table:
    """The medians, with what they should be."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        print(f"| {'what':<46} | {'compared':>12} | {'ours':>12} | ratio | goal    |")
        print(f"|{'-' * 48}|{'-' * 14}|{'-' * 14}|-------|---------|")

    def add(self, what: str, pairs: list[tuple[float, float]], unit: str, goal: str) -> None:
        """Print the medians of pairs, and the median of their ratios beside its goal."""
        other, ours = (median(pair[side] for pair in pairs) for side in (0, 1))
        ratio = median(pair[1] / pair[0] for pair in pairs)
        sign, limit = goal.split()
        is_met = ratio >= float(limit) if sign == "≥" else ratio <= float(limit)
        if not is_met:
            self.missed.append(what)
        print(
            f"| {what:<46} | {_figure(other, unit):>12} | {_figure(ours, unit):>12} "
            f"| {ratio:5.2f} | {goal:<7} |",
            flush=True,
        )


@click.command()
@click.option("--rounds", default=5, show_default=True, help="How often each is measured.")
@click.option("--seconds", default=3, show_default=True, help="How long each is driven.")
@click.option("--conversations", default=1_000_000, show_default=True, help="In the large one.")
@click.option("--messages", default=100_000, show_default=True, help="In its conversation.")
def bench(rounds: int, seconds: int, conversations: int, messages: int) -> None:
    """Compare the server with a bare Flask, and a large database with a small one."""
    if shutil.which("wrk") is None:
        sys.exit("The benchmark needs wrk; on Debian `apt-get install wrk` installs it.")
    with tempfile.TemporaryDirectory() as folder:
        small = _fill(Path(folder) / "small.db", 1_000, 10)
        seeded, crowded = (_fill(Path(folder) / f"{name}.db", 1, 1) for name in ("one", "many"))
        large = _fill(Path(folder) / "large.db", conversations, messages)
        table = Table()

        def measure(
            first: Server, second: Server, kind: str, uids: list[str], connections: int = FEW
        ) -> list[list[Run]]:
            return [
                [drive(server, kind, uids, seconds, connections) for server in (first, second)]
                for _ in range(rounds)
            ]

        def rates(runs: list[list[Run]]) -> list[tuple[float, float]]:
            return [(first.rate, second.rate) for first, second in runs]

        def compare_times(first: Server, second: Server, what: str) -> None:
            for kind, (name, _) in KINDS.items():
                runs = measure(first, second, kind, [UID])
                times = [(1000 / one.rate, 1000 / other.rate) for one, other in runs]
                table.add(f"{name}, {what}", times, "ms", "≤ 1.2")

        with Server() as bare, Server(small) as ours:
            twenty = ours.uids(20)
            one = measure(bare, ours, "put", [UID])
            table.add("PUT to one conversation / bare", rates(one), "/s", "≥ 0.42")
            few = {kind: measure(bare, ours, kind, twenty) for kind in KINDS}
            for kind, (name, goal) in KINDS.items():
                table.add(f"{name} / bare", rates(few[kind]), "/s", f"≥ {goal}")
            many = {kind: measure(bare, ours, kind, twenty, MANY) for kind in KINDS}
            for connections, all_runs, goal in ((FEW, few, "< 6"), (MANY, many, "< 12")):
                for kind, (name, _) in KINDS.items():
                    spread = [(run.middle, run.slowest) for _, run in all_runs[kind]]
                    what = f"{name}, 99th / 50th percentile of {connections}"
                    table.add(what, spread, "ms", goal)
            memory = ours.worker_megabytes()
        with Server(small) as first, Server(large) as second:
            compare_times(first, second, "large / small database")
        with Server(small, {"FLASK_JOURNAL": "0"}) as without, Server(small) as ours:
            for (kind, (name, _)), goal in zip(KINDS.items(), ("0.9", "0.8", "0.8"), strict=True):
                runs = rates(measure(without, ours, kind, ours.uids(20)))
                table.add(f"{name}, with the journal / without", runs, "/s", f"≥ {goal}")
        with Server(crowded) as ours:
            for count in (100, 500, 1_000):
                statuses = make_sandboxes(ours.port, count, "w")
                print(f"{count:,} sandboxes by 8 clients: {dict(statuses)}", flush=True)
                for name, pairs in compare_with_get(ours.port, rounds).items():
                    table.add(f"{name} / GET, of {count:,} sandboxes", pairs, "ms", "≤ 10")
        with Server(seeded) as first, Server(crowded) as second:
            compare_times(first, second, "of 1,000 sandboxes / of 1")
        table.add("from start to answer / bare", _starts(small, rounds), "s", "≤ 3")
        table.add("memory of a worker / 64 MB", [(64, memory)], "MB", "≤ 1")
    print(
        f"\nMissed: {'; '.join(table.missed)}." if table.missed else "\nEvery goal is met.",
        flush=True,
    )


def _starts(database: Path, rounds: int) -> list[tuple[float, float]]:
    pairs = []
    for _ in range(rounds):
        with Server() as bare, Server(database) as ours:
            pairs.append((bare.start_seconds, ours.start_seconds))
    return pairs


def _fill(path: Path, conversations: int, messages: int) -> Path:
    """Make a database with generated data."""
    subprocess.run(
        [
            *(sys.executable, "-m", "bench.generate"),
            *(f"--conversations={conversations}", f"--messages={messages}"),
        ],
        cwd=ROOT,
        env=_environment(path),
        check=True,
    )
    return path


def _environment(database: Path | None) -> dict[str, str]:
    own = ("HOST", "PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith("FLASK_")
    }
    return kept | {"FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{database}"}


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


if __name__ == "__main__":
    bench()
