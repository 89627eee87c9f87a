"""Tenants: whatever is asked, with whatever token, nothing of another business is shown."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from conversations.folders import FOLDERS
from support.constants import CONTROLS, NEIGHBOURS, UID
from support.stored import Stored

BUSINESSES = {"demo-owner": 1, "demo-colleague": 1, "demo-assigned": 1, "demo-neighbour": 2}
INVALID_TOKENS = ("demo-directory", "demo-expired", "demo-unknown", None)
NOTHING = "nothing000000000"  # a uid in the usual form that nothing has
NOWHERE = ("cycle", "leaving")  # how uids begin whose merges end in no conversation
WRONG = {"archived": "maybe", "text": 5}


class Ask(NamedTuple):
    """A request, but for its token."""

    method: str
    path: str
    body: Any = None


class Seen(NamedTuple):
    """A response in all that a caller can tell it by, but for its date."""

    status: int
    headers: list[tuple[str, str]]
    data: bytes


def see(response: TestResponse) -> Seen:
    headers = [(name, value) for name, value in response.headers if name != "Date"]
    with response:
        return Seen(response.status_code, headers, response.data)


class Visitor:
    """Someone who sends requests with a token, or with none."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self.token = token
        self.client = app.test_client()
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def send(self, ask: Ask) -> TestResponse:
        return self.client.open(
            ask.path,
            method=ask.method,
            headers=self.headers,
            **({} if ask.body is None else {"json": ask.body}),
        )


class Names(NamedTuple):
    """The uids that requests name, those of both businesses and of nothing; and their text."""

    conversations: list[str]
    clients: list[str]
    staff: list[str]
    text: str


def read_names(stored: Stored, author: str) -> Names:
    conversations, clients, staff = (
        [row["uid"] for row in stored.rows(f"SELECT uid FROM {table} ORDER BY id")] + [NOTHING]
        for table in ("conversation", "client", "staff")
    )
    return Names(conversations, clients, staff, f"Written by {author}")


def pages(path: str, maximum: int) -> Iterator[Ask]:
    for query in (f"per_page={maximum}", "per_page=9&page=2", "page=0"):
        yield Ask("GET", f"{path}{'&' if '?' in path else '?'}{query}")


def folders(path: str) -> Iterator[Ask]:
    for folder in (*FOLDERS, "unknown", ""):
        yield from pages(f"{path}?folder={folder}", 100)


def gets(names: Names) -> Iterator[Ask]:
    for uid in names.conversations:
        yield Ask("GET", f"/v2/conversations/{uid}")
        yield Ask("GET", f"/v2/conversations/{uid}?full_client=true")
        yield Ask("HEAD", f"/v2/conversations/{uid}")


def puts(names: Names) -> Iterator[Ask]:
    for uid in names.conversations:
        for fields in (
            {"follow_up": True, "follow_up_message": names.text},
            {"business_unread": True, "campaign": names.text},
            WRONG,
        ):
            yield Ask("PUT", f"/v2/conversations/{uid}?full_client=true", fields)


def messages(names: Names) -> Iterator[Ask]:
    for uid in names.conversations:
        yield from pages(f"/v2/conversations/{uid}/messages", 100)
        yield Ask("GET", f"/v2/conversations/{uid}/messages?last_update=1")


def client_pages(names: Names) -> Iterator[Ask]:
    for uid in names.clients:
        yield from pages(f"/platform/v1/clients/{uid}/conversations", 50)


def posts(names: Names) -> Iterator[Ask]:
    """Name each client alone, and the rest with a client of either business."""
    ends = (names.clients[0], names.clients[-2])
    for direction in ("client_to_business", "business_to_client"):
        message = {"text": names.text, "direction": direction}
        for fields in chain(
            ({"client_id": uid} for uid in names.clients),
            ({"client_id": c, "conversation_uid": u} for u in names.conversations for c in ends),
            ({"client_id": c, "staff_id": u} for u in names.staff for c in ends),
        ):
            yield Ask("POST", "/platform/v1/messages", {"message": message | fields})


GUARDED: dict[tuple[str, str], Callable[[Names], Iterator[Ask]]] = {
    ("PUT", "/v2/conversations/<uid>"): puts,
    ("GET", "/v2/conversations"): lambda _names: folders("/v2/conversations"),
    ("GET", "/v2/conversations/<uid>"): gets,
    ("GET", "/v2/conversations/<uid>/messages"): messages,
    ("GET", "/platform/v1/conversations"): lambda _names: folders("/platform/v1/conversations"),
    ("GET", "/platform/v1/clients/<client_id>/conversations"): client_pages,
    ("POST", "/platform/v1/messages"): posts,
}
OPEN: dict[tuple[str, str], list[Ask]] = {
    ("GET", "/__admin/health"): [Ask("GET", "/__admin/health")],
    ("GET", "/openapi.json"): [Ask("GET", "/openapi.json")],
    ("GET", "/docs/"): [Ask("GET", "/docs/")],
    ("GET", "/docs/<name>.md"): [Ask("GET", "/docs/README.md"), Ask("GET", "/docs/nothing.md")],
    ("GET", "/"): [Ask("GET", "/")],
    ("GET", "/page/<path:filename>"): [
        Ask("GET", f"/page/{name}") for name in ("main.js", NEIGHBOURS)
    ],
    ("GET", "/docs/<path:path>"): [
        Ask("GET", f"/docs/{name}")
        for name in ("nothing", NEIGHBOURS, "../instance/conversations.db")
    ],
}
READS = [route for route in GUARDED if route[0] == "GET"]
WRITES = [route for route in GUARDED if route[0] != "GET"]

# Whatever a business has that tells something about it.
TEXTS = (
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


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, names too."""
    if isinstance(value, dict):
        for field, below in value.items():
            yield field
            yield from strings(below)
    elif isinstance(value, list):
        for below in value:
            yield from strings(below)
    elif value is not None:
        yield str(value)


def leaks(ask: Ask, response: TestResponse, texts: set[str]) -> set[str]:
    """Return which of the texts a response holds that its request did not."""
    shown = "\n".join([*strings(response.json if response.data else None), str(response.headers)])
    sent = "\n".join([ask.path, *strings(ask.body)])
    return {text for text in texts if text in shown and text not in sent}


@pytest.fixture(autouse=True)
def merges(stored: Stored) -> None:
    """Merge conversations of the second business, too, and one of each into the other's."""
    stored.copy_conversation(NEIGHBOURS, "neighbour0000002", merged=True)
    for uid, target in (UID, NEIGHBOURS), (NEIGHBOURS, UID):
        stored.copy_conversation(uid, f"leaving{uid[:9]}")
        stored.rows(
            """UPDATE conversation SET merged_into_id = (
                   SELECT id FROM conversation target WHERE target.uid = ?)
               WHERE uid = ?""",
            target,
            f"leaving{uid[:9]}",
        )


def test_each_route_is_walked(app: Flask) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    controls = {(method, path) for method, path, _ in CONTROLS}
    assert routes == GUARDED.keys() | OPEN.keys() | controls


def test_no_response_holds_anything_of_another_business(app: Flask, stored: Stored) -> None:
    """The writes come first, so that the reads would show what they wrote."""
    for routes in (WRITES, READS):
        foreign = {number: foreign_texts(stored, number) for number in (1, 2)}
        assert all(foreign.values())
        for token in BUSINESSES:
            visitor = Visitor(app, token)
            statuses = set()
            for route in routes:
                for ask in GUARDED[route](read_names(stored, token)):
                    response = visitor.send(ask)
                    assert not leaks(ask, response, foreign[BUSINESSES[token]]), (token, ask)
                    statuses.add(response.status_code)
            assert {200, 404, 422} <= statuses <= {200, 201, 403, 404, 422}


def test_without_a_staff_token_every_error_is_the_same(app: Flask, stored: Stored) -> None:
    before = stored.everything()
    seen = set()
    for token in INVALID_TOKENS:
        visitor = Visitor(app, token)
        for make in GUARDED.values():
            for ask in make(read_names(stored, str(token))):
                response = visitor.send(ask)
                assert response.status_code == 401, (token, ask)
                if ask.method != "HEAD":
                    seen.add(str(see(response)))
    assert len(seen) == 1
    assert stored.everything() == before


def test_what_needs_no_token_is_the_same_for_everyone(app: Flask, stored: Stored) -> None:
    names = read_names(stored, "nobody")
    guarded = {ask.path.split("?")[0] for make in GUARDED.values() for ask in make(names)}
    asks = [*chain.from_iterable(OPEN.values()), *(Ask("OPTIONS", path) for path in guarded)]
    expected = {ask: see(Visitor(app, None).send(ask)) for ask in asks}
    assert {seen.status for ask, seen in expected.items() if ask.method == "OPTIONS"} == {200}
    for token in (*BUSINESSES, *INVALID_TOKENS):
        visitor = Visitor(app, token)
        assert {ask: see(visitor.send(ask)) for ask in expected} == expected


def of_a_conversation(uid: str, client: str, text: str) -> Iterator[Ask]:
    path = f"/v2/conversations/{uid}"
    for query in ("", "?full_client=true", "/messages", "/messages?page=0"):
        yield Ask("GET", path + query)
        yield Ask("HEAD", path + query)
    for fields in ({}, {"archived": True}, {"follow_up": True, "follow_up_message": text}, WRONG):
        yield Ask("PUT", path, fields)
    yield from of_a_message({"client_id": client, "conversation_uid": uid}, text)


def of_a_client(uid: str, client: str, text: str) -> Iterator[Ask]:
    for query in ("", "?page=0"):
        yield Ask("GET", f"/platform/v1/clients/{uid}/conversations{query}")
        yield Ask("HEAD", f"/platform/v1/clients/{uid}/conversations{query}")
    yield from of_a_message({"client_id": uid}, text)


def of_a_staff(uid: str, client: str, text: str) -> Iterator[Ask]:
    yield from of_a_message({"client_id": client, "staff_id": uid}, text)


def of_a_message(named: dict[str, str], text: str) -> Iterator[Ask]:
    for direction in ("client_to_business", "business_to_client", "wrong"):
        message = {"text": text, "direction": direction}
        yield Ask("POST", "/platform/v1/messages", {"message": message | named})
    yield Ask("POST", "/platform/v1/messages", {"message": WRONG | named})


@pytest.mark.parametrize("token", BUSINESSES)
@pytest.mark.parametrize(
    ("table", "requests"),
    [("conversation", of_a_conversation), ("client", of_a_client), ("staff", of_a_staff)],
)
def test_not_yours_looks_like_not_there(
    app: Flask,
    stored: Stored,
    token: str,
    table: str,
    requests: Callable[[str, str, str], Iterator[Ask]],
) -> None:
    visitor, business_id = Visitor(app, token), BUSINESSES[token]
    client = stored.rows("SELECT uid FROM client WHERE business_id = ?", business_id)[0]["uid"]
    foreign = stored.rows(f"SELECT uid FROM {table} WHERE business_id != ?", business_id)
    before = stored.everything()
    expected = [see(visitor.send(ask)) for ask in requests(NOTHING, client, "Hello!")]
    assert {seen.status for seen in expected} == {404}
    for row in foreign:
        responses = [see(visitor.send(ask)) for ask in requests(row["uid"], client, "Hello!")]
        assert responses == expected
    assert stored.everything() == before


def test_what_is_not_assigned_is_never_shown(app: Flask, stored: Stored) -> None:
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
    visitor = Visitor(app, "demo-assigned")
    for route in (*READS, *WRITES):
        for ask in GUARDED[route](read_names(stored, "demo-assigned")):
            response = visitor.send(ask)
            assert not leaks(ask, response, texts), (ask, response.text)
            [named] = ask.path.split("?")[0].split("/")[3:4] or [""]
            if named in closed:
                assert response.status_code == (404 if named.startswith(NOWHERE) else 403), ask


def test_tokens_are_stored_as_digests_only(app: Flask, stored: Stored) -> None:
    tokens = [*BUSINESSES, "demo-directory", "demo-expired"]
    for token in tokens:
        Visitor(app, token).send(Ask("GET", "/v2/conversations"))
    digests = {row["digest"] for row in stored.rows("SELECT digest FROM access_token")}
    assert digests == {hashlib.sha256(token.encode()).hexdigest() for token in tokens}
    content = "\n".join(stored.everything())
    assert not [token for token in tokens if token in content]
