"""Compare the server with others and with itself, and report the goals that are met."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import click

from bench.sandboxes import compare_with_get, make_sandboxes, over_http
from bench.servers import (
    INBOX,
    OLD_VERSION,
    ROOT,
    UID,
    Run,
    Server,
    environ_for,
    install_peers,
    old_version,
    serve,
    serve_baseline,
)

MANY, FEW = 64, 8  # connections, which stay open
KINDS = {"put": "PUT", "get": "GET", "inbox": "inbox of 25"}  # sent by `requests.lua`
BASELINE_GOALS = {"put": "≥ 0.36", "get": "≥ 0.50", "inbox": "≥ 0.24"}
PAGE, MESSAGES_PAGE = 25, 20  # rows
LAST_PAGE, LAST_MESSAGES_PAGE = 2_000 // PAGE, 20_000 // MESSAGES_PAGE  # of the largest state
IMPORT = "import time; begin = time.perf_counter(); import app; print(time.perf_counter() - begin)"
Pairs = list[tuple[float, float]]


class Table:
    """The medians in Markdown, with their goals."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        print(f"| {'figure':<50} | {'compared':>10} | {'this':>10} | ratio  | goal   | met |")
        print(f"|{'-' * 52}|{'-' * 11}:|{'-' * 11}:|-------:|--------|-----|")

    def add(self, figure: str, pairs: Pairs, unit: str, goal: str) -> None:
        """Print the medians of pairs, and the median of their ratios with its goal."""
        other, this = (median(pair[side] for pair in pairs) for side in (0, 1))
        ratio = median(pair[1] / pair[0] for pair in pairs)
        sign, limit = goal.split()
        is_met = ratio >= float(limit) if sign == "≥" else ratio <= float(limit)
        if not is_met:
            self.missed.append(figure)
        print(
            f"| {figure:<50} | {_format(other, unit):>10} | {_format(this, unit):>10} "
            f"| {ratio:6.2f} | {goal:<6} | {'yes' if is_met else 'no':<3} |",
            flush=True,
        )


class Bench:
    """The settings of a run, and its table."""

    def __init__(self, folder: Path, rounds: int, seconds: int) -> None:
        self.folder = folder
        self.rounds = rounds
        self.seconds = seconds
        self.table = Table()

    def fill(self, name: str, conversations: int = 1, messages: int = 1) -> Path:
        """Make a database of the demo data and, up to these numbers, generated data."""
        path = self.folder / f"{name}.db"
        numbers = (f"--conversations={conversations}", f"--messages={messages}")
        self._run("-m", "bench.generate", *numbers, database=path)
        return path

    def compare_rates(self, other: Server, this: Server, name: str, goals: dict[str, str]) -> None:
        """Add the rates of each kind of request to twenty conversations."""
        uids = this.uids(20)
        for kind, goal in goals.items():
            runs = [self._drive(kind, uids, other, this) for _ in range(self.rounds)]
            rates = [(one.rate, two.rate) for one, two in runs]
            self.table.add(f"{KINDS[kind]} / {name}", rates, "/s", goal)

    def compare_tails(self, this: Server) -> None:
        """Add the ratios of the 99th percentile to the median."""
        uids = this.uids(20)
        for connections in (FEW, MANY):
            for kind, name in KINDS.items():
                runs = [
                    this.drive(kind, uids, self.seconds, connections) for _ in range(self.rounds)
                ]
                times = [(run.median, run.slowest) for run in runs]
                figure = f"{name}, 99th percentile / median of {connections}"
                self.table.add(figure, times, "ms", "≤ 3")

    def compare_paths(self, this: Server, uid: str, pages: int, messages_pages: int) -> None:
        """Add the durations of small folders and late pages in a large database.

        Also add those of the last pages that a sandbox's state may have.
        """
        for folder in ("follow_up", "trash", "archived"):
            path = f"/v2/conversations?folder={folder}"
            self._compare_times(this, this, INBOX, path, f"{folder}, ten of many / inbox", "≤ 2")
        lists = {
            "inbox": (INBOX, LAST_PAGE, pages),
            "all": ("/v2/conversations?folder=all", LAST_PAGE, pages),
            "messages": (
                f"/v2/conversations/{uid}/messages?per_page={MESSAGES_PAGE}",
                LAST_MESSAGES_PAGE,
                messages_pages,
            ),
        }
        for name, (first, *numbers) in lists.items():
            for number in numbers:
                late = f"{first}&page={number}"
                self._compare_times(this, this, first, late, f"{name}, page {number:,} / 1", "≤ 5")

    def compare_databases(self, other: Server, this: Server, name: str) -> None:
        """Add the durations of each kind of request with another database."""
        for kind, what in KINDS.items():
            self._compare_times(other, this, kind, kind, f"{what}, {name}", "≤ 1.2")

    def compare_starts(self, small: Path) -> None:
        """Add the duration of a start, and the memory of a process."""
        seconds = [float(self._run("-c", IMPORT)) for _ in range(self.rounds)]
        self.table.add("`import app` / 0.45 s", [(0.45, each) for each in seconds], "s", "≤ 1")
        starts, at_once = [], []
        for number in range(self.rounds):
            with serve(small) as this:
                starts.append((1.0, this.start_seconds))
            with serve(self.folder / f"one{number}.db", WEB_CONCURRENCY="1") as one:
                pass
            with serve(self.folder / f"four{number}.db", WEB_CONCURRENCY="4") as four:
                at_once.append((one.start_seconds, four.start_seconds))
        self.table.add("from `gunicorn` to the first answer / 1 s", starts, "s", "≤ 1")
        self.table.add("the same with an empty database, 4 workers / 1", at_once, "s", "≤ 1.1")
        with serve(small, WEB_CONCURRENCY="1") as this:
            for _ in range(100):
                this.get(INBOX)
            memory = this.worker_megabytes()
        self.table.add("memory (RSS) of a worker / 60 MiB", [(60, memory)], "MiB", "≤ 1")

    def compare_sandboxes(self, crowded: Path, name: str) -> None:
        """Add the durations of resets, creations and deletions of sandboxes, in GETs."""
        with serve(crowded) as this:
            served = compare_with_get(self.rounds, over_http(this.port))
        output = self._run("-m", "bench.sandboxes", str(self.rounds), database=crowded)
        for where, pairs_of in {"": served, " in process": json.loads(output)}.items():
            for what, pairs in pairs_of.items():
                self.table.add(f"{what} / GET{where}, {name}", pairs, "ms", "≤ 8")

    def _drive(self, kind: str, uids: list[str], *servers: Server) -> list[Run]:
        return [server.drive(kind, uids, self.seconds, FEW) for server in servers]

    def _compare_times(
        self, other: Server, this: Server, first: str, second: str, figure: str, goal: str
    ) -> None:
        times = []
        for _ in range(self.rounds):
            [one] = self._drive(first, [UID], other)
            [two] = self._drive(second, [UID], this)
            times.append((1000 / one.rate, 1000 / two.rate))
        self.table.add(figure, times, "ms", goal)

    def _run(self, *arguments: str, database: Path | None = None) -> str:
        command = [sys.executable, *arguments]
        result = subprocess.run(
            command, cwd=ROOT, env=environ_for(database), capture_output=True, text=True
        )
        if result.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
        return result.stdout


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Number of measurements.")
@click.option("--seconds", default=3, show_default=True, help="Seconds of each measurement.")
@click.option(
    "--conversations",
    default=1_000_000,
    show_default=True,
    help="Conversations in the large database.",
)
@click.option(
    "--messages", default=100_000, show_default=True, help="Messages in its conversation."
)
@click.option(
    "--sandboxes", default=1_000, show_default=True, help="Sandboxes in the crowded database."
)
@click.option("--quick", is_flag=True, help="Three rounds of one second, a tenth of the data.")
def run(
    rounds: int, seconds: int, conversations: int, messages: int, sandboxes: int, quick: bool
) -> None:
    """Compare the server with others, with its previous version, and with itself."""
    if shutil.which("wrk") is None:
        sys.exit("The benchmark needs wrk; on Debian `apt-get install wrk` installs it.")
    if quick:
        rounds, seconds, conversations, messages, sandboxes = 3, 1, 100_000, 10_000, 100
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(Path(temporary), rounds, seconds)
        small, seeded = bench.fill("small", 1_000, 10), bench.fill("seeded")
        with serve_baseline() as baseline, serve(small) as this:
            bench.compare_rates(baseline, this, "minimal Flask app", BASELINE_GOALS)
            bench.compare_tails(this)
        compare_with_peers(bench, seeded)
        with old_version(bench.folder) as other, other, serve(seeded) as this:
            bench.compare_rates(other, this, OLD_VERSION, dict.fromkeys(KINDS, "≥ 1.15"))
        bench.compare_starts(small)
        bench.compare_sandboxes(seeded, "alone")
        crowded = bench.fill("crowded")
        with serve(seeded) as one, serve(crowded) as this:
            statuses = make_sandboxes(this.port, sandboxes)
            bench.compare_databases(one, this, f"{sandboxes:,} sandboxes / 1")
        bench.compare_sandboxes(crowded, f"of {sandboxes:,}")
        large = bench.fill("large", conversations, messages)
        with serve(small) as one, serve(large) as this:
            bench.compare_databases(one, this, f"{conversations:,} conversations / 1,000")
            pages = min(10_000, conversations // PAGE - 10)
            bench.compare_paths(this, UID, pages, messages // MESSAGES_PAGE)
        print(f"\nStatuses of {sandboxes:,} sandboxes made by 8 clients: {dict(statuses)}")
        missed = "; ".join(bench.table.missed)
        print(f"Missed: {missed}." if missed else "Every goal is met.")


def compare_with_peers(bench: Bench, seeded: Path) -> None:
    """Compare with Prism and json-server, where npm can install them."""
    if shutil.which("npm") is None:
        print("Prism and json-server need node and npm.", file=sys.stderr)
        return
    with serve(seeded) as this:
        prism, json_server = install_peers(bench.folder, this)
        goals = {"put": "≥ 1.25", "get": "≥ 1"}
        with prism:  # whose inbox is the example of the document, one conversation
            bench.compare_rates(prism, this, "Prism", goals)
        with json_server:
            bench.compare_rates(json_server, this, "json-server", goals | {"inbox": "≥ 1"})


def _format(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


if __name__ == "__main__":
    run()
