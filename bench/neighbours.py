"""How long others wait while one sandbox puts, reads and resets the largest state.

For example: `.venv/bin/python -m bench.neighbours`.
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bench.servers import ONE, Server, serve

SANDBOXES = 4
STATE = "/__admin/state"
MAX_READ, MAX_WRITE = 250, 1_000  # milliseconds that a request may take more
MAX_MEMORY = 250  # megabytes of a process
Times = dict[str, list[float]]  # milliseconds, by the kind of request


def make_largest(text: str) -> dict[str, Any]:
    """Return a state at the limit of every number, with a text in each message."""
    staff = [
        {"uid": f"s{i}", "full_name": f"S {i}", "tokens": [f"t{i}-{j}" for j in range(20)]}
        for i in range(1_000)
    ]
    staff[0]["tokens"][0] = "demo-owner"  # type: ignore[index]
    return {
        "businesses": [
            {
                "uid": "b1",
                "name": "Bakery",
                "time_zone": "Europe/Paris",
                "staff": staff,
                "clients": [
                    {"uid": f"c{i}", "first_name": f"C {i}", "email": ""} for i in range(2_000)
                ],
                "conversations": [
                    {
                        "uid": f"v{i}",
                        "client": f"c{i}",
                        "collaborators": [{"staff": f"s{i % 1_000}", "follow_up_state": "active"}],
                        "messages": [{"from": "client", "text": text} for _ in range(10)],
                    }
                    for i in range(2_000)
                ],
            }
        ]
    }


def send(server: Server, sandbox: str, method: str, path: str, body: bytes | None) -> bytes:
    """Return the response to a request, which must be 200."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer demo-owner@{sandbox}", "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    shown = response.read()
    if response.status != 200:
        sys.exit(f"{method} {path} in {sandbox}: {response.status} {shown[:200]!r}")
    return shown


def use(server: Server, sandbox: str, times: Times, is_over: Event) -> None:
    """Read and write in turns in a sandbox; add how long each took."""
    number = 0
    while not is_over.is_set():
        number += 1
        for method, body in (("GET", None), ("PUT", f'{{"campaign": "{number}"}}'.encode())):
            begin = time.perf_counter()
            send(server, sandbox, method, ONE, body)
            times[method].append((time.perf_counter() - begin) * 1000)
            time.sleep(0.01)


def measure(server: Server, seconds: float, body: bytes | None = None) -> Times:
    """Return how long the requests of four sandboxes took, beside a large state if there is one."""
    times: Times = defaultdict(list)
    is_over = Event()
    users = [
        Thread(target=use, args=(server, f"neighbour-{number}", times, is_over), daemon=True)
        for number in range(SANDBOXES)
    ]
    for user in users:
        user.start()
    time.sleep(seconds)
    if body:
        for _ in range(3):
            shown = send(server, "large", "PUT", STATE, body)
            begin = time.perf_counter()
            again = send(server, "large", "PUT", STATE, shown)
            print(f"A PUT of {len(shown) / 2**20:.1f} MiB took {time.perf_counter() - begin:.1f} s")
            if not shown == again == send(server, "large", "GET", STATE, None):
                sys.exit("GET shows another state than was put.")
        send(server, "large", "POST", "/__admin/reset", b"{}")
    is_over.set()
    for user in users:
        user.join()
    return times


def main() -> None:
    """Print how much longer others wait, and the memory of a process."""
    body = json.dumps(make_largest("x" * int(sys.argv[1] if sys.argv[1:] else 200))).encode()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "neighbours.db") as server:
        alone, beside = measure(server, 3), measure(server, 0, body)
        memory = server.worker_megabytes("VmHWM")
    for method, limit in (("GET", MAX_READ), ("PUT", MAX_WRITE)):
        more = max(beside[method]) - max(alone[method])
        print(f"{method}: {max(alone[method]):.0f} ms alone, {more:.0f} more (at most {limit})")
    print(f"Memory of the largest process: {memory:.0f} MB (at most {MAX_MEMORY})")


if __name__ == "__main__":
    main()
