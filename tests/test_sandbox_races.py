"""Sandboxes under several processes: what comes at once acts as if one came after the other."""

import json
from collections import Counter
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from support.constants import UID
from support.servers import Server
from support.stored import Stored
from support.threads import run_at_once

ONE = f"/v2/conversations/{UID}"
MESSAGE = {"text": "x", "direction": "client_to_business"}
FIXED = {"now": "2026-05-05T07:30:00Z"}


def test_first_requests_at_once_make_one_sandbox(server: Server, stored: Stored) -> None:
    statuses: Counter[int] = Counter()

    def send(token: str) -> Callable[[], None]:
        def run() -> None:
            for number in range(10):
                statuses[server.get(f"{token}@race-{number}", "/v2/conversations")] += 1

        return run

    run_at_once(*map(send, ["demo-owner", "demo-colleague", "demo-neighbour"] * 2))
    assert statuses == {200: 60}
    names = [row["name"] for row in stored.rows("SELECT name FROM sandbox ORDER BY name")]
    assert names == sorted(["default", *(f"race-{number}" for number in range(10))])
    counts = stored.rows("SELECT count(*) AS n FROM conversation GROUP BY business_id ORDER BY 1")
    assert [row["n"] for row in counts] == [1] * 11 + [33] * 11
    stored.check_integrity()


def test_eight_clients_make_a_hundred_sandboxes(server: Server) -> None:
    statuses: Counter[int] = Counter()

    def send(first: int) -> Callable[[], None]:
        def run() -> None:
            for number in range(first, 100, 8):
                statuses[server.get(f"demo-owner@w{number}", ONE)] += 1

        return run

    run_at_once(*map(send, range(8)))
    assert statuses == {200: 100}


def test_more_first_requests_and_resets_than_connections_beside_writes(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="1")
    statuses: Counter[int] = Counter()
    done = Event()

    def write() -> None:
        while not done.is_set():
            assert server.put("demo-owner", UID, {"mobile": True}) == 200

    def make(number: int) -> Callable[[], None]:
        def run() -> None:
            statuses[server.get(f"demo-owner@q{number}", ONE)] += 1
            statuses[server.ask(f"demo-owner@q{number}", "POST", "/__admin/reset")[0]] += 1

        return run

    writer = Thread(target=write)
    writer.start()
    run_at_once(*map(make, range(24)))
    done.set()
    writer.join()
    server.stop()
    assert statuses == {200: 48}


def test_writes_are_not_starved_by_resets(server: Server) -> None:
    done = Event()

    def reset() -> None:
        while not done.is_set():
            assert server.ask("demo-owner", "POST", "/__admin/reset")[0] == 200

    def write() -> None:
        try:
            for _ in range(20):
                assert server.put("demo-owner", UID, {"mobile": True}) == 200
        finally:
            done.set()

    run_at_once(reset, reset, reset, write)


@pytest.mark.parametrize("name", ["default", "w"])
def test_reads_beside_resets_are_never_a_mixture(server: Server, name: str) -> None:
    token, done = f"demo-owner@{name}", Event()
    server.ask(token, "POST", "/__admin/reset", FIXED)
    paths = [f"{ONE}?full_client=1", f"{ONE}/messages", "/v2/conversations", "/__admin/state"]
    expected = {path: server.ask(token, "GET", path) for path in paths}

    def reset() -> None:
        try:
            for _ in range(60):
                assert server.ask(token, "POST", "/__admin/reset", FIXED)[0] == 200
        finally:
            done.set()

    def read() -> None:
        while not done.is_set():
            for path in paths:
                assert server.ask(token, "GET", path) == expected[path]

    run_at_once(reset, read, read, read)


def test_writes_beside_resets_and_deletions_come_before_or_after(
    server: Server, stored: Stored
) -> None:
    token, done = "demo-owner@w", Event()
    clocks = ["2026-05-05T07:30:00Z", "2031-12-01T00:00:00Z"]

    def change() -> None:
        try:
            for number in range(40):
                if number % 4 == 3:
                    assert server.ask(token, "DELETE", "/__admin/sandbox")[0] == 204
                body = {"now": clocks[number % 2]}
                assert server.ask(token, "POST", "/__admin/reset", body)[0] == 200
        finally:
            done.set()

    def write() -> None:
        while not done.is_set():
            status, shown = server.ask(token, "PUT", ONE, {"archived": True, "business_unread": 0})
            if status == 409:  # it waited while the sandbox was deleted
                continue
            assert status == 200
            assert (shown["archived"], shown["business_unread"]) == (True, False)
            message = MESSAGE | {"client_id": shown["client"]["uid"]}
            status, _ = server.ask(token, "POST", "/platform/v1/messages", {"message": message})
            assert status in (201, 409)

    run_at_once(change, write, write, write)
    _, state = server.ask(token, "GET", "/__admin/state")
    for conversation in state["businesses"][0]["conversations"]:
        made_at = {time[:4] for time in (conversation["created_at"], conversation["updated_at"])}
        assert made_at == {state["now"][:4]}, json.dumps(conversation)
    stored.check_integrity()


def test_changes_of_the_state_at_once_are_whole(server: Server) -> None:
    token = "demo-owner@w"
    states = [
        {"conversations": [{"uid": f"{letter}{number}", "client": letter} for number in range(40)]}
        for letter in "ab"
    ]

    def put(state: Any) -> Callable[[], None]:
        def run() -> None:
            for _ in range(15):
                _, shown = server.ask(token, "PUT", "/__admin/state", state)
                uids = [each["uid"] for each in shown["businesses"][0]["conversations"]]
                assert uids == [each["uid"] for each in state["conversations"]]

        return run

    assert server.ask(token, "PUT", "/__admin/state", states[0])[0] == 200

    def read() -> None:
        for _ in range(30):
            _, shown = server.ask(token, "GET", "/v2/conversations?per_page=100")
            first = shown["data"][0]["uid"][0]
            whole = {f"{first}{number}" for number in range(40)}
            assert {each["uid"] for each in shown["data"]} == whole

    run_at_once(put(states[0]), put(states[1]), read)


def test_advances_at_once_all_count(server: Server) -> None:
    token = "demo-owner@w"
    server.ask(token, "PUT", "/__admin/clock", FIXED)

    def advance() -> None:
        for _ in range(10):
            assert server.ask(token, "POST", "/__admin/clock/advance", {"seconds": 60})[0] == 200

    run_at_once(*[advance] * 4)
    _, shown = server.ask(token, "GET", "/__admin/clock")
    assert shown["now"] == "2026-05-05T08:10:00.000Z"
