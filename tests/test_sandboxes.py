"""Sandboxes: made by their token, alone with their data, reset, deleted, and limited in number."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.folders import FOLDERS
from demo.seeding import STAFF_TOKENS
from support.apps import open_app
from support.callers import Caller
from support.constants import ARCHIVED, CONTROLS, FOLLOWED, JANE, NEIGHBOURS, OVERDUE, UID
from support.states import FIXED
from support.stored import Stored

Call = Callable[[str], Caller]
LONG_AGO = "2026-05-01 00:00:00.000000"
EXAMPLE = {  # the body of vcita's reference
    "follow_up": True,
    "follow_up_date": "Wed May 06 2026 13:31:21 GMT+0300 (Israel Daylight Time)",
    "follow_up_message": "call back about pricing",
}


def names(stored: Stored) -> list[str]:
    return [row["name"] for row in stored.rows("SELECT name FROM sandbox ORDER BY id")]


def flush_journal(caller: Caller) -> None:
    caller.client.application.extensions["journal_writer"].write()


def see(caller: Caller) -> list[bytes]:
    """Return all that shows what was seeded."""
    paths = [f"/v2/conversations?folder={folder}&per_page=100" for folder in FOLDERS]
    paths += [f"/platform/v1/conversations?folder={folder}&per_page=100" for folder in FOLDERS]
    paths += [f"/platform/v1/clients/{JANE}/conversations", "/__admin/state", "/__admin/sandbox"]
    for found in caller.get("/v2/conversations?per_page=100").json["data"]:
        path = f"/v2/conversations/{found['uid']}"
        paths += [f"{path}?full_client=true", f"{path}/messages?per_page=100"]
    return [caller.get(path).data for path in paths]


@pytest.mark.parametrize("token", STAFF_TOKENS)
def test_the_first_request_makes_its_sandbox(call: Call, stored: Stored, token: str) -> None:
    in_default = call(token).get("/v2/conversations").json["data"]
    in_sandbox = call(f"{token}@worker-3").get("/v2/conversations").json["data"]
    assert [each["uid"] for each in in_sandbox] == [each["uid"] for each in in_default]
    assert names(stored) == ["default", "worker-3"]


@pytest.mark.parametrize("name", ["w", "A.b_c-9", "x" * 64, "..", "-"])
def test_a_name_may_be_so(call: Call, stored: Stored, name: str) -> None:
    response = call(f"demo-owner@{name}").get("/__admin/sandbox")
    assert (response.status_code, response.json["name"]) == (200, name)
    assert names(stored) == ["default", name]


@pytest.mark.parametrize(
    "token",
    [
        *(
            "demo-owner@",
            "@worker-3",
            "@",
            "demo-owner@a@b",
            "demo-owner@@b",
            f"demo-owner@{'x' * 65}",
        ),
        *("demo-owner@a b", "demo-owner@a/b", "demo-owner@ä", "demo-owner@a\x00"),
        *("demo-directory@w", "demo-expired@w", "demo-unknown@w"),
    ],
)
def test_any_other_token_is_refused_and_makes_nothing(
    call: Call, stored: Stored, token: str
) -> None:
    response = call(token).get("/v2/conversations")
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert names(stored) == ["default"]


def test_default_has_its_name_too(call: Call, stored: Stored) -> None:
    assert call("demo-owner@default").put(UID, campaign="spring").status_code == 200
    assert call("demo-owner").get(f"/v2/conversations/{UID}?full_client=1").status_code == 200
    assert stored.conversation(UID)["campaign"] == "spring"
    shown = call("demo-owner@default").get("/__admin/sandbox").json
    assert (shown["name"], shown["you"]["token"]) == ("default", "demo-owner")


@pytest.mark.parametrize("token", ["demo-directory@w", "demo-expired@w", "demo-nobody@w"])
def test_who_is_nobody_there_is_refused_where_the_sandbox_is_there(call: Call, token: str) -> None:
    assert call("demo-owner@w").get("/v2/conversations").status_code == 200
    assert call(token).get("/v2/conversations").status_code == 401


def test_nothing_of_a_sandbox_is_seen_or_changed_from_another(call: Call, stored: Stored) -> None:
    first, second = call("demo-owner@first"), call("demo-owner@second")
    assert second.ask("POST", "/__admin/reset", {"now": FIXED}).status_code == 200
    before = see(second)
    for caller in (first, call("demo-owner")):
        assert caller.put(UID, archived=True, **EXAMPLE).status_code == 200
        message = {"client_id": JANE, "text": "Mine", "direction": "client_to_business"}
        conversation = caller.post(**message).json["data"]["conversation_uid"]
        assert conversation == UID
        for method, path, body in CONTROLS:
            assert caller.ask(method, path, body).status_code in (200, 204, 409)
    assert see(second) == before
    assert second.get("/__admin/faults").json == {"faults": []}
    flush_journal(second)
    entries = second.get("/__admin/requests?limit=1").json["requests"]
    assert entries[0]["method"] == "GET"


def test_a_sandbox_at_a_glance(call: Call) -> None:
    call("demo-owner@w").ask("POST", "/__admin/reset", {"now": FIXED})
    shown = call("demo-assigned@w").get("/__admin/sandbox").json
    assert list(shown) == ["name", "now", "frozen", "you", "business", "staff", "folders"]
    assert (shown["name"], shown["now"], shown["frozen"]) == ("w", "2026-05-05T07:30:00.000Z", True)
    assert shown["you"] == {
        "uid": "8tk1w6zfy0dn4mvb",
        "display_name": "Tom Peretz",
        "access": "assigned",
        "business_uid": "4bq7ahdt1mfc0zkw",
        "token": "demo-assigned@w",
    }
    assert shown["business"] == {
        "uid": "4bq7ahdt1mfc0zkw",
        "name": "Almog Physiotherapy",
        "time_zone": "Asia/Jerusalem",
    }
    assert [each["token"] for each in shown["staff"]] == [f"{token}@w" for token in STAFF_TOKENS]
    assert list(shown["folders"]) == list(FOLDERS)


@pytest.mark.parametrize("token", STAFF_TOKENS)
def test_folders_are_counted_for_the_caller(call: Call, token: str) -> None:
    caller = call(token)
    counts = caller.get("/__admin/sandbox").json["folders"]
    for folder, count in counts.items():
        listed = caller.get(f"/v2/conversations?per_page=100&folder={folder}").json["data"]
        assert len(listed) == count, folder


def test_a_reset_returns_everything_and_lets_the_clock_run(call: Call, stored: Stored) -> None:
    owner = call("demo-owner@w")
    owner.put(UID, archived=True, spam=True, follow_up=True)
    owner.put(FOLLOWED, follow_up=False)
    owner.ask("PUT", "/__admin/clock", {"now": "2031-01-01T00:00:00Z"})
    owner.ask("PUT", "/__admin/faults", [{"status": 500, "path": "/v2/nothing"}])
    response = owner.ask("POST", "/__admin/reset")
    assert (response.status_code, response.json["frozen"]) == (200, False)
    shown = owner.get("/__admin/sandbox").json
    assert response.json | {"now": shown["now"]} == shown
    now = datetime.fromisoformat(response.json["now"])
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
    found = owner.get(f"/v2/conversations/{UID}").json
    assert (found["archived"], found["spam"], found["follow_up"]) == (False, False, False)
    assert owner.get(f"/v2/conversations/{FOLLOWED}").json["follow_up"] is True
    assert owner.get("/__admin/faults").json == {"faults": []}
    stored.check_integrity()


def test_a_reset_empties_the_journal(call: Call) -> None:
    owner = call("demo-owner@w")
    assert owner.put(UID, campaign="x").status_code == 200
    assert owner.ask("POST", "/__admin/reset").status_code == 200
    flush_journal(owner)
    assert owner.get("/__admin/requests").json["requests"] == []


def test_two_resets_to_the_same_time_give_the_same_bytes(call: Call, stored: Stored) -> None:
    owner = call("demo-owner@w")
    first = owner.ask("POST", "/__admin/reset", {"now": FIXED})
    before = see(owner)
    owner.put(UID, archived=True, **EXAMPLE)
    assert owner.ask("PUT", "/__admin/state", {"businesses": []}).status_code == 422
    assert owner.ask("PUT", "/__admin/state", {"conversations": []}).status_code == 200
    second = owner.ask("POST", "/__admin/reset", {"now": FIXED})
    assert second.data == first.data
    assert see(owner) == before


def test_vcitas_own_example_holds_to_the_letter(call: Call) -> None:
    owner = call("demo-owner@docs")
    owner.ask("POST", "/__admin/reset", {"now": FIXED})
    shown = owner.put(UID, **EXAMPLE).json
    assert shown["follow_up_text"] == "Reminder set for tomorrow at 1:31 PM"
    assert shown["follow_up_date"] == "2026-05-06T10:31:21Z"


def test_the_demo_is_seeded_as_at_the_time_of_a_reset(call: Call) -> None:
    owner = call("demo-owner@w")
    owner.ask("POST", "/__admin/reset", {"now": "1999-12-31T23:00:00+01:00"})
    shown = owner.get(f"/v2/conversations/{OVERDUE}").json
    assert shown["follow_up_text"] == "Reminder was due yesterday at 12:00 AM"


@pytest.mark.parametrize("now", [None, "", "tea time", "1899-12-31", "9001-01-01", 5, "x\x00", {}])
def test_a_reset_to_no_time_changes_nothing(call: Call, stored: Stored, now: Any) -> None:
    owner = call("demo-owner@w")
    owner.put(UID, campaign="mine")
    before = stored.everything()
    response = owner.ask("POST", "/__admin/reset", {"now": now})
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == ["now"]
    assert stored.everything() == before


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"", None, 200),
        (b"{}", "application/json", 200),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"now": "2026-05-05"}', None, 415),
        (b"now=2026", "application/x-www-form-urlencoded", 415),
    ],
)
def test_the_body_of_a_reset_is_optional(
    owner: Caller, data: bytes, content_type: str | None, status: int
) -> None:
    response = owner.client.post(
        "/__admin/reset", headers=owner.headers, data=data, content_type=content_type
    )
    assert response.status_code == status


def test_who_is_gone_after_a_reset_sees_nobody(call: Call) -> None:
    state = call("demo-owner@w").get("/__admin/state").json
    state["businesses"][0]["staff"][0]["tokens"] = ["my-own"]
    assert call("demo-owner@w").ask("PUT", "/__admin/state", state).status_code == 200
    assert call("demo-owner@w").get("/v2/conversations").status_code == 401
    mine = call("my-own@w")
    assert mine.get("/__admin/sandbox").json["you"]["token"] == "my-own@w"
    response = mine.ask("POST", "/__admin/reset")
    assert response.status_code == 200
    assert (response.json["you"], response.json["business"]) == (None, None)
    assert len(response.json["staff"]) == 4
    assert mine.get("/v2/conversations").status_code == 401


def test_a_deleted_sandbox_is_gone_and_made_anew(call: Call, stored: Stored) -> None:
    owner = call("demo-owner@w")
    owner.put(UID, archived=True)
    before = stored.row("SELECT id, revision FROM sandbox WHERE name = 'w'")
    response = owner.ask("DELETE", "/__admin/sandbox")
    assert (response.status_code, response.data) == (204, b"")
    assert names(stored) == ["default"]
    for table in ("business", "access_token"):
        assert stored.rows(f"SELECT id FROM {table} WHERE sandbox_id = ?", before["id"]) == []
    stored.check_integrity()
    assert owner.get(f"/v2/conversations/{UID}").json["archived"] is False
    after = stored.row("SELECT id, revision FROM sandbox WHERE name = 'w'")
    assert after["id"] > before["id"] and after["revision"] > before["revision"]
    flush_journal(owner)
    assert len(owner.get("/__admin/requests").json["requests"]) == 1


@pytest.mark.parametrize("token", ["demo-owner", "demo-owner@default"])
def test_the_default_sandbox_stays(call: Call, stored: Stored, token: str) -> None:
    before = stored.everything()
    response = call(token).ask("DELETE", "/__admin/sandbox")
    assert response.status_code == 409
    assert response.json["errors"][0]["code"] == "conflict"
    assert stored.everything() == before


def test_one_sandbox_too_many_is_refused_while_all_are_in_use(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, SANDBOXES=2) as app:
        for name in ("one", "two", "one"):
            assert Caller(app, f"demo-owner@{name}").get("/v2/conversations").status_code == 200
        response = Caller(app, "demo-owner@three").get("/v2/conversations")
        assert response.status_code == 429
        assert response.json["errors"][0]["code"] == "too_many_requests"
        assert response.headers["Retry-After"] == "60"
        assert names(stored) == ["default", "one", "two"]
        stored.rows("UPDATE sandbox SET last_used_at = ? WHERE name != 'one'", LONG_AGO)
        assert Caller(app, "demo-owner@three").get("/v2/conversations").status_code == 200
        assert names(stored) == ["default", "one", "three"]
        stored.check_integrity()


def test_a_lower_limit_evicts_one_sandbox_for_a_new_one(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True) as app:
        for name in ("one", "two", "three", "four"):
            assert Caller(app, f"demo-owner@{name}").get("/v2/conversations").status_code == 200
    stored.rows("UPDATE sandbox SET last_used_at = ? WHERE name != 'one'", LONG_AGO)
    stored.rows("UPDATE sandbox SET last_used_at = '2026-05-02 00:00:00' WHERE name = 'two'")
    stored.rows("UPDATE sandbox SET last_used_at = '2026-05-03 00:00:00' WHERE name = 'four'")
    with open_app(stored.path, TESTING=True, SANDBOXES=1) as app:
        assert Caller(app, "demo-owner@five").get("/v2/conversations").status_code == 200
        assert names(stored) == ["default", "one", "two", "four", "five"]
    stored.check_integrity()


def test_without_sandboxes_a_token_with_a_name_is_refused(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True, SANDBOXES=0) as app:
        assert Caller(app, "demo-owner@default").get("/v2/conversations").status_code == 401
        assert Caller(app, "demo-owner@w").get("/v2/conversations").status_code == 401
        assert Caller(app, "demo-owner").get("/v2/conversations").status_code == 200


def test_that_a_sandbox_is_used_is_written_once_a_minute(call: Call, stored: Stored) -> None:
    def last_used_at() -> Any:
        return stored.row("SELECT last_used_at FROM sandbox WHERE name = 'w'")["last_used_at"]

    owner = call("demo-owner@w")
    owner.get("/v2/conversations")
    first = last_used_at()
    for _ in range(2):
        owner.get("/__admin/requests")
        flush_journal(owner)
    assert last_used_at() == first
    stored.rows("UPDATE sandbox SET last_used_at = ?", LONG_AGO)
    owner.get("/__admin/sandbox")  # which is not in the journal
    flush_journal(owner)
    assert last_used_at() >= first


def test_without_the_controls_sandboxes_work(stored: Stored) -> None:
    rule = [{"status": 500}]
    with open_app(stored.path, TESTING=True) as app:
        assert Caller(app, "demo-owner@w").ask("PUT", "/__admin/faults", rule).status_code == 200
    with open_app(stored.path, TESTING=True, ADMIN_API=False) as app:
        owner = Caller(app, "demo-owner@w")
        for method, path, body in CONTROLS:
            unknown = owner.ask(method, "/nothing", body)
            assert owner.ask(method, path, body).data == unknown.data
            assert unknown.status_code == 404
        assert owner.get("/__admin/health").status_code == 200
        assert owner.put(UID, campaign="x", typo=1).headers["X-Ignored"] == "typo"
        assert owner.ask("GET", "/v2/conversations", Prefer="code=503").status_code == 503
    assert stored.rows("SELECT * FROM journal_entry") == []


@pytest.mark.parametrize(("method", "path", "body"), CONTROLS)
@pytest.mark.parametrize("token", ["demo-directory", "demo-expired", "demo-unknown", ""])
def test_the_controls_need_a_staff_token(
    call: Call, stored: Stored, token: str, method: str, path: str, body: Any
) -> None:
    before = stored.everything()
    response = call(token).ask(method, path, body)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert stored.everything() == before


def test_a_neighbour_resets_the_whole_sandbox(call: Call) -> None:
    call("demo-owner@w").put(ARCHIVED, archived=False)
    shown = call("demo-neighbour@w").ask("POST", "/__admin/reset").json
    assert shown["business"]["name"] == "Café Rimon"
    assert call("demo-owner@w").get(f"/v2/conversations/{ARCHIVED}").json["archived"] is True
    assert call("demo-neighbour@w").get(f"/v2/conversations/{NEIGHBOURS}").status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_delayed_request_whose_sandbox_is_deleted_gets_409(
    call: Call, stored: Stored, method: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        delayed = pool.submit(
            lambda: call("demo-owner@gone").ask(
                method, f"/v2/conversations/{UID}", {"archived": True}, Prefer="delay=500"
            )
        )
        while not stored.rows("SELECT id FROM sandbox WHERE name = 'gone'"):
            time.sleep(0.01)
        assert call("demo-owner@gone").ask("DELETE", "/__admin/sandbox").status_code == 204
        response = delayed.result()
    assert response.status_code == 409
    [error] = response.json["errors"]
    assert error["code"] == "conflict" and "deleted" in error["message"]
    assert stored.rows("SELECT id FROM sandbox WHERE name = 'gone'") == []
