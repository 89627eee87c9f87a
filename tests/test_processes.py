"""Several processes and several callers at once: nothing lost, nothing twice, nothing mixed."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any, NamedTuple

import pytest

from support.constants import JANE, UID
from support.servers import Server
from support.stored import Stored

TOKENS = ("demo-owner", "demo-colleague")
CALLERS = 8


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    json: Any


def call(server: Server, token: str, method: str, path: str, body: Any = None) -> Response:
    """Send a request on a connection of its own; raise OSError or HTTPException if it is cut."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return Response(response.status, dict(response.headers), json.loads(response.read()))


def put(server: Server, token: str, uid: str, **fields: Any) -> Response:
    return call(server, token, "PUT", f"/v2/conversations/{uid}?full_client=true", fields)


def post(server: Server, token: str, **message: Any) -> Response:
    return call(server, token, "POST", "/platform/v1/messages", {"message": message})


def at_once(*requests: Callable[[], Response]) -> list[Response]:
    """Send requests at the same moment, each from a thread of its own; return their responses."""
    barrier = threading.Barrier(len(requests))

    def send(request: Callable[[], Response]) -> Response:
        barrier.wait(timeout=30)
        return request()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def check_consistency(stored: Stored) -> None:
    """Check that the rows agree with each other, and that the database is whole."""
    stored.check_integrity()
    assert [] == stored.rows(
        """SELECT conversation.uid FROM conversation
           WHERE message_count != (
                   SELECT count(*) FROM message WHERE conversation_id = conversation.id)
               OR sent != EXISTS (
                   SELECT 1 FROM message WHERE conversation_id = conversation.id
                       AND direction = 'business_to_client')
               OR received != EXISTS (
                   SELECT 1 FROM message WHERE conversation_id = conversation.id
                       AND direction = 'client_to_business')"""
    )
    assert [] == stored.rows(
        """SELECT conversation_id, staff_id FROM collaborator
           GROUP BY conversation_id, staff_id HAVING count(*) > 1"""
    )


def current_uids(stored: Stored) -> list[str]:
    """Return the uids of the first business's conversations, but for merged ones."""
    rows = stored.rows(
        """SELECT uid FROM conversation
           WHERE business_id = 1 AND merged_into_id IS NULL ORDER BY uid"""
    )
    return [row["uid"] for row in rows]


class Writer:
    """A caller who writes until the connection breaks, and knows what was confirmed."""

    def __init__(self, stored: Stored, number: int) -> None:
        self.name = f"writer {number}"
        self.token = TOKENS[number % 2]
        self.uid = f"own{number:013}"
        stored.copy_conversation(UID, self.uid)
        self.numbers = count()
        self.confirmed: list[str] = []
        self.unconfirmed: list[str] = []
        self.marks: list[int] = [0]

    def write(self, server: Server) -> None:
        """Write to this caller's own conversation and to the shared one until cut off."""
        for fields in self._requests():
            text = str(fields.get("text") or fields.get("follow_up_message") or "")
            try:
                response = self._send(server, fields)
            except (OSError, HTTPException):
                self.unconfirmed += [text] if text else []
                return
            assert response.status == (201 if "text" in fields else 200), response
            if text:
                self.confirmed.append(text)
            if "campaign" in fields:
                self.marks = [int(fields["campaign"])]

    def _send(self, server: Server, fields: dict[str, Any]) -> Response:
        if "text" in fields:
            return post(server, self.token, **fields)
        fields = dict(fields)
        return put(server, self.token, fields.pop("to"), **fields)

    def _requests(self) -> Iterator[dict[str, Any]]:
        """Yield notes, messages, flips, and marks that two columns have to hold together."""
        for number in self.numbers:
            for uid in (UID, self.uid):
                note = f"note {self.name} {number} {uid}"
                message = f"note from {self.name} {number} {uid}"
                direction = ("client_to_business", "business_to_client")[number % 2]
                yield {"to": uid, "follow_up": True, "follow_up_message": note}
                yield {
                    "client_id": JANE,
                    "text": message,
                    "direction": direction,
                    "conversation_uid": uid,
                }
                yield {"to": uid, "archived": number % 2 == 0, "business_unread": number % 2 == 1}
            self.marks.append(number)
            yield {"to": self.uid, "campaign": str(number), "mobile": number % 2 == 1}

    def check(self, stored: Stored) -> None:
        """Check that the latest mark is stored whole: the confirmed one, or one cut off since."""
        row = stored.conversation(self.uid)
        mark = int(row["campaign"] or 0)
        assert mark in self.marks
        assert row["mobile"] == (mark % 2 == 1)


@pytest.mark.parametrize(
    ("kills", "responses"), [(1, 60), pytest.param(3, 150, marks=pytest.mark.long)]
)
def test_what_was_confirmed_survives_the_death_of_every_process(
    stored: Stored, kills: int, responses: int
) -> None:
    """Kill it so many times, each time after so many responses."""
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
        stored_texts = Counter(
            row["text"] for row in stored.rows("SELECT text FROM message WHERE text LIKE 'note %'")
        )
        confirmed = {text for writer in writers for text in writer.confirmed}
        unconfirmed = {text for writer in writers for text in writer.unconfirmed}
        assert confirmed <= stored_texts.keys() <= confirmed | unconfirmed
        assert set(stored_texts.values()) == {1}
        check_consistency(stored)
        for writer in writers:
            writer.check(stored)
    server = Server(stored.path)
    before = stored.conversation(UID)["message_count"]
    response = put(server, TOKENS[0], UID, follow_up=True, follow_up_message="after all")
    assert (response.status, response.json["message_count"]) == (200, before + 1)
    server.stop()
    check_consistency(stored)


def test_no_update_is_lost(server: Server, stored: Stored) -> None:
    def note(number: int) -> int:
        text = f"note {number}"
        return put(server, TOKENS[number % 2], UID, follow_up=True, follow_up_message=text).status

    before = stored.conversation(UID)["message_count"]
    with ThreadPoolExecutor(CALLERS) as pool:
        assert set(pool.map(note, range(200))) == {200}
    texts = [row["text"] for row in stored.messages(UID)[before:]]
    assert sorted(texts) == sorted(f"note {number}" for number in range(200))
    assert stored.conversation(UID)["message_count"] == before + 200
    check_consistency(stored)


def test_first_follow_ups_at_once_make_one_collaborator(server: Server, stored: Stored) -> None:
    stored.rows("DELETE FROM collaborator")
    uids = current_uids(stored)
    for uid in uids:
        before = stored.conversation(uid)["message_count"]
        responses = at_once(
            *[
                partial(put, server, TOKENS[0], uid, follow_up=True, follow_up_message=f"note {n}")
                for n in range(CALLERS)
            ]
        )
        assert {(response.status, response.json["follow_up"]) for response in responses} == {
            (200, True)
        }
        counts = sorted(response.json["message_count"] for response in responses)
        assert counts == list(range(before + 1, before + CALLERS + 1))
        assert stored.collaborator(uid)["follow_up_state"] == "active"
    [row] = stored.rows("SELECT count(*) AS number FROM collaborator")
    assert row["number"] == len(uids)
    check_consistency(stored)


def test_first_messages_at_once_make_one_conversation(server: Server, stored: Stored) -> None:
    """The caller may touch none of the client's conversations, so the first message makes one."""
    message = {"client_id": JANE, "text": "Hello!", "direction": "business_to_client"}
    responses = at_once(*[partial(post, server, "demo-assigned", **message)] * CALLERS)
    assert {response.status for response in responses} == {201}
    [uid] = {response.json["data"]["conversation_uid"] for response in responses}
    assert len({response.json["data"]["uid"] for response in responses}) == CALLERS
    assert stored.conversation(uid)["message_count"] == CALLERS
    check_consistency(stored)


@pytest.mark.parametrize("archiver", TOKENS)
def test_a_follow_up_and_an_archiving_come_one_after_the_other(
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
        follow_up, archiving = at_once(*requests[::order])[::order]
        assert (follow_up.status, archiving.status) == (200, 200)
        archived_last = archiving.json["message_count"] == 1
        assert follow_up.json["source_type"] == (None if archived_last else "race")
        assert (follow_up.json["follow_up"], follow_up.json["archived"]) == (True, False)
        assert archiving.json["archived"] is True
        assert archiving.json["follow_up"] is (archived_last and archiver == TOKENS[0])
        row = stored.conversation(uid)
        assert (row["archived"], row["message_count"]) == (archived_last, 1)
        assert row["source_type"] == "race"
        assert stored.collaborator(uid)["follow_up_state"] == "active"
    check_consistency(stored)


def test_a_write_waits_for_a_lock_that_is_held(server: Server, stored: Stored) -> None:
    with ThreadPoolExecutor(1) as pool:
        with stored.locked():
            response = pool.submit(put, server, TOKENS[0], UID, archived=True)
            with pytest.raises(TimeoutError):
                response.result(timeout=0.3)
        assert response.result(timeout=30).status == 200
    assert stored.conversation(UID)["archived"]


@pytest.mark.long
def test_a_lock_held_too_long_stores_nothing_and_stops_no_reader(
    server: Server, stored: Stored
) -> None:
    message = {"client_id": JANE, "text": "note", "direction": "client_to_business"}
    requests = [
        partial(put, server, TOKENS[0], UID, archived=True, follow_up=True),
        partial(put, server, TOKENS[1], UID, follow_up=True, follow_up_message="note"),
        partial(post, server, TOKENS[0], **message),
    ]
    before = stored.everything()
    reads = []
    with ThreadPoolExecutor(1) as pool, stored.locked():
        writing = pool.submit(at_once, *requests)
        while not writing.done():
            reads.append(call(server, TOKENS[0], "GET", f"/v2/conversations/{UID}"))
            time.sleep(0.05)
        errors = writing.result()
    assert {read.status for read in reads} == {200}
    assert all(read.json == reads[0].json for read in reads)
    for response in errors:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["Content-Type"] == "application/json"
        assert response.json.keys() == {"success", "errors"} and response.json["success"] is False
        [error] = response.json["errors"]
        assert error.keys() == {"code", "message"}
        assert error["code"] == "unavailable"
    assert stored.everything() == before
    assert [response.status for response in at_once(*requests)] == [200, 200, 201]
    check_consistency(stored)
