"""The follow-up rule as plain functions: no request and no database."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from followups import Fields, FollowUp, change_follow_up, find_internal_message
from models import FollowUpState
from support.constants import NOW

LATER = NOW + timedelta(days=1)
EVEN_LATER = LATER + timedelta(hours=1)

NONE = FollowUp()
HELD = FollowUp(FollowUpState.ACTIVE, LATER, "call back")
REMOVED = FollowUp(FollowUpState.REMOVED)
COMPLETED = FollowUp(FollowUpState.COMPLETED)
NOT_ACTIVE = [NONE, REMOVED, COMPLETED]
REMOVES: list[Fields] = [{"follow_up": False}, {"follow_up": True, "archived": True}]


@pytest.mark.parametrize("sent", REMOVES)
@pytest.mark.parametrize("complete", [None, False, True])
def test_removal_ends_an_active_or_removed_follow_up(sent: Fields, complete: bool | None) -> None:
    """The test of the README's table has the actions."""
    ended = COMPLETED if complete else REMOVED
    sent = sent | ({} if complete is None else {"complete_follow_up": complete})
    assert change_follow_up(HELD, sent) == ended
    assert change_follow_up(REMOVED, sent) == (ended if sent["follow_up"] else REMOVED)
    for current in (NONE, COMPLETED):
        assert change_follow_up(current, sent) == current


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
