"""Tenants: no request with any token shows data of another business."""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from conversations.folders import FOLDERS
from support.apps import Caller
from support.constants import CONTROLS, NEIGHBOURS, UID
from support.stored import Stored

BUSINESSES = {"demo-owner": 1, "demo-colleague": 1, "demo-assigned": 1, "demo-neighbour": 2}
INVALID_TOKENS = ("demo-directory", "demo-expired", "demo-unknown", "")
NOTHING = "nothing000000000"  # a uid in the usual form that nothing has
NOWHERE = ("cycle", "leaving")  # how uids begin whose merges end in no conversation
WRONG = {"archived": "maybe", "text": 5}


class Ask(NamedTuple):
    """A request without its token."""

    method: str
    path: str
    body: Any = None

    def send(self, app: Flask, token: str) -> TestResponse:
        response: TestResponse = Caller(app, token).ask(*self)
        return response

    def see(self, app: Flask, token: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return all by which a caller can tell the response from others."""
        with self.send(app, token) as response:
            headers = [(name, value) for name, value in response.headers if name != "Date"]
            return response.status_code, headers, response.data


class Names(NamedTuple):
    """The uids that requests name, those of both businesses and of nothing; and their text."""

    conversations: list[str]
    clients: list[str]
    staff: list[str]
    text: str


Asks = Iterator[Ask]
dumps = partial(json.dumps, ensure_ascii=False)


def read_names(stored: Stored, author: str) -> Names:
    conversations, clients, staff = (
        [row["uid"] for row in stored.rows(f"SELECT uid FROM {table} ORDER BY id")] + [NOTHING]
        for table in ("conversation", "client", "staff")
    )
    return Names(conversations, clients, staff, f"Written by {author}")


def pages(path: str, maximum: int) -> Asks:
    for query in (f"per_page={maximum}", "per_page=9&page=2", "page=0"):
        yield Ask("GET", f"{path}{'&' if '?' in path else '?'}{query}")


def lists(path: str) -> Asks:
    for folder in (*FOLDERS, "unknown", ""):
        yield from pages(f"{path}?folder={folder}", 100)


def reads(names: Names) -> Asks:
    yield from chain(lists("/v2/conversations"), lists("/platform/v1/conversations"))
    for uid in names.clients:
        yield from pages(f"/platform/v1/clients/{uid}/conversations", 50)
    for path in (f"/v2/conversations/{uid}" for uid in names.conversations):
        yield from (Ask("GET", path), Ask("GET", f"{path}?full_client=true"), Ask("HEAD", path))
        yield from pages(f"{path}/messages", 100)
        yield Ask("GET", f"{path}/messages?last_update=1")


def writes(names: Names) -> Asks:
    """Name each client alone, and the rest with a client of either business."""
    follow_up = {"follow_up": True, "follow_up_message": names.text}
    for uid in names.conversations:
        for fields in (follow_up, {"business_unread": True, "campaign": names.text}, WRONG):
            yield Ask("PUT", f"/v2/conversations/{uid}?full_client=true", fields)
    ends = (names.clients[0], names.clients[-2])
    for named in chain(
        ({"client_id": uid} for uid in names.clients),
        ({"client_id": c, "conversation_uid": u} for u in names.conversations for c in ends),
        ({"client_id": c, "staff_id": u} for u in names.staff for c in ends),
    ):
        for direction in ("client_to_business", "business_to_client", "wrong"):
            message = {"text": names.text, "direction": direction} | named
            yield Ask("POST", "/platform/v1/messages", {"message": message})


OPEN = {  # the routes without a token
    "/__admin/health": ["/__admin/health"],
    "/openapi.json": ["/openapi.json"],
    "/docs/": ["/docs/"],
    "/docs/<name>.md": ["/docs/README.md", "/docs/nothing.md"],
    "/": ["/"],
    "/page/<path:filename>": ["/page/main.js", f"/page/{NEIGHBOURS}"],
    "/docs/<path:path>": [
        f"/docs/{name}" for name in ("nothing", NEIGHBOURS, "../instance/conversations.db")
    ],
}
TEXTS = (  # that tell something about a business
    "SELECT uid, name FROM business WHERE id = ?",
    "SELECT uid, full_name, display_name, email FROM staff WHERE business_id = ?",
    """SELECT uid, first_name, last_name, email, phone, first_name || ' ' || last_name AS name
       FROM client WHERE business_id = ?""",
    """SELECT uid, title, channel_uid, matter_uid, matter_title, source, campaign
       FROM conversation WHERE business_id = ?""",
    "SELECT uid, text, title FROM message WHERE business_id = ?",
    """SELECT follow_up_message FROM collaborator
       JOIN conversation ON conversation.id = conversation_id WHERE business_id = ?""",
)


def texts_of(stored: Stored, business_id: int) -> set[str]:
    rows = chain.from_iterable(stored.rows(statement, business_id) for statement in TEXTS)
    return {value for row in rows for value in row.values() if value}


def foreign_texts(stored: Stored, business_id: int) -> set[str]:
    """Return the texts of the other business that are in none of this one's own."""
    own = "\n".join(texts_of(stored, business_id))
    return {text for text in texts_of(stored, 3 - business_id) if text not in own}


def leaks(ask: Ask, response: TestResponse, texts: set[str]) -> set[str]:
    """Return the texts that a response has and its request has not."""
    shown = response.text + str(response.headers)
    sent = ask.path + dumps(ask.body)
    in_json = {text: dumps(text).strip('"') for text in texts}
    return {text for text in texts if in_json[text] in shown and in_json[text] not in sent}


@pytest.fixture(autouse=True)
def merges(stored: Stored) -> None:
    """Merge conversations of the second business, and one of each business into the other's."""
    stored.copy_conversation(NEIGHBOURS, "neighbour0000002", merged=True)
    for uid, target in (UID, NEIGHBOURS), (NEIGHBOURS, UID):
        stored.copy_conversation(uid, f"leaving{uid[:9]}")
        target_id = stored.row("SELECT id FROM conversation WHERE uid = ?", target)["id"]
        changes = f"merged_into_id = {target_id} WHERE uid = 'leaving{uid[:9]}'"
        stored.rows(f"UPDATE conversation SET {changes}")


def test_tests_cover_each_route(app: Flask, stored: Stored) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
        if rule.rule not in OPEN
    }
    controls = {(method, path) for method, path, _ in CONTROLS}
    find = app.url_map.bind("localhost").match
    names = read_names(stored, "nobody")
    asked = {
        (ask.method, find(ask.path.partition("?")[0], ask.method, return_rule=True)[0].rule)
        for ask in chain(reads(names), writes(names))
    }
    assert {each for each in routes - controls if each[0] != "HEAD"} <= asked <= routes


def test_responses_have_no_data_of_another_business(app: Flask, stored: Stored) -> None:
    """The writes come first, so that the reads would show what they wrote."""
    for find_asks in (writes, reads):
        foreign = {number: foreign_texts(stored, number) for number in (1, 2)}
        assert all(foreign.values())
        for token, business in BUSINESSES.items():
            statuses = set()
            for ask in find_asks(read_names(stored, token)):
                response = ask.send(app, token)
                assert not leaks(ask, response, foreign[business]), (token, ask)
                statuses.add(response.status_code)
            assert {200, 404, 422} <= statuses <= {200, 201, 403, 404, 422}


def test_token_errors_are_the_same_for_all_routes(app: Flask, stored: Stored) -> None:
    with stored.unchanged():
        for token in INVALID_TOKENS:
            seen = set()
            names = read_names(stored, token)
            for ask in chain(reads(names), writes(names), (Ask(*each) for each in CONTROLS)):
                status, headers, data = ask.see(app, token)
                assert status == 401, (token, ask)
                seen |= {str((headers, data))} if ask.method != "HEAD" else set()
            assert len(seen) == 1


def test_public_responses_are_the_same_for_everyone(app: Flask, stored: Stored) -> None:
    names = read_names(stored, "nobody")
    guarded = {ask.path.split("?")[0] for ask in chain(reads(names), writes(names))}
    asks = [Ask("GET", path) for path in chain(*OPEN.values())]
    asks += [Ask("OPTIONS", path) for path in guarded]
    expected = {ask: ask.see(app, "") for ask in asks}
    assert {seen[0] for ask, seen in expected.items() if ask.method == "OPTIONS"} == {200}
    for token in (*BUSINESSES, *INVALID_TOKENS):
        assert {ask: ask.see(app, token) for ask in expected} == expected


@pytest.mark.parametrize("token", BUSINESSES)
@pytest.mark.parametrize("table", ["conversation", "client", "staff"])
def test_uids_of_other_tenants_get_404(app: Flask, stored: Stored, token: str, table: str) -> None:
    business_id = BUSINESSES[token]
    client = stored.rows("SELECT uid FROM client WHERE business_id = ?", business_id)[0]["uid"]

    def see_all(uid: str) -> list[Any]:
        """Return the responses to all requests that name a uid, and a client of the caller's."""
        named = {"conversation": [], "client": [client, client], "staff": []} | {table: [uid, uid]}
        names = Names(named["conversation"], named["client"], named["staff"], "Hello!")
        asks = chain(reads(names), writes(names))
        return [ask.see(app, token) for ask in asks if uid in f"{ask.path}{ask.body}"]

    with stored.unchanged():
        expected = see_all(NOTHING)
        assert expected and {status for status, *_ in expected} == {404}
        for row in stored.rows(f"SELECT uid FROM {table} WHERE business_id != ?", business_id):
            assert see_all(row["uid"]) == expected


def test_unassigned_conversations_are_hidden(app: Flask, stored: Stored) -> None:
    closed = {
        row["uid"]
        for row in stored.rows(
            """SELECT conversation.uid FROM conversation
               JOIN staff ON staff.full_name = 'Tom Peretz'
               WHERE conversation.business_id = staff.business_id
                   AND conversation.staff_id != staff.id
                   AND NOT EXISTS (SELECT 1 FROM collaborator
                       WHERE conversation_id = conversation.id AND staff_id = staff.id)"""
        )
    }
    texts = closed | {
        row[field] for uid in closed for row in stored.messages(uid) for field in ("uid", "text")
    }
    assert len(texts) > len(closed) > 20
    names = read_names(stored, "demo-assigned")
    for ask in chain(reads(names), writes(names)):
        response = ask.send(app, "demo-assigned")
        assert not leaks(ask, response, texts), (ask, response.text)
        [named] = ask.path.split("?")[0].split("/")[3:4] or [""]
        if named in closed:
            assert response.status_code == (404 if named.startswith(NOWHERE) else 403), ask


def test_tokens_are_stored_as_digests_only(app: Flask, stored: Stored) -> None:
    tokens = [*BUSINESSES, "demo-directory", "demo-expired"]
    for token in tokens:
        Caller(app, token).get("/v2/conversations")
    digests = {row["digest"] for row in stored.rows("SELECT digest FROM access_token")}
    assert digests == {hashlib.sha256(token.encode()).hexdigest() for token in tokens}
    assert not [line for line in stored.everything() if "demo-" in line]
