"""The follow-up rule as plain functions: no request and no database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from followups import (
    Fields,
    FollowUp,
    change_follow_up,
    find_internal_message,
    find_unused_fields,
    parse_date,
    sets_follow_up,
)
from models import FollowUpState
from support.constants import NOW

LATER = NOW + timedelta(days=1)
EVEN_LATER = LATER + timedelta(hours=1)
ZONE = ZoneInfo("Asia/Jerusalem")

NONE = FollowUp()
HELD = FollowUp(FollowUpState.ACTIVE, LATER, "call back")
REMOVED = FollowUp(FollowUpState.REMOVED)
COMPLETED = FollowUp(FollowUpState.COMPLETED)
NOT_ACTIVE = [NONE, REMOVED, COMPLETED]
ENDS = {None: REMOVED, False: REMOVED, True: COMPLETED}  # by `complete_follow_up`, None if absent
REMOVES: list[Fields] = [{"follow_up": False}, {"follow_up": True, "archived": True}]


def given(**fields: Any) -> Fields:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize("current", [*NOT_ACTIVE, HELD], ids=str)
@pytest.mark.parametrize("archived", [None, False, True])
@pytest.mark.parametrize("complete", [None, False, True])
def test_each_table_row_applies_in_each_state(
    current: FollowUp, archived: bool | None, complete: bool | None
) -> None:
    """The test of the README's table has the actions."""
    others = given(archived=archived, complete_follow_up=complete)
    unused = others | {"follow_up_date": EVEN_LATER, "follow_up_message": "x"}
    ended = ENDS[complete] if current in (HELD, REMOVED) else current
    marked = current if current is HELD else FollowUp(FollowUpState.ACTIVE)
    for sent, result in (
        (unused, current),
        (unused | {"follow_up": False}, ended if current is HELD else current),
        (others | {"follow_up": True}, ended if archived else marked),
    ):
        assert change_follow_up(current, sent) == result
        assert sets_follow_up(sent) is bool(sent.get("follow_up") and not archived)


@pytest.mark.parametrize("current", NOT_ACTIVE, ids=str)
@pytest.mark.parametrize(
    ("sent", "date", "message", "internal"),
    [
        ({}, None, "", None),
        ({"follow_up_date": LATER}, LATER, "", None),
        ({"follow_up_date": None}, None, "", None),
        ({"follow_up_message": "price"}, None, "price", "price"),
        ({"follow_up_message": ""}, None, "", None),
        ({"follow_up_date": LATER, "follow_up_message": "price"}, LATER, "price", None),
        ({"follow_up_date": None, "follow_up_message": "price"}, None, "price", "price"),
    ],
)
def test_create_uses_only_the_fields_sent(
    current: FollowUp, sent: Fields, date: datetime | None, message: str, internal: Any
) -> None:
    sent = {"follow_up": True, **sent}
    result = change_follow_up(current, sent)
    assert result == FollowUp(FollowUpState.ACTIVE, date, message)
    assert find_internal_message(current, result, sent, was_archived=False) == internal


@pytest.mark.parametrize(
    ("sent", "date", "message", "internal", "if_archived"),
    [
        ({}, LATER, "call back", None, None),
        ({"follow_up_date": EVEN_LATER}, EVEN_LATER, "call back", None, None),
        ({"follow_up_date": LATER}, LATER, "call back", None, None),
        ({"follow_up_date": None}, None, "call back", None, None),
        ({"follow_up_message": "price"}, LATER, "price", "price", "price"),
        ({"follow_up_message": "call back"}, LATER, "call back", None, "call back"),
        ({"follow_up_message": ""}, LATER, "", None, None),
        ({"follow_up_date": EVEN_LATER, "follow_up_message": "x"}, EVEN_LATER, "x", None, None),
        ({"follow_up_date": None, "follow_up_message": "x"}, None, "x", "x", "x"),
        ({"follow_up_date": None, "follow_up_message": "call back"}, None, *3 * ["call back"]),
    ],
)
def test_update_replaces_fields_sent_and_adds_a_changed_message(
    sent: Fields, date: datetime | None, message: str, internal: Any, if_archived: Any
) -> None:
    sent = {"follow_up": True, **sent}
    result = change_follow_up(HELD, sent)
    assert result == FollowUp(FollowUpState.ACTIVE, date, message)
    assert find_internal_message(HELD, result, sent, was_archived=False) == internal
    assert find_internal_message(HELD, result, sent, was_archived=True) == if_archived


@pytest.mark.parametrize("more", [{}, {"archived": False}])
def test_used_date_is_parsed(more: Fields) -> None:
    sent = {"follow_up": True, "follow_up_date": "2026-05-05T10:30:01+03:00"} | more
    expected = datetime(2026, 5, 5, 7, 30, 1, tzinfo=UTC)
    assert parse_date(sent, NOW, ZONE) == sent | {"follow_up_date": expected}
    assert parse_date(sent | {"follow_up_date": None}, NOW, ZONE)["follow_up_date"] is None


def test_unused_follow_up_fields_are_reported() -> None:
    date, message, complete = "follow_up_date", "follow_up_message", "complete_follow_up"
    assert find_unused_fields({}) == ('without "follow_up"', (date, message, complete))
    created = "when a follow-up is created or updated"
    assert find_unused_fields({"follow_up": True}) == (created, (complete,))
    for sent in REMOVES:
        assert find_unused_fields(sent) == ("when a follow-up is removed", (date, message))
