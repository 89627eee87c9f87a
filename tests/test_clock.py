"""The clock of a sandbox: it runs, stands, and advances, but never goes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.callers import Caller
from support.constants import FOLLOWED, UID
from support.states import FIXED
from support.stored import Stored

SHOWN = {"now": "2026-05-05T07:30:00.000Z", "frozen": True}


@pytest.fixture
def owner(app: Any) -> Caller:
    return Caller(app, "demo-owner@w")


def freeze(owner: Caller, now: Any = FIXED) -> Any:
    return owner.ask("PUT", "/__admin/clock", {"now": now})


def advance(owner: Caller, **fields: Any) -> Any:
    return owner.ask("POST", "/__admin/clock/advance", fields)


def assert_runs(shown: Any) -> None:
    assert shown["frozen"] is False
    assert abs(datetime.now(UTC) - datetime.fromisoformat(shown["now"])) < timedelta(minutes=1)


def test_it_runs_at_first(owner: Caller) -> None:
    assert_runs(owner.get("/__admin/clock").json)


def test_it_stands_where_it_is_set_and_runs_again(owner: Caller, stored: Stored) -> None:
    response = freeze(owner)
    assert (response.status_code, response.json) == (200, SHOWN)
    assert owner.get("/__admin/clock").json == SHOWN
    assert owner.put(UID, archived=True).json["last_user_action_at"] == FIXED
    row = stored.row("SELECT frozen_at FROM sandbox WHERE name = 'w'")
    assert row["frozen_at"] == "2026-05-05 07:30:00.000000"
    assert_runs(owner.ask("DELETE", "/__admin/clock").json)
    assert_runs(owner.get("/__admin/clock").json)


def test_it_may_be_set_back(owner: Caller) -> None:
    freeze(owner, "2030-01-01")
    assert freeze(owner, "1900-01-01").json["now"] == "1900-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("Wed May 06 2026 13:31:21 GMT+0300", "2026-05-06T10:31:21.000Z"),
        ("5/6/2026", "2026-06-05T00:00:00.000Z"),
        ("2026-05-05T07:30:00.123456Z", "2026-05-05T07:30:00.123Z"),
        ("9000-12-31T23:59:59Z", "9000-12-31T23:59:59.000Z"),
    ],
)
def test_times_are_read_as_those_of_a_follow_up(owner: Caller, text: str, now: str) -> None:
    assert freeze(owner, text).json["now"] == now


@pytest.mark.parametrize("now", [None, "", "tea time", "1899-12-31", "9001-01-01", 5, [], "x\x00"])
def test_a_time_that_makes_no_sense_changes_nothing(owner: Caller, now: Any) -> None:
    freeze(owner)
    response = freeze(owner, now)
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == ["now"]
    assert owner.get("/__admin/clock").json == SHOWN


def test_a_time_is_required(owner: Caller) -> None:
    response = owner.ask("PUT", "/__admin/clock", {"nwo": FIXED})
    assert (response.status_code, response.headers["X-Ignored"]) == (422, "nwo")


def test_it_advances_by_seconds_and_to_a_time(owner: Caller) -> None:
    freeze(owner)
    assert advance(owner, seconds=90).json["now"] == "2026-05-05T07:31:30.000Z"
    assert advance(owner, to="2026-05-06").json["now"] == "2026-05-06T00:00:00.000Z"
    assert advance(owner, to="2026-05-06").json["now"] == "2026-05-06T00:00:00.000Z"
    assert advance(owner, seconds=315_360_000).json["now"] == "2036-05-03T00:00:00.000Z"


def test_it_stands_once_it_was_advanced(owner: Caller) -> None:
    shown = advance(owner, seconds=3600).json
    assert shown["frozen"] is True
    ahead = datetime.fromisoformat(shown["now"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < ahead <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "seconds"),
        ({"seconds": 1, "to": "2030-01-01"}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": 315_360_001}, "seconds"),
        ({"seconds": 1.5}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": "60"}, "seconds"),
        ({"seconds": None}, "seconds"),
        ({"to": None}, "to"),
        ({"to": "tea time"}, "to"),
        ({"to": "2026-05-05T07:29:59Z"}, "to"),
        ({"to": "9001-01-01"}, "to"),
    ],
)
def test_an_advance_that_makes_no_sense_changes_nothing(
    owner: Caller, fields: dict[str, Any], field: str
) -> None:
    freeze(owner)
    response = advance(owner, **fields)
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert owner.get("/__admin/clock").json == SHOWN


def test_it_does_not_advance_beyond_the_last_year(owner: Caller) -> None:
    freeze(owner, "9000-12-31")
    response = advance(owner, seconds=86_400)
    assert [error["field"] for error in response.json["errors"]] == ["seconds"]


def test_a_reminder_becomes_overdue(owner: Caller) -> None:
    owner.ask("POST", "/__admin/reset", {"now": FIXED})
    due = owner.get(f"/v2/conversations/{FOLLOWED}").json
    assert due["follow_up_text"] == "Reminder set for tomorrow at 10:30 AM"
    advance(owner, seconds=86_400)
    overdue = owner.get(f"/v2/conversations/{FOLLOWED}").json
    assert overdue["follow_up_text"] == "Reminder was due today at 10:30 AM"


def test_the_clocks_of_others_go_on(owner: Caller, app: Any) -> None:
    freeze(owner)
    assert_runs(Caller(app, "demo-owner@another").get("/__admin/clock").json)
