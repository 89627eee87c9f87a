"""The request journal of a sandbox: who sent what, and with what effect."""

import re
import socket
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import pytest
import time_machine

from support.apps import Call, Caller, open_app
from support.constants import ARCHIVED, COLLEAGUES, CONTROLS, FOLLOWED, JANE, MESSAGE, ONE, UID
from support.servers import Server
from support.stored import Stored
from web.errors import CANT_BE_USED, ELSEWHERE

pytestmark = pytest.mark.database  # rows that another thread writes

DATE = "2030-05-06T10:31:21Z"
JOURNAL = "/__admin/requests"
NOT_ALLOWED = "The method PATCH is not allowed; this route accepts GET, HEAD, OPTIONS, PUT."


def newest(caller: Caller) -> Any:
    return caller.entries("?limit=1")[0]


def queries(caller: Caller, query: str = "") -> list[str]:
    return [entry["query"] for entry in caller.entries(query)]


def test_entry_has_the_client_the_query_and_the_time(mine: Caller) -> None:
    """The tests of examples compare all fields of another entry."""
    begun = datetime.now(UTC)
    path = f"{ONE}?full_client=1&x=1"
    mine.ask("PUT", path, {"archvied": 1}, **{"User-Agent": "Playwright/1.0"})
    entry = newest(mine)
    time_of_it = datetime.fromisoformat(entry["time"])
    assert begun - timedelta(seconds=0.01) <= time_of_it <= datetime.now(UTC)
    assert entry["milliseconds"] > 0 and isinstance(entry["id"], int)
    assert (entry["user_agent"], entry["query"]) == ("Playwright/1.0", "full_client=1&x=1")
    assert entry["ignored"] == ["x", "archvied"]


def test_journal_lists_reads_and_rejected_requests_newest_first(mine: Caller) -> None:
    mine.get("/v2/conversations?folder=inbox")
    mine.put(UID, archived="maybe")
    mine.get(f"/v2/conversations/{'x' * 16}/messages")
    mine.get("/v2/nothing")
    mine.ask("PATCH", ONE)
    mine.send(UID, b"{")
    mine.ask("GET", ONE, Prefer="code=503")
    mine.ask("OPTIONS", ONE)
    mine.get("/__admin/sandbox")
    mine.get("/v2nothing")
    entries = mine.entries()
    assert [(each["method"], each["status"], each["error"]) for each in reversed(entries)] == [
        ("GET", 200, None),
        ("PUT", 422, 'It must be a boolean (true or false), not "maybe".'),
        ("GET", 404, "Couldn't find Conversation"),
        ("GET", 404, ELSEWHERE.format("")),
        ("PATCH", 405, NOT_ALLOWED),
        ("PUT", 400, entries[1]["error"]),
        ("GET", 503, f"{CANT_BE_USED} (X-Fault: preference)"),
    ]
    for order in ("id", "time"):
        values = [each[order] for each in entries]
        assert values == sorted(values, reverse=True)


ARCHIVING = {"follow_up": True, "archived": True, "complete_follow_up": True}
WITH_DATE = {"follow_up": True, "follow_up_date": DATE}
WITH_TEXT = {"follow_up": True, "follow_up_message": "m"}
ALL = "archived follow_up follow_up_date follow_up_message complete_follow_up"


@pytest.mark.parametrize(
    ("uid", "fields", "changed"),
    [
        (UID, {}, ""),
        (UID, {"archived": False}, ""),
        (UID, {"archived": True, "campaign": "x", "mobile": True}, "archived campaign mobile"),
        (UID, {"spam": True, "deleted": True, "source_type": None}, "source_type spam deleted"),
        (UID, {"business_unread": False}, "business_unread"),
        (UID, {"follow_up": True}, "follow_up"),
        (UID, WITH_TEXT, "follow_up follow_up_message message"),
        (ARCHIVED, WITH_DATE, "archived follow_up follow_up_date"),
        (FOLLOWED, WITH_DATE, "follow_up_date"),
        (FOLLOWED, WITH_TEXT, "follow_up_message message"),
        (FOLLOWED, {"follow_up": False}, "follow_up follow_up_date follow_up_message"),
        (FOLLOWED, ARCHIVING, ALL),
        (COLLEAGUES, {"follow_up": False}, ""),
    ],
)
def test_entry_names_the_changed_fields(mine: Caller, uid: str, fields: Any, changed: str) -> None:
    assert mine.put(uid, fields).status_code == 200
    assert set(newest(mine)["changed"]) == set(changed.split())
    assert mine.put(uid, fields).status_code == 200
    assert newest(mine)["changed"] == []


def test_entry_names_a_recreated_follow_up_and_a_new_message(mine: Caller) -> None:
    mine.put(FOLLOWED, follow_up=False, complete_follow_up=True)
    assert "complete_follow_up" in newest(mine)["changed"]
    mine.put(FOLLOWED, follow_up=True)
    assert newest(mine)["changed"] == ["follow_up"]
    mine.put(UID, archived=True, business_unread=False)
    mine.post(client_id=JANE, text="Hi", direction="business_to_client", conversation_uid=UID)
    assert newest(mine)["changed"] == ["message"]
    mine.post(**MESSAGE)
    assert newest(mine)["changed"] == ["archived", "business_unread", "message"]


def test_journal_never_has_a_token(mine: Caller, call: Call, stored: Stored) -> None:
    path = f"{ONE}/demo-owner?access_token=demo-owner@w&x=demo-owner&y=%3Ddemo%2downer%26"
    body = {"token": "demo-owner@w", "x": "%64emo-owner"}
    mine.ask("PUT", path, body, **{"User-Agent": "demo-owner@w"})
    call("my-secret-token@w").put(UID, note="my-secret-token")
    spelled = "my%20secret%22token"
    call('my secret"token@w').get(f"{ONE}/{spelled}?x={spelled}&y=my+secret%22token")
    mine.flush_journal()
    rows = unquote_plus(str(stored.rows("SELECT * FROM journal_entry")))
    assert rows.count("***") == 11
    assert not re.search("demo-owner|my.secret", rows)


def test_late_batch_of_another_process_drops_no_newer_entry(stored: Stored) -> None:
    settings: dict[str, Any] = {"TESTING": True, "JOURNAL": 8}
    with open_app(stored.path, **settings) as late, open_app(stored.path, **settings) as app:
        for number in range(10):
            Caller(late, "demo-owner").get(f"/v2/conversations?page={number + 1}")
        owner = Caller(app, "demo-owner")
        time.sleep(0.002)  # times are shown to the millisecond
        owner.get(ONE)
        owner.flush_journal()
        entries = Caller(late, "demo-owner").entries()
    assert [entry["path"] for entry in entries] == [ONE, *["/v2/conversations"] * 7]


def test_at_most_a_quarter_of_entries_are_401s(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, JOURNAL=8) as app:
        owner = Caller(app, "demo-owner")
        for number in range(4):
            owner.get(f"/v2/conversations?page={number + 1}")
            for sandbox in range(25):
                token = f"bad-{number}@w{sandbox}"
                assert Caller(app, token).get(ONE).status_code == 401
            owner.flush_journal()
        statuses = [entry["status"] for entry in owner.entries()]
        assert statuses == [401, 401, 200, 200, 200, 200]
    assert len(stored.rows("SELECT id FROM sandbox")) == 1  # the bad tokens created none
    assert len(stored.rows("SELECT id FROM journal_entry")) == 6


def test_setting_the_clock_back_keeps_entries(mine: Caller) -> None:
    start = datetime.now(UTC).replace(microsecond=500)
    for page, seconds in enumerate((0, -3600, 0.0001, 0.001), 1):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            mine.get(f"/v2/conversations?page={page}")
            mine.flush_journal()
    shown = mine.entries()
    ids = {each["query"]: each["id"] for each in shown}
    assert list(ids) == ["page=4", "page=3", "page=1", "page=2"]  # by time, then id
    assert shown[1]["time"] == shown[2]["time"]
    assert sorted(ids.values()) == [ids[f"page={number}"] for number in range(1, 5)]
    assert queries(mine, f"?after={ids['page=1']}") == ["page=4", "page=3", "page=2"]


OF_DEFAULT = "demo-nobody@there-is-none demo-owner@ @ demo-nobody demo-expired@default".split()


@pytest.mark.parametrize("token", ["demo-nobody@w", "demo-expired@w", *OF_DEFAULT])
def test_401_is_recorded_in_the_sandbox_of_its_token_or_in_default(
    call: Call, mine: Caller, owner: Caller, token: str
) -> None:
    assert mine.entries() == owner.entries() == []
    call(token).get(ONE)
    [entry] = (owner if token in OF_DEFAULT else mine).entries()
    assert (entry["status"], entry["staff_uid"]) == (401, None)
    assert entry["error"].startswith("401 Unauthorized: The ")
    assert len(mine.entries()) + len(owner.entries()) == 1
    owner.client.put(ONE, json={"archived": True})  # without a token
    entry = newest(owner)
    assert (entry["status"], entry["body"]) == (401, '{"archived":true}')


def test_body_is_truncated(mine: Caller) -> None:
    for data in (b"\xff\x00" + "é".encode() * 5000, b"x" * (2**20 + 1)):
        mine.send(UID, data)
        body = newest(mine)["body"]
        assert len(body) == 2000
    assert body == "x" * 2000


@pytest.mark.parametrize("kept", [3, 0])
def test_journal_keeps_only_the_newest_entries(stored: Stored, kept: int) -> None:
    with open_app(stored.path, TESTING=True, JOURNAL=kept) as app:
        owner = Caller(app, "demo-owner")
        for page in range(1, 21):
            owner.get(f"/v2/conversations?page={page}")
            if page in (10, 19):  # a batch has more than are kept, or fewer
                owner.flush_journal()
        assert queries(owner, "?limit=50") == ["page=20", "page=19", "page=18"][:kept]
        assert len(stored.rows("SELECT id FROM journal_entry")) == kept


def test_after_returns_only_newer_entries(mine: Caller) -> None:
    for page in range(1, 6):
        mine.get(f"/v2/conversations?page={page}")
    third = mine.entries()[2]["id"]
    assert queries(mine, f"?after={third}") == ["page=5", "page=4"]
    assert queries(mine, f"?after={third}&limit=1") == ["page=5"]
    assert queries(mine, "?after=99999999999999999999999") == []
    assert len(queries(mine, "?after=0")) == 5


@pytest.mark.parametrize("seconds", [0, -3600, 3600], ids=["clock", "set back", "set forward"])
def test_reset_drops_unwritten_entries(mine: Caller, stored: Stored, seconds: int) -> None:
    """Another process has requests that it did not store yet when this one clears the journal."""
    clearing = (("DELETE", JOURNAL), ("POST", "/__admin/reset"), ("DELETE", "/__admin/sandbox"))
    newest_id = 0
    with open_app(stored.path, TESTING=True) as other:
        callers = [Caller(other, token) for token in ("demo-owner@w", "demo-nobody@w")]
        for clear in clearing:
            for caller in callers:
                caller.get(ONE)
            with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
                assert mine.ask(*clear).status_code in (200, 204)
                for caller in callers:
                    caller.get("/v2/conversations")
            callers[0].flush_journal()
            entries = mine.entries()
            assert [each["path"] for each in entries] == ["/v2/conversations"] * 2
            assert min(each["id"] for each in entries) > newest_id
            newest_id = max(each["id"] for each in entries)


def test_each_admin_change_increments_the_revision(mine: Caller) -> None:
    def revision() -> int:
        return int(mine.get(JOURNAL).json["revision"])

    known = [revision()]
    mine.get(ONE)
    mine.put(UID, archived=True)
    mine.get("/__admin/state")
    assert revision() == known[0]
    for method, path, body in CONTROLS:
        if method != "GET":
            assert mine.ask(method, path, body).status_code in (200, 204)
            known.append(revision())
    assert known == sorted(set(known))


def test_journal_is_written_without_being_read(mine: Caller, stored: Stored) -> None:
    mine.get(ONE)
    deadline = time.monotonic() + 5
    while not stored.rows("SELECT id FROM journal_entry"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_failed_journal_writes_are_retried(mine: Caller, stored: Stored) -> None:
    mine.get("/__admin/sandbox")
    stored.rows("ALTER TABLE journal_entry RENAME TO elsewhere")
    for page in range(1, 4):
        assert mine.get(f"/v2/conversations?page={page}").status_code == 200
        mine.flush_journal()
    stored.rows("ALTER TABLE elsewhere RENAME TO journal_entry")
    assert queries(mine) == ["page=3", "page=2", "page=1"]


def test_reading_the_journal_never_waits(mine: Caller, stored: Stored) -> None:
    mine.get("/__admin/sandbox")
    with stored.locked():
        assert mine.get(ONE).status_code == 200
        assert mine.get(JOURNAL).json["requests"] == []


def wait_for_entries(server: Server, token: str, number: int) -> list[Any]:
    """Return the entries once there are that many, at most a second after the last answer."""
    deadline = time.monotonic() + 1
    while True:
        requests: list[Any] = server.ask(token, "GET", JOURNAL)[1]["requests"]
        if len(requests) == number:
            return requests
        assert time.monotonic() < deadline, len(requests)
        time.sleep(0.02)


def test_every_process_lists_all_requests_in_order(server: Server) -> None:
    for number in range(40):
        assert server.get("demo-owner", f"/v2/conversations?page={number + 1}") == 200
    requests = wait_for_entries(server, "demo-owner", 40)
    assert {each["query"] for each in requests} == {f"page={page}" for page in range(1, 41)}
    order = [(each["time"], each["id"]) for each in requests]  # several have the same millisecond
    assert order == sorted(order, reverse=True)
    for _ in range(8):
        assert wait_for_entries(server, "demo-owner", 40) == requests


def test_clean_stop_keeps_all_entries(server: Server, stored: Stored) -> None:
    for number in range(8):
        assert server.put("demo-owner", UID, {"campaign": str(number)}) == 200
    server.stop()
    assert len(stored.rows("SELECT id FROM journal_entry")) == 8


def test_request_that_ends_after_a_deletion_is_recorded(server: Server) -> None:
    token, body = "demo-owner@slow", b'{"archived": '
    assert server.ask(token, "GET", "/__admin/sandbox")[0] == 200
    head = f"PUT {ONE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as client:
        client.sendall(head.encode() + body[:1])
        time.sleep(0.3)  # in which it is authenticated
        assert server.ask(token, "DELETE", JOURNAL)[0] == 204
        client.sendall(body[1:])
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    [entry] = wait_for_entries(server, token, 1)
    assert (entry["status"], entry["method"]) == (400, "PUT")
