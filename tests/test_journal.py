"""The journal of a sandbox: what was sent lately, by whom, and with what effect."""

import os
import re
import secrets
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import pytest
import time_machine
from flask import Flask

from support.apps import open_app
from support.callers import Caller
from support.constants import ARCHIVED, COLLEAGUES, FOLLOWED, JANE, UID
from support.servers import Server
from support.stored import Stored
from web.errors import ELSEWHERE

Call = Callable[[str], Caller]
ONE = f"/v2/conversations/{UID}"
DATE = "2030-05-06T10:31:21Z"


@pytest.fixture
def owner(app: Flask) -> Caller:
    return Caller(app, "demo-owner@w")


def write(app: Flask) -> None:
    """Store the requests that wait in an app's process."""
    app.extensions["journal_writer"].write()


def entries(caller: Caller, query: str = "") -> Any:
    write(caller.client.application)
    return caller.get(f"/__admin/requests{query}").json["requests"]


def newest(caller: Caller) -> Any:
    return entries(caller, "?limit=1")[0]


def test_an_entry_says_what_was_sent_and_what_came_of_it(owner: Caller) -> None:
    begun = datetime.now(UTC)
    response = owner.client.put(
        f"{ONE}?full_client=1&x=1",
        headers=owner.headers | {"User-Agent": "Playwright/1.0"},
        json={"follow_up": True, "follow_up_date": DATE, "archvied": 1},
    )
    assert response.status_code == 200
    entry = newest(owner)
    assert (
        list(entry)
        == (
            "id time status user_agent method path query milliseconds staff_uid ignored changed"
            " error body"
        ).split()
    )
    time_of_it = datetime.fromisoformat(entry.pop("time"))
    assert begun - timedelta(seconds=0.01) <= time_of_it <= datetime.now(UTC)
    assert entry.pop("milliseconds") > 0
    assert isinstance(entry.pop("id"), int)
    assert entry == {
        "status": 200,
        "user_agent": "Playwright/1.0",
        "method": "PUT",
        "path": ONE,
        "query": "full_client=1&x=1",
        "staff_uid": "5ya4gbwm2c3qoic8",
        "ignored": ["x", "archvied"],
        "changed": ["follow_up", "follow_up_date"],
        "error": None,
        "body": f'{{"follow_up":true,"follow_up_date":"{DATE}","archvied":1}}',
    }


def test_reads_and_refused_requests_are_kept_newest_first(owner: Caller) -> None:
    owner.get("/v2/conversations?folder=inbox")
    owner.put(UID, archived="maybe")
    owner.get(f"/v2/conversations/{'x' * 16}/messages")
    owner.get("/v2/nothing")
    owner.ask("PATCH", ONE)
    owner.send(UID, b"{")
    owner.ask("GET", ONE, Prefer="code=503")
    owner.ask("OPTIONS", ONE)
    owner.get("/__admin/sandbox")
    owner.get("/v2nothing")
    shown = [(each["method"], each["status"], each["error"]) for each in entries(owner)]
    assert shown[::-1] == [
        ("GET", 200, None),
        ("PUT", 422, 'It must be a boolean (true or false), not "maybe".'),
        ("GET", 404, "Couldn't find Conversation"),
        ("GET", 404, ELSEWHERE.format("")),
        ("PATCH", 405, "This route takes GET, HEAD, OPTIONS, PUT, not PATCH."),
        ("PUT", 400, entries(owner)[1]["error"]),
        ("GET", 503, "This error was asked for."),
    ]
    for order in ("id", "time"):
        values = [each[order] for each in entries(owner)]
        assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("uid", "fields", "changed"),
    [
        (UID, {}, ""),
        (UID, {"archived": False}, ""),
        (UID, {"archived": True, "campaign": "x", "mobile": True}, "archived campaign mobile"),
        (UID, {"spam": True, "deleted": True, "source_type": None}, "source_type spam deleted"),
        (UID, {"business_unread": False}, "business_unread"),
        (UID, {"follow_up": True}, "follow_up"),
        (UID, {"follow_up": True, "follow_up_message": "m"}, "follow_up follow_up_message message"),
        (
            ARCHIVED,
            {"follow_up": True, "follow_up_date": DATE},
            "archived follow_up follow_up_date",
        ),
        (FOLLOWED, {"follow_up": True, "follow_up_date": DATE}, "follow_up_date"),
        (FOLLOWED, {"follow_up": True, "follow_up_message": "m"}, "follow_up_message message"),
        (FOLLOWED, {"follow_up": False}, "follow_up follow_up_date follow_up_message"),
        (
            FOLLOWED,
            {"follow_up": True, "archived": True, "complete_follow_up": True},
            "archived follow_up follow_up_date follow_up_message complete_follow_up",
        ),
        (COLLEAGUES, {"follow_up": False}, ""),
    ],
)
def test_it_names_what_changed(owner: Caller, uid: str, fields: Any, changed: str) -> None:
    assert owner.put(uid, {} if not fields else None, **fields).status_code == 200
    assert set(newest(owner)["changed"]) == set(changed.split())


def test_a_repeated_update_changes_nothing(owner: Caller) -> None:
    fields = {"follow_up": True, "follow_up_message": "m", "archived": False, "spam": True}
    for _ in range(2):
        owner.put(UID, **fields)
    assert newest(owner)["changed"] == []


def test_a_completed_follow_up_that_is_created_anew(owner: Caller) -> None:
    owner.put(FOLLOWED, follow_up=False, complete_follow_up=True)
    assert "complete_follow_up" in newest(owner)["changed"]
    owner.put(FOLLOWED, follow_up=True)
    assert newest(owner)["changed"] == ["follow_up"]


@pytest.mark.parametrize(
    ("direction", "changed"),
    [
        ("business_to_client", ["message"]),
        ("client_to_business", ["archived", "business_unread", "message"]),
    ],
)
def test_a_message_is_a_change(owner: Caller, direction: str, changed: list[str]) -> None:
    owner.put(UID, archived=True, business_unread=False)
    owner.post(client_id=JANE, text="Hi", direction=direction, conversation_uid=UID)
    assert newest(owner)["changed"] == changed


def test_a_token_is_never_kept(owner: Caller, stored: Stored) -> None:
    headers = owner.headers | {"User-Agent": "demo-owner@w"}
    path = f"{ONE}/demo-owner?access_token=demo-owner@w&x=demo-owner&y=%3Ddemo%2downer%26"
    owner.client.put(path, headers=headers, json={"token": "demo-owner@w", "x": "%64emo-owner"})
    secret = Caller(owner.client.application, "my-secret-token@w")
    secret.put(UID, note="my-secret-token")
    odd = Caller(owner.client.application, 'my secret"token@w')
    odd.get(f"{ONE}/my%20secret%22token?x=my%20secret%22token&y=my+secret%22token")
    entries(owner)
    rows = unquote_plus(str(stored.rows("SELECT * FROM journal_entry")))
    assert rows.count("***") == 11
    assert not re.search("demo-owner|my.secret", rows)


@pytest.mark.parametrize("sandbox", ["w", "default"])
@pytest.mark.parametrize("token", ["demo-nobody", "demo-expired"])
def test_a_401_belongs_to_the_sandbox_that_its_token_names(
    call: Call, owner: Caller, sandbox: str, token: str
) -> None:
    assert entries(owner) == entries(call("demo-owner")) == []
    call(f"{token}@{sandbox}").get(ONE)
    entry = newest(call(f"demo-owner@{sandbox}"))
    assert (entry["status"], entry["staff_uid"], entry["error"]) == (401, None, "401 Unauthorized")
    assert len(entries(owner)) + len(entries(call("demo-owner"))) == 1


def test_a_quarter_of_it_is_for_401s(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, JOURNAL=8) as app:
        owner = Caller(app, "demo-owner")
        for number in range(4):
            owner.get(f"/v2/conversations?page={number + 1}")
            for _ in range(25):
                token = f"bad-{number}@{secrets.token_hex(4)}"
                assert Caller(app, token).get(ONE).status_code == 401
            write(app)
        statuses = [entry["status"] for entry in entries(owner)]
        assert statuses == [401, 401, 200, 200, 200, 200]
    assert len(stored.rows("SELECT id FROM sandbox")) == 1  # the bad tokens created none
    assert len(stored.rows("SELECT id FROM journal_entry")) == 6


def test_a_clock_that_is_set_back_loses_nothing(owner: Caller, stored: Stored) -> None:
    start = datetime.now(UTC).replace(microsecond=500)
    for page, seconds in enumerate((0, -3600, 0.0001, 0.001), 1):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            owner.get(f"/v2/conversations?page={page}")
            write(owner.client.application)
    shown = entries(owner)
    assert [each["query"][-1] for each in shown] == ["4", "3", "1", "2"]  # by time, then id
    assert shown[1]["time"] == shown[2]["time"]
    ids = {each["query"][-1]: each["id"] for each in shown}
    assert sorted(ids, key=lambda page: ids[page]) == ["1", "2", "3", "4"]
    assert [each["query"][-1] for each in entries(owner, f"?after={ids['1']}")] == ["4", "3", "2"]


@pytest.mark.parametrize("token", ["demo-nobody@there-is-none", "demo-owner@", "@", "demo-nobody"])
def test_any_other_401_belongs_to_the_default_sandbox(call: Call, token: str) -> None:
    call(token).get(ONE)
    assert newest(call("demo-owner"))["status"] == 401


def test_a_request_without_a_token_is_kept(app: Flask, call: Call) -> None:
    app.test_client().put(ONE, json={"archived": True})
    entry = newest(call("demo-owner"))
    assert (entry["status"], entry["body"]) == (401, '{"archived":true}')


def test_of_a_body_the_beginning_is_kept(owner: Caller) -> None:
    for data in (b"\xff\x00" + "é".encode() * 5000, b"x" * (2**20 + 1)):
        owner.send(UID, data)
        body = newest(owner)["body"]
        assert len(body) == 2000
    assert body == "x" * 2000


def test_only_the_newest_are_kept(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, JOURNAL=3) as app:
        owner = Caller(app, "demo-owner")
        for number in range(5):
            owner.get(f"/v2/conversations?page={number + 1}")
        queries = [entry["query"] for entry in entries(owner, "?limit=50")]
        assert queries == ["page=5", "page=4", "page=3"]
        assert len(stored.rows("SELECT id FROM journal_entry")) == 3


def test_a_page_asks_for_what_is_new(owner: Caller) -> None:
    for page in range(1, 6):
        owner.get(f"/v2/conversations?page={page}")
    third = entries(owner)[2]["id"]
    assert [each["query"] for each in entries(owner, f"?after={third}")] == ["page=5", "page=4"]
    assert [each["query"] for each in entries(owner, f"?after={third}&limit=1")] == ["page=5"]
    assert entries(owner, "?after=99999999999999999999999") == []
    assert len(entries(owner, "?after=0")) == 5


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=", "limit=x", "after=-1", "after="]
)
def test_a_query_that_makes_no_sense_is_refused(owner: Caller, query: str) -> None:
    response = owner.get(f"/__admin/requests?{query}")
    assert response.status_code == 422
    assert [each["field"] for each in response.json["errors"]] == [query.partition("=")[0]]


def test_the_journal_can_be_emptied(owner: Caller, call: Call) -> None:
    owner.get(ONE)
    call("demo-owner@other").get(ONE)
    before = newest(owner)["id"]
    assert owner.ask("DELETE", "/__admin/requests").status_code == 204
    assert entries(owner) == []
    assert len(entries(call("demo-owner@other"))) == 1
    owner.get(ONE)
    assert newest(owner)["id"] > before


EMPTYING = [
    ("DELETE", "/__admin/requests"),
    ("POST", "/__admin/reset"),
    ("DELETE", "/__admin/sandbox"),
]


@pytest.mark.parametrize("seconds", [0, -3600, 3600], ids=["clock", "set back", "set forward"])
def test_what_was_answered_before_a_reset_does_not_appear_after_it(
    owner: Caller, app: Flask, stored: Stored, seconds: int
) -> None:
    """Another process has requests that it did not store yet when this one empties it."""
    with open_app(stored.path, TESTING=True) as other:
        for empty in EMPTYING:
            for token in ("demo-owner@w", "demo-nobody@w"):
                Caller(other, token).get(ONE)
            with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
                assert owner.ask(*empty).status_code in (200, 204)
                for token in ("demo-owner@w", "demo-nobody@w"):
                    Caller(other, token).get("/v2/conversations")
            write(other)
            assert [each["path"] for each in entries(owner)] == ["/v2/conversations"] * 2


def test_each_control_moves_the_revision(owner: Caller) -> None:
    def revision() -> int:
        return int(owner.get("/__admin/requests").json["revision"])

    known = [revision()]
    owner.get(ONE)
    owner.put(UID, archived=True)
    owner.get("/__admin/state")
    assert revision() == known[0]
    for method, path, body in (
        ("PUT", "/__admin/clock", {"now": DATE}),
        ("POST", "/__admin/clock/advance", {"seconds": 1}),
        ("DELETE", "/__admin/clock", None),
        ("PUT", "/__admin/faults", [{"status": 503, "times": 1}]),
        ("DELETE", "/__admin/faults", None),
        ("PUT", "/__admin/state", {"conversations": []}),
        ("DELETE", "/__admin/requests", None),
        ("POST", "/__admin/reset", None),
        ("DELETE", "/__admin/sandbox", None),
    ):
        assert owner.ask(method, path, body).status_code in (200, 204)
        known.append(revision())
    assert known == sorted(set(known))


def test_without_a_journal_nothing_is_kept(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, JOURNAL=0) as app:
        owner = Caller(app, "demo-owner")
        owner.get(ONE)
        assert entries(owner) == []
    assert stored.rows("SELECT id FROM journal_entry") == []


def test_it_is_written_soon_without_being_asked_for(owner: Caller, stored: Stored) -> None:
    owner.get(ONE)
    deadline = time.monotonic() + 5
    while not stored.rows("SELECT id FROM journal_entry"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_could_not_be_stored_is_stored_later(
    owner: Caller, app: Flask, stored: Stored
) -> None:
    owner.get("/__admin/sandbox")
    stored.rows("ALTER TABLE journal_entry RENAME TO elsewhere")
    for page in range(1, 4):
        assert owner.get(f"/v2/conversations?page={page}").status_code == 200
        write(app)
    stored.rows("ALTER TABLE elsewhere RENAME TO journal_entry")
    assert [each["query"] for each in entries(owner)] == ["page=3", "page=2", "page=1"]


def test_a_reader_waits_for_nothing(owner: Caller, app: Flask, stored: Stored) -> None:
    owner.get("/__admin/sandbox")
    with stored.locked():
        assert owner.get(ONE).status_code == 200
        begun = time.monotonic()
        assert owner.get("/__admin/requests").json["requests"] == []
        assert time.monotonic() - begun < 0.5


def wait_for_entries(server: Server, number: int) -> list[Any]:
    """Return the entries once there are that many, at most a second after the last answer."""
    deadline = time.monotonic() + 1
    while True:
        _, shown = server.ask("demo-owner", "GET", "/__admin/requests")
        requests: list[Any] = shown["requests"]
        if len(requests) == number:
            return requests
        assert time.monotonic() < deadline, len(requests)
        time.sleep(0.02)


def test_every_process_sees_the_requests_of_all_in_their_order(server: Server) -> None:
    for number in range(40):
        assert server.get("demo-owner", f"/v2/conversations?page={number + 1}") == 200
    requests = wait_for_entries(server, 40)
    pages = [int(each["query"].partition("=")[2]) for each in requests]
    assert pages == list(range(40, 0, -1))
    for _ in range(8):
        assert wait_for_entries(server, 40) == requests


def test_a_clean_stop_loses_no_entry(server: Server, stored: Stored) -> None:
    for number in range(8):
        assert server.put("demo-owner", UID, {"campaign": str(number)}) == 200
    server.stop()
    assert len(stored.rows("SELECT id FROM journal_entry")) == 8


def test_a_kill_loses_nothing_but_the_last_entries(server: Server, stored: Stored) -> None:
    for number in range(20):
        assert server.put("demo-owner", UID, {"campaign": str(number)}) == 200
        if number == 9:
            time.sleep(1)
    os.killpg(server.process.pid, signal.SIGKILL)
    server.stop()
    assert stored.conversation(UID)["campaign"] == "19"
    assert len(stored.rows("SELECT id FROM journal_entry")) >= 10
    stored.check_integrity()


def test_a_body_that_arrives_after_a_deletion_of_the_journal_is_kept(server: Server) -> None:
    token, body = "demo-owner@slow", b'{"archived": '
    assert server.ask(token, "GET", "/__admin/sandbox")[0] == 200
    head = f"PUT {ONE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as client:
        client.sendall(head.encode() + body[:1])
        time.sleep(0.3)  # in which it is authenticated
        assert server.ask(token, "DELETE", "/__admin/requests")[0] == 204
        client.sendall(body[1:])
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    for _ in range(20):
        _, journal = server.ask(token, "GET", "/__admin/requests")
        if journal["requests"]:
            break
        time.sleep(0.1)
    [entry] = journal["requests"]
    assert (entry["status"], entry["method"]) == (400, "PUT")
