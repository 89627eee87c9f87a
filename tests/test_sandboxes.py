"""Sandboxes: created by a token, isolated, reset, deleted, limited in number, each with a clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.folders import FOLDERS
from demo.seeding import STAFF_TOKENS
from support.apps import Call, Caller, check_error, open_app
from support.constants import CONTROLS, FIXED, JAVASCRIPT, MESSAGE, ONE, OVERDUE, UID
from support.differences import check_same
from support.stored import Stored
from support.threads import Clock
from web.auth import SANDBOX_DELETED

pytestmark = pytest.mark.database  # rows that are deleted by a cascade

LONG_AGO = "2026-05-01 00:00:00.000000"
SANDBOX, RESET = "/__admin/sandbox", "/__admin/reset"
LIST = "/v2/conversations"
FOLLOW_UP = {"follow_up": True, "follow_up_date": JAVASCRIPT, "follow_up_message": "call back"}
SHOWN = {"now": "2026-05-05T07:30:00.000Z", "frozen": True}
NOBODIES = ["demo-directory", "demo-expired", "demo-unknown"]


def names(stored: Stored) -> list[str]:
    return [row["name"] for row in stored.rows("SELECT name FROM sandbox ORDER BY id")]


def see(caller: Caller) -> list[bytes]:
    """Return all data of a sandbox, and some of what is shown of it."""
    paths = ("/__admin/state", SANDBOX, f"{LIST}?per_page=100", f"{ONE}/messages")
    return [caller.get(path).data for path in paths]


@pytest.mark.parametrize("token", STAFF_TOKENS)
def test_first_request_creates_its_sandbox(call: Call, stored: Stored, token: str) -> None:
    listed = call(token).get(LIST).json["data"]
    in_sandbox = call(f"{token}@worker-3").get(LIST).json["data"]
    assert [each["uid"] for each in in_sandbox] == [each["uid"] for each in listed]
    for folder, count in call(token).get(SANDBOX).json["folders"].items():
        shown = call(token).get(f"{LIST}?per_page=100&folder={folder}").json["data"]
        assert len(shown) == count, folder


@pytest.mark.parametrize("name", ["w", "A.b_c-9", "x" * 64, "..", "-"])
def test_valid_names_create_a_sandbox(call: Call, stored: Stored, name: str) -> None:
    response = call(f"demo-owner@{name}").get(SANDBOX)
    assert (response.status_code, response.json["name"]) == (200, name)
    assert names(stored) == ["default", name]


@pytest.mark.parametrize("is_there", [False, True])
def test_invalid_token_creates_no_sandbox(call: Call, stored: Stored, is_there: bool) -> None:
    if is_there:
        assert call("demo-owner@w").get(LIST).status_code == 200
    before = names(stored)
    wrong = ["", "a@b", "@b", "x" * 65, "a b", "a/b", "ä", "a\x00"]
    for token in ["@w", "@", *(f"demo-owner@{name}" for name in wrong)]:
        assert call(token).get(LIST).status_code == 401
    for token in NOBODIES:
        assert "invalid_token" in call(f"{token}@w").get(LIST).headers["WWW-Authenticate"]
    assert names(stored) == before


def test_sandboxes_are_isolated(call: Call) -> None:
    first, second = call("demo-owner@first"), call("demo-owner@second")
    assert second.ask("POST", RESET, {"now": FIXED}).status_code == 200
    before = see(second)
    for caller in (first, call("demo-owner")):
        assert caller.put(UID, archived=True, **FOLLOW_UP).status_code == 200
        assert caller.post(**MESSAGE).json["data"]["conversation_uid"] == UID
        for method, path, body in CONTROLS:
            assert caller.ask(method, path, body).status_code in (200, 204, 409)
    assert see(second) == before
    assert second.get("/__admin/faults").json == {"faults": []}
    assert second.entries("?limit=1")[0]["method"] == "GET"


def test_summary_has_the_tokens_of_its_sandbox(call: Call) -> None:
    """The tests of examples compare all fields."""
    shown = call("demo-assigned@w").get(SANDBOX).json
    tokens = [each["token"] for each in shown["staff"]]
    assert tokens == [f"{token}@w" for token in STAFF_TOKENS]
    assert shown["you"] == shown["staff"][tokens.index("demo-assigned@w")]
    assert list(shown["folders"]) == [*FOLDERS]


@pytest.mark.parametrize("token", ["demo-owner@w", "demo-neighbour@w"])
def test_reset_restores_data_and_unfreezes_the_clock(
    call: Call, mine: Caller, stored: Stored, token: str
) -> None:
    """A caller of either business resets both."""
    mine.put(UID, archived=True)
    mine.ask("PUT", "/__admin/clock", {"now": "2031-01-01T00:00:00Z"})
    mine.ask("PUT", "/__admin/faults", [{"status": 500, "path": "/v2/nothing"}])
    response = call(token).ask("POST", RESET)
    assert (response.status_code, response.json["frozen"]) == (200, False)
    shown = call(token).get(SANDBOX).json
    check_same(response.json | {"now": shown["now"]}, shown)
    now = datetime.fromisoformat(response.json["now"])
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
    assert mine.get(ONE).json["archived"] is False
    assert mine.get("/__admin/faults").json == {"faults": []}
    stored.check_integrity()


def test_resets_to_the_same_time_are_byte_identical(mine: Caller) -> None:
    first = mine.ask("POST", RESET, {"now": FIXED})
    before = see(mine)
    shown = mine.put(UID, **FOLLOW_UP).json  # vcita's own example
    assert shown["follow_up_text"] == "Reminder set for tomorrow at 1:31 PM"
    assert mine.ask("PUT", "/__admin/state", {"businesses": []}).status_code == 422
    assert mine.ask("PUT", "/__admin/state", {"conversations": []}).status_code == 200
    assert mine.ask("POST", RESET, {"now": FIXED}).data == first.data
    assert see(mine) == before
    mine.ask("POST", RESET, {"now": "1999-12-31T23:00:00+01:00"})
    shown = mine.get(f"/v2/conversations/{OVERDUE}").json
    assert shown["follow_up_text"] == "Reminder was due yesterday at 12:00 AM"


def test_reset_needs_no_body(owner: Caller) -> None:
    for content_type in (None, "application/json", "text/plain"):
        assert owner.send_to("POST", RESET, b"", content_type).status_code == 200
    assert owner.send_to("POST", RESET, b"[]").status_code == 400


def test_reset_response_has_no_caller_if_the_token_was_removed(call: Call, mine: Caller) -> None:
    state = mine.get("/__admin/state").json
    state["businesses"][0]["staff"][0]["tokens"] = ["my-own"]
    assert mine.ask("PUT", "/__admin/state", state).status_code == 200
    assert mine.get(LIST).status_code == 401
    own = call("my-own@w")
    assert own.get(SANDBOX).json["you"]["token"] == "my-own@w"
    response = own.ask("POST", RESET)
    assert response.status_code == 200
    assert (response.json["you"], response.json["business"]) == (None, None)
    assert len(response.json["staff"]) == 4
    assert own.get(LIST).status_code == 401


def test_deleted_sandbox_is_recreated_on_use(mine: Caller, stored: Stored) -> None:
    mine.put(UID, archived=True)
    before = stored.row("SELECT id, revision FROM sandbox WHERE name = 'w'")
    response = mine.ask("DELETE", SANDBOX)
    assert (response.status_code, response.data) == (204, b"")
    assert names(stored) == ["default"]
    for table in ("business", "access_token"):
        assert stored.rows(f"SELECT id FROM {table} WHERE sandbox_id = ?", before["id"]) == []
    stored.check_integrity()
    assert mine.get(ONE).json["archived"] is False
    after = stored.row("SELECT id, revision FROM sandbox WHERE name = 'w'")
    assert after["id"] > before["id"] and after["revision"] > before["revision"]
    assert len(mine.entries()) == 1


@pytest.mark.parametrize("token", ["demo-owner", "demo-owner@default"])
def test_default_sandbox_cannot_be_deleted(call: Call, stored: Stored, token: str) -> None:
    with stored.unchanged():
        check_error(call(token).ask("DELETE", SANDBOX), 409, "conflict")


def test_new_sandbox_evicts_the_longest_unused_one_or_gets_429(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, SANDBOXES=4) as app:
        for name in ("one", "two", "three", "four", "one"):
            assert Caller(app, f"demo-owner@{name}").get(LIST).status_code == 200
        response = Caller(app, "demo-owner@five").get(LIST)
    check_error(response, 429, "too_many_requests")
    assert response.headers["Retry-After"] == "60"
    assert names(stored) == ["default", "one", "two", "three", "four"]
    for name, hours in (("two", 26), ("three", 27), ("four", 25)):
        used_at = f"{datetime.now(UTC) - timedelta(hours=hours):%Y-%m-%d %H:%M:%S.%f}"
        stored.rows("UPDATE sandbox SET last_used_at = ? WHERE name = ?", used_at, name)
    with open_app(stored.path, TESTING=True, SANDBOXES=1) as app:  # the limit was lowered
        assert Caller(app, "demo-owner@five").get(LIST).status_code == 200
    assert names(stored) == ["default", "one", "two", "four", "five"]
    stored.check_integrity()


def test_named_token_is_rejected_without_sandboxes(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, SANDBOXES=0) as app:
        for name, status in (("@default", 401), ("@w", 401), ("", 200)):
            assert Caller(app, f"demo-owner{name}").get(LIST).status_code == status


def test_last_use_is_recorded_once_a_minute(mine: Caller, stored: Stored) -> None:
    def last_used_at() -> Any:
        return stored.row("SELECT last_used_at FROM sandbox WHERE name = 'w'")["last_used_at"]

    mine.get(LIST)
    first = last_used_at()
    for _ in range(2):
        mine.entries()
        mine.flush_journal()
    assert last_used_at() == first
    stored.rows("UPDATE sandbox SET last_used_at = ?", LONG_AGO)
    mine.get(SANDBOX)  # which is not in the journal
    mine.flush_journal()
    assert last_used_at() >= first


def test_sandboxes_work_without_the_admin_api(stored: Stored) -> None:
    rule = [{"status": 500}]
    with open_app(stored.path, TESTING=True) as app:
        assert Caller(app, "demo-owner@w").ask("PUT", "/__admin/faults", rule).status_code == 200
    with open_app(stored.path, TESTING=True, ADMIN_API=False) as app:
        mine = Caller(app, "demo-owner@w")
        for method, path, body in CONTROLS:
            unknown = mine.ask(method, "/nothing", body)
            assert mine.ask(method, path, body).data == unknown.data
            assert unknown.status_code == 404
        assert mine.get("/__admin/health").status_code == 200
        response = mine.put(UID, campaign="x", typo=1)  # without the stored fault
        assert (response.status_code, response.headers["X-Ignored"]) == (200, "typo")
        assert mine.ask("GET", LIST, Prefer="code=503").status_code == 503
    assert stored.rows("SELECT * FROM journal_entry") == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_delayed_request_to_a_deleted_sandbox_gets_409(
    mine: Caller, stored: Stored, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    clock = Clock()
    clock.alarm = (clock.now, lambda: mine.ask("DELETE", SANDBOX))
    monkeypatch.setattr("web.fault_injection.time", clock)
    response = mine.ask(method, ONE, {"archived": True}, Prefer="delay=500")
    check_error(response, 409, "conflict", None, SANDBOX_DELETED)
    assert names(stored) == ["default"]


def freeze(caller: Caller, now: Any = FIXED) -> Any:
    return caller.ask("PUT", "/__admin/clock", {"now": now})


def advance(caller: Caller, **fields: Any) -> Any:
    return caller.ask("POST", "/__admin/clock/advance", fields)


def check_runs(shown: Any) -> None:
    assert shown["frozen"] is False
    assert abs(datetime.now(UTC) - datetime.fromisoformat(shown["now"])) < timedelta(minutes=1)


def test_clock_runs_freezes_and_runs_again(mine: Caller, call: Call, stored: Stored) -> None:
    check_runs(mine.get("/__admin/clock").json)
    response = freeze(mine)
    assert (response.status_code, response.json) == (200, SHOWN)
    assert mine.get("/__admin/clock").json == SHOWN
    assert mine.put(UID, archived=True).json["last_user_action_at"] == FIXED
    row = stored.row("SELECT frozen_at FROM sandbox WHERE name = 'w'")
    assert row["frozen_at"] == "2026-05-05 07:30:00.000000"
    check_runs(call("demo-owner@another").get("/__admin/clock").json)
    check_runs(mine.ask("DELETE", "/__admin/clock").json)
    check_runs(mine.get("/__admin/clock").json)


def test_clock_accepts_follow_up_date_formats(mine: Caller) -> None:
    freeze(mine, "2030-01-01")
    for text, now in (
        ("Wed May 06 2026 13:31:21 GMT+0300", "2026-05-06T10:31:21.000Z"),
        ("5/6/2026", "2026-06-05T00:00:00.000Z"),
        ("2026-05-05T07:30:00.123456Z", "2026-05-05T07:30:00.123Z"),
        ("9000-12-31T23:59:59Z", "9000-12-31T23:59:59.000Z"),
        ("1900-01-01", "1900-01-01T00:00:00.000Z"),  # it may be set back
    ):
        assert freeze(mine, text).json["now"] == now


def test_clock_advances_by_seconds_or_to_a_time(mine: Caller) -> None:
    freeze(mine)
    assert advance(mine, seconds=90).json["now"] == "2026-05-05T07:31:30.000Z"
    for _ in range(2):
        assert advance(mine, to="2026-05-06").json["now"] == "2026-05-06T00:00:00.000Z"
    assert advance(mine, seconds=315_360_000).json["now"] == "2036-05-03T00:00:00.000Z"


def test_advance_freezes_the_clock(mine: Caller) -> None:
    shown = advance(mine, seconds=3600).json
    assert shown["frozen"] is True
    ahead = datetime.fromisoformat(shown["now"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < ahead <= timedelta(hours=1)


def test_invalid_advance_changes_nothing(mine: Caller) -> None:
    freeze(mine, "9000-12-31")
    for fields in ({}, {"seconds": 1, "to": "9000-12-31T01:00"}, {"seconds": 86_400}):
        check_error(advance(mine, **fields), 422, "invalid", "seconds")
    assert mine.get("/__admin/clock").json["now"] == "9000-12-31T00:00:00.000Z"
