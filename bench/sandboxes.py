"""The durations of resets, creations and deletions of sandboxes, compared with a GET.

`python -m bench.sandboxes ROUNDS` measures them in its own process, without a network. It prints,
for each, the milliseconds of a GET and its own by round.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from statistics import median

from app import create_app
from bench.servers import ONE

REPEATS = 40
CLIENTS = 8
Pair = tuple[float, float]
Send = Callable[[str, str, dict[str, str]], int]  # from method, path and headers to the status


def in_process() -> Send:
    """Return a function that sends a request to an app in this process."""
    client = create_app().test_client()
    return lambda method, path, headers: (
        client.open(path, method=method, headers=headers).status_code
    )


def over_http(port: int) -> Send:
    """Return a function that sends a request to a server, on one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def send(method: str, path: str, headers: dict[str, str]) -> int:
        connection.request(method, path, headers=headers)
        with connection.getresponse() as response:
            response.read()
            return response.status

    return send


def compare_with_get(rounds: int, send: Send) -> dict[str, list[Pair]]:
    """Return the milliseconds of a GET and those of each other request, for each round."""

    def measure(method: str, path: str, sandbox: str) -> float:
        headers = {"Authorization": f"Bearer demo-owner@{sandbox}"}
        begin = time.perf_counter()
        assert send(method, path, headers) < 300
        return (time.perf_counter() - begin) * 1000

    requests = {
        "reset": ("POST", "/__admin/reset", "kept"),
        "deletion": ("DELETE", "/__admin/sandbox", "new"),
        "creation": ("GET", ONE, "new"),
    }
    pairs: dict[str, list[Pair]] = {name: [] for name in requests}
    for sandbox in ("kept", "new"):
        measure("GET", ONE, sandbox)
    for _ in range(rounds):
        times: dict[str, list[Pair]] = {name: [] for name in requests}
        for _ in range(REPEATS):
            for name, request in requests.items():
                times[name].append((measure("GET", ONE, "kept"), measure(*request)))
        for name, both in times.items():
            pairs[name].append((median(get for get, _ in both), median(own for _, own in both)))
    return pairs


def make_sandboxes(port: int, number: int) -> Counter[int]:
    """Make sandboxes by several clients at once; return how often each status came."""

    def make(first: int) -> list[int]:
        send = over_http(port)
        return [
            send("GET", ONE, {"Authorization": f"Bearer demo-owner@w{each}"})
            for each in range(first, number, CLIENTS)
        ]

    with ThreadPoolExecutor(CLIENTS) as clients:
        made = clients.map(make, range(CLIENTS))
        return Counter(status for statuses in made for status in statuses)


if __name__ == "__main__":
    print(json.dumps(compare_with_get(int(sys.argv[1]), in_process())))
