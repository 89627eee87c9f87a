"""The clock of a sandbox: it runs, is frozen, and advances, but never goes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from support.callers import Call, Caller, check_error
from support.constants import UID
from support.states import FIXED
from support.stored import Stored

SHOWN = {"now": "2026-05-05T07:30:00.000Z", "frozen": True}


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
