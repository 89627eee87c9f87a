"""Sandboxes under several processes: what comes at once acts as if one came after the other."""

import json
from functools import partial
from typing import Any

import pytest

from support.constants import MESSAGE, ONE, UID
from support.servers import Server
from support.stored import Stored
from support.threads import repeat_during, run_at_once

pytestmark = pytest.mark.database  # locks between processes

FIXED = {"now": "2026-05-05T07:30:00Z"}
RESET = ("POST", "/__admin/reset")
MINE = "demo-owner@w"


def test_concurrent_first_requests_create_one_sandbox(server: Server, stored: Stored) -> None:
    def send(token: str) -> None:
        for number in range(10):
            assert server.get(f"{token}@race-{number}", "/v2/conversations") == 200

    tokens = ["demo-owner", "demo-colleague", "demo-neighbour"] * 2
    run_at_once(*(partial(send, token) for token in tokens))
    names = [row["name"] for row in stored.rows("SELECT name FROM sandbox ORDER BY name")]
    assert names == sorted(["default", *(f"race-{number}" for number in range(10))])
    counts = stored.rows("SELECT count(*) AS n FROM conversation GROUP BY business_id ORDER BY 1")
    assert [row["n"] for row in counts] == [1] * 11 + [33] * 11
    stored.check_integrity()


def test_first_requests_and_resets_outnumber_connections_without_errors(stored: Stored) -> None:
    def write() -> None:
        assert server.put("demo-owner", UID, {"mobile": True}) == 200

    def create(number: int) -> None:
        assert server.get(f"demo-owner@q{number}", ONE) == 200
        assert server.ask(f"demo-owner@q{number}", *RESET)[0] == 200

    def create_all() -> None:
        run_at_once(*(partial(create, number) for number in range(24)))

    with Server(stored.path, WEB_CONCURRENCY="1") as server:
        repeat_during(create_all, write)


def test_writes_are_not_starved_by_resets(server: Server) -> None:
    def reset() -> None:
        assert server.ask("demo-owner", *RESET)[0] == 200

    def write() -> None:
        for _ in range(20):
            assert server.put("demo-owner", UID, {"mobile": True}) == 200

    repeat_during(write, reset, reset, reset)


def test_reads_during_resets_are_consistent(server: Server) -> None:
    server.ask(MINE, *RESET, FIXED)
    paths = [f"{ONE}?full_client=1", f"{ONE}/messages", "/v2/conversations", "/__admin/state"]
    expected = {path: server.ask(MINE, "GET", path) for path in paths}

    def reset() -> None:
        for _ in range(60):
            assert server.ask(MINE, *RESET, FIXED)[0] == 200

    def read() -> None:
        for path in paths:
            assert server.ask(MINE, "GET", path) == expected[path]

    repeat_during(reset, read, read, read)


def test_writes_during_resets_and_deletions_are_serialized(server: Server, stored: Stored) -> None:
    clocks = ["2026-05-05T07:30:00Z", "2031-12-01T00:00:00Z"]

    def change() -> None:
        for number in range(40):
            if number % 4 == 3:
                assert server.ask(MINE, "DELETE", "/__admin/sandbox")[0] == 204
            assert server.ask(MINE, *RESET, {"now": clocks[number % 2]})[0] == 200

    def write() -> None:
        status, shown = server.ask(MINE, "PUT", ONE, {"archived": True, "business_unread": 0})
        if status == 409:  # it waited while the sandbox was deleted
            return
        assert status == 200
        assert (shown["archived"], shown["business_unread"]) == (True, False)
        status, _ = server.ask(MINE, "POST", "/platform/v1/messages", {"message": MESSAGE})
        assert status in (201, 409)

    repeat_during(change, write, write, write)
    _, state = server.ask(MINE, "GET", "/__admin/state")
    for conversation in state["businesses"][0]["conversations"]:
        made_at = {time[:4] for time in (conversation["created_at"], conversation["updated_at"])}
        assert made_at == {state["now"][:4]}, json.dumps(conversation)
    stored.check_integrity()


def test_concurrent_state_changes_are_atomic(server: Server) -> None:
    uids = {letter: [f"{letter}{number}" for number in range(40)] for letter in "ab"}

    def put(letter: str, times: int = 15) -> None:
        state: Any = {"conversations": [{"uid": uid, "client": letter} for uid in uids[letter]]}
        for _ in range(times):
            _, shown = server.ask(MINE, "PUT", "/__admin/state", state)
            conversations = shown["businesses"][0]["conversations"]
            assert [each["uid"] for each in conversations] == uids[letter]

    def read() -> None:
        for _ in range(30):
            _, shown = server.ask(MINE, "GET", "/v2/conversations?per_page=100")
            shown_uids = {each["uid"] for each in shown["data"]}
            assert shown_uids in ({*uids["a"]}, {*uids["b"]})

    put("a", 1)
    run_at_once(partial(put, "a"), partial(put, "b"), read)


def test_concurrent_advances_add_up(server: Server) -> None:
    server.ask(MINE, "PUT", "/__admin/clock", FIXED)

    def advance() -> None:
        for _ in range(10):
            assert server.ask(MINE, "POST", "/__admin/clock/advance", {"seconds": 60})[0] == 200

    run_at_once(*[advance] * 4)
    assert server.ask(MINE, "GET", "/__admin/clock")[1]["now"] == "2026-05-05T08:10:00.000Z"
