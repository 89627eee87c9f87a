"""How long sandboxes take to reset, create and delete, compared with a GET, in one process.

`python -m bench.sandboxes ROUNDS` prints, for each, the milliseconds of a GET and its own by round.
"""

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from statistics import median

from app import create_app
from bench.servers import ONE

REPEATS = 40
CLIENTS = 8
Pair = tuple[float, float]


def compare_with_get(rounds: int) -> dict[str, list[Pair]]:
    """Return the milliseconds of a GET and those of each other request, for each round."""
    client = create_app().test_client()

    def send(method: str, path: str, sandbox: str) -> float:
        headers = {"Authorization": f"Bearer demo-owner@{sandbox}"}
        begin = time.perf_counter()
        assert client.open(path, method=method, headers=headers).status_code < 300
        return (time.perf_counter() - begin) * 1000

    requests = {
        "reset": ("POST", "/__admin/reset", "kept"),
        "deletion": ("DELETE", "/__admin/sandbox", "new"),
        "creation": ("GET", ONE, "new"),
    }
    pairs: dict[str, list[Pair]] = {name: [] for name in requests}
    for sandbox in ("kept", "new"):
        send("GET", ONE, sandbox)
    for _ in range(rounds):
        times: dict[str, list[Pair]] = {name: [] for name in requests}
        for _ in range(REPEATS):
            for name, request in requests.items():
                times[name].append((send("GET", ONE, "kept"), send(*request)))
        for name, both in times.items():
            pairs[name].append((median(get for get, _ in both), median(own for _, own in both)))
    return pairs


def make_sandboxes(port: int, number: int) -> Counter[int]:
    """Make sandboxes by several clients at once; return how often each status came."""

    def make(first: int) -> list[int]:
        connection, statuses = HTTPConnection("127.0.0.1", port, timeout=30), []
        for each in range(first, number, CLIENTS):
            connection.request("GET", ONE, headers={"Authorization": f"Bearer demo-owner@w{each}"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        return statuses

    with ThreadPoolExecutor(CLIENTS) as clients:
        made = clients.map(make, range(CLIENTS))
        return Counter(status for statuses in made for status in statuses)


if __name__ == "__main__":
    print(json.dumps(compare_with_get(int(sys.argv[1]))))
