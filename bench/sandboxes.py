"""How long it takes to make and reset a sandbox, beside a GET on the same server."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from statistics import median

ONE = "/v2/conversations/89m2pnabgozdvd9f"
REPEATS = 40
CLIENTS = 8
Pair = tuple[float, float]


class Tester:
    """Someone who sends one request after the other, by one connection."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, method: str, path: str, sandbox: str) -> tuple[float, int]:
        """Send a request in a sandbox; return the milliseconds that it took, and the status."""
        begin = time.perf_counter()
        headers = {"Authorization": f"Bearer demo-owner@{sandbox}"}
        self.connection.request(method, path, headers=headers)
        response = self.connection.getresponse()
        response.read()
        return (time.perf_counter() - begin) * 1000, response.status


def compare_with_get(port: int, rounds: int) -> dict[str, list[Pair]]:
    """Return the milliseconds of a GET beside those of each other request, once a round."""
    tester = Tester(port)

    def measure(send: Callable[[], tuple[float, int]]) -> Pair:
        pairs = []
        for _ in range(REPEATS):
            pairs.append((tester.send("GET", ONE, "measured")[0], send()[0]))
        return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)

    def make() -> tuple[float, int]:
        tester.send("DELETE", "/__admin/sandbox", "new")
        return tester.send("GET", ONE, "new")

    def reset() -> tuple[float, int]:
        return tester.send("POST", "/__admin/reset", "measured")

    return {
        "new sandbox": [measure(make) for _ in range(rounds)],
        "reset": [measure(reset) for _ in range(rounds)],
    }


def make_sandboxes(port: int, number: int, prefix: str) -> Counter[int]:
    """Make sandboxes by several clients at once; return how often each status came."""

    def make(first: int) -> list[int]:
        tester = Tester(port)
        numbers = range(first, number, CLIENTS)
        return [tester.send("GET", ONE, f"{prefix}{each}")[1] for each in numbers]

    with ThreadPoolExecutor(CLIENTS) as clients:
        made = clients.map(make, range(CLIENTS))
        return Counter(status for statuses in made for status in statuses)
