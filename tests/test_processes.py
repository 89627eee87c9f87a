"""Several processes and several callers at once: nothing lost, nothing twice, nothing mixed."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPException
from itertools import count
from typing import Any

import pytest

from support.constants import MESSAGE, ONE, STAFF, UID
from support.servers import Server
from support.stored import Stored
from support.threads import repeat_during, run_at_once

pytestmark = pytest.mark.database  # locks between processes

TOKENS = ("demo-owner", "demo-colleague")
CALLERS = 8
FIXED = {"now": "2026-05-05T07:30:00Z"}
RESET = ("POST", "/__admin/reset")
MINE = "demo-owner@w"


def put(server: Server, token: str, uid: str, **fields: Any) -> tuple[int, Any]:
    return server.ask(token, "PUT", f"/v2/conversations/{uid}?full_client=true", fields)


def post(server: Server, token: str, **message: Any) -> tuple[int, Any]:
    return server.ask(token, "POST", "/platform/v1/messages", {"message": message})


class Writer:
    """A caller who writes until the connection breaks, and knows what was confirmed."""

    def __init__(self, stored: Stored, number: int) -> None:
        self.name = f"writer {number}"
        self.token = TOKENS[number % 2]
        self.uid = f"own{number:013}"
        stored.copy_conversation(UID, self.uid)
        self.numbers = count()
        self.confirmed: set[str] = set()
        self.unconfirmed: set[str] = set()

    def write(self, server: Server) -> None:
        """Write to this caller's own conversation and to the shared one until cut off."""
        for number in self.numbers:
            for uid in (UID, self.uid):
                for send in (self.add_note, self.add_message):
                    text = f"note {number} of {self.name} on {uid} by {send.__name__}"
                    try:
                        status, shown = send(server, uid, text)
                    except (OSError, HTTPException):
                        self.unconfirmed.add(text)
                        return
                    assert status in (200, 201), shown
                    self.confirmed.add(text)

    def add_note(self, server: Server, uid: str, text: str) -> tuple[int, Any]:
        """Write a text to three tables at once."""
        campaign = {"campaign": text} if uid == self.uid else {}
        return put(server, self.token, uid, follow_up=True, follow_up_message=text, **campaign)

    def add_message(self, server: Server, uid: str, text: str) -> tuple[int, Any]:
        message = MESSAGE | {"text": text, "conversation_uid": uid}
        return post(server, self.token, **message)

    def check(self, stored: Stored) -> None:
        """Check that the latest note is in all three tables."""
        texts = [row["text"] for row in stored.messages(self.uid)]
        latest = next((text for text in reversed(texts) if "add_note" in text), None)
        follow_up = stored.collaborator(self.uid, STAFF[self.token])
        assert (follow_up and follow_up["follow_up_message"]) == latest
        assert stored.conversation(self.uid)["campaign"] == latest


@pytest.mark.parametrize(
    ("kills", "responses"), [(1, 60), pytest.param(3, 150, marks=pytest.mark.long)]
)
def test_confirmed_writes_survive_kill_9(stored: Stored, kills: int, responses: int) -> None:
    writers = [Writer(stored, number) for number in range(6)]
    for _ in range(kills):
        server = Server(stored.path)
        goal = sum(len(writer.confirmed) for writer in writers) + responses
        with ThreadPoolExecutor(len(writers)) as pool:
            calls = [pool.submit(writer.write, server) for writer in writers]
            while sum(len(writer.confirmed) for writer in writers) < goal:
                if any(call.done() for call in calls):
                    break
                time.sleep(0.005)
            were_writing = not any(call.done() for call in calls)
            server.kill()
        assert [call.exception() for call in calls] == [None] * len(writers)
        assert were_writing
        rows = stored.rows("SELECT text FROM message WHERE text LIKE 'note %'")
        texts = Counter(row["text"] for row in rows)
        confirmed = set.union(*(writer.confirmed for writer in writers))
        unconfirmed = set.union(*(writer.unconfirmed for writer in writers))
        assert confirmed <= texts.keys() <= confirmed | unconfirmed
        assert set(texts.values()) == {1}
        stored.check_integrity()
        for writer in writers:
            writer.check(stored)
    before = stored.conversation(UID)["message_count"]
    with Server(stored.path) as server:
        _, shown = put(server, TOKENS[0], UID, follow_up=True, follow_up_message="after all")
    assert shown["message_count"] == before + 1
    stored.check_integrity()


def test_concurrent_first_follow_ups_create_one_collaborator(
    server: Server, stored: Stored
) -> None:
    stored.rows("DELETE FROM collaborator")
    unmerged = "business_id = 1 AND merged_into_id IS NULL"
    rows = stored.rows(f"SELECT uid, message_count FROM conversation WHERE {unmerged}")
    for row in rows:
        follow = partial(put, server, TOKENS[0], row["uid"], follow_up=True)
        notes = [partial(follow, follow_up_message=f"note {each}") for each in range(CALLERS)]
        responses = run_at_once(*notes)
        assert [shown for status, shown in responses if status != 200] == []
        assert all(shown["follow_up"] for _, shown in responses)
        first = row["message_count"] + 1
        counts = sorted(shown["message_count"] for _, shown in responses)
        assert counts == list(range(first, first + CALLERS))
        assert stored.collaborator(row["uid"])["follow_up_state"] == "active"
    assert len(stored.rows("SELECT staff_id FROM collaborator")) == len(rows)
    stored.check_integrity()


def test_concurrent_first_messages_create_one_conversation(server: Server, stored: Stored) -> None:
    """The caller may touch none of the client's conversations, so the first message makes one."""
    message = MESSAGE | {"direction": "business_to_client"}
    responses = run_at_once(*[partial(post, server, "demo-assigned", **message)] * CALLERS)
    assert {status for status, _ in responses} == {201}
    [uid] = {shown["data"]["conversation_uid"] for _, shown in responses}
    assert len({shown["data"]["uid"] for _, shown in responses}) == CALLERS
    assert stored.conversation(uid)["message_count"] == CALLERS
    stored.check_integrity()


@pytest.mark.parametrize("archiver", TOKENS)
def test_concurrent_follow_up_and_archiving_are_serialized(
    server: Server, stored: Stored, archiver: str
) -> None:
    """Each response says whether the other came first: by the note, and by the source type."""
    for number in range(60):
        uid = f"race{number:012}"
        stored.copy_conversation(UID, uid)
        requests = [
            partial(put, server, TOKENS[0], uid, follow_up=True, follow_up_message="note"),
            partial(put, server, archiver, uid, archived=True, source_type="race"),
        ]
        order = 1 if number % 2 else -1
        (_, follow_up), (_, archiving) = run_at_once(*requests[::order])[::order]
        archived_last = archiving["message_count"] == 1
        assert follow_up["source_type"] == (None if archived_last else "race")
        assert (follow_up["follow_up"], follow_up["archived"]) == (True, False)
        assert archiving["archived"] is True
        assert archiving["follow_up"] is (archived_last and archiver == TOKENS[0])
        row = stored.conversation(uid)
        shown = (row["archived"], row["message_count"], row["source_type"])
        assert shown == (archived_last, 1, "race")
        assert stored.collaborator(uid)["follow_up_state"] == "active"
    stored.check_integrity()


# Sandboxes


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


def test_reads_during_resets_are_consistent(shared_server: Server) -> None:
    shared_server.ask(MINE, *RESET, FIXED)
    paths = [f"{ONE}?full_client=1", f"{ONE}/messages", "/v2/conversations", "/__admin/state"]
    expected = {path: shared_server.ask(MINE, "GET", path) for path in paths}

    def reset() -> None:
        for _ in range(60):
            assert shared_server.ask(MINE, *RESET, FIXED)[0] == 200

    def read() -> None:
        for path in paths:
            assert shared_server.ask(MINE, "GET", path) == expected[path]

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


def test_concurrent_advances_add_up(shared_server: Server) -> None:
    shared_server.ask(MINE, "PUT", "/__admin/clock", FIXED)

    minute = {"seconds": 60}
    advance = partial(shared_server.ask, MINE, "POST", "/__admin/clock/advance", minute)
    assert [status for status, _ in run_at_once(*[advance] * 40)] == [200] * 40
    assert shared_server.ask(MINE, "GET", "/__admin/clock")[1]["now"] == "2026-05-05T08:10:00.000Z"
