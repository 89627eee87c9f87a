"""The follow-up rule as plain functions: no request and no database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from marshmallow import ValidationError

from followups import (
    Action,
    Fields,
    FollowUp,
    change_follow_up,
    choose_action,
    find_internal_message,
    find_unused_fields,
    parse_date,
    sets_follow_up,
)
from models import FollowUpState
from support.constants import NOW

LATER = NOW + timedelta(days=1)
EVEN_LATER = LATER + timedelta(hours=1)

NONE = FollowUp()
HELD = FollowUp(FollowUpState.ACTIVE, LATER, "call back")
REMOVED = FollowUp(FollowUpState.REMOVED)
COMPLETED = FollowUp(FollowUpState.COMPLETED)
NEW = FollowUp(FollowUpState.ACTIVE)
ENDED = {"": REMOVED, "dismiss": REMOVED, "complete": COMPLETED}  # what a removal leaves

in_each_state = pytest.mark.parametrize("current", [None, NONE, HELD, REMOVED, COMPLETED], ids=str)
where_none_is_active = pytest.mark.parametrize("current", [None, NONE, REMOVED, COMPLETED], ids=str)


@in_each_state
@pytest.mark.parametrize("archived", ["", "unarchive", "archive"])
@pytest.mark.parametrize("complete", ["", "dismiss", "complete"])
class TestTable:
    """Each row, in each state, also with the fields that do not matter there."""

    def test_without_follow_up_nothing_happens(
        self, current: FollowUp | None, archived: str, complete: str
    ) -> None:
        sent = fields(archived, complete, follow_up_date=EVEN_LATER, follow_up_message="x")
        assert choose_action(current, sent) is Action.NOTHING
        assert change_follow_up(current, sent) == current

    def test_true_creates_updates_or_removes(
        self, current: FollowUp | None, archived: str, complete: str
    ) -> None:
        if archived == "archive":  # what never was or is completed stays so
            expected = ENDED[complete] if current in (HELD, REMOVED) else current
            action = Action.REMOVE
        elif current is HELD:
            action, expected = Action.UPDATE, HELD
        else:
            action, expected = Action.CREATE, NEW
        sent = fields(archived, complete, follow_up=True)
        assert choose_action(current, sent) is action
        assert change_follow_up(current, sent) == expected

    def test_false_removes_only_an_active_one(
        self, current: FollowUp | None, archived: str, complete: str
    ) -> None:
        sent = fields(archived, complete, follow_up=False)
        assert choose_action(current, sent) is (
            Action.REMOVE if current is HELD else Action.NOTHING
        )
        assert change_follow_up(current, sent) == (ENDED[complete] if current is HELD else current)


def fields(archived: str, complete: str, **others: Any) -> Fields:
    """Return the fields of a request; "" stands for a field that is not sent."""
    if archived:
        others["archived"] = archived == "archive"
    if complete:
        others["complete_follow_up"] = complete == "complete"
    return others


@where_none_is_active
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
def test_create_takes_what_was_sent_and_nothing_else(
    current: FollowUp | None,
    sent: Fields,
    date: datetime | None,
    message: str,
    internal: str | None,
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
def test_update_replaces_what_was_sent_and_adds_a_message_if_that_differs(
    sent: Fields,
    date: datetime | None,
    message: str,
    internal: str | None,
    if_archived: str | None,
) -> None:
    sent = {"follow_up": True, **sent}
    result = change_follow_up(HELD, sent)
    assert result == FollowUp(FollowUpState.ACTIVE, date, message)
    assert find_internal_message(HELD, result, sent, was_archived=False) == internal
    assert find_internal_message(HELD, result, sent, was_archived=True) == if_archived


@in_each_state
@pytest.mark.parametrize(
    "sent", [{}, {"follow_up": False}, {"follow_up": True, "archived": True}], ids=str
)
def test_nothing_and_remove_add_no_message(current: FollowUp | None, sent: Fields) -> None:
    sent = sent | {"follow_up_message": "price"}
    result = change_follow_up(current, sent)
    assert find_internal_message(current, result, sent, was_archived=False) is None
    assert find_internal_message(current, result, sent, was_archived=True) is None


@pytest.mark.parametrize(
    ("sent", "unarchives"),
    [
        ({"follow_up": True}, True),
        ({"follow_up": True, "archived": False}, True),
        ({"follow_up": True, "archived": True}, False),
        ({"follow_up": False}, False),
        ({"archived": False}, False),
        ({}, False),
    ],
    ids=str,
)
def test_create_and_update_alone_unarchive(sent: Fields, unarchives: bool) -> None:
    assert sets_follow_up(sent) is unarchives


class TestDate:
    ZONE = ZoneInfo("Asia/Jerusalem")

    @pytest.mark.parametrize("sent", [{"follow_up": True}, {"follow_up": True, "archived": False}])
    def test_is_read_where_it_is_used(self, sent: Fields) -> None:
        sent = sent | {"follow_up_date": "2026-05-05T10:30:01+03:00"}
        expected = datetime(2026, 5, 5, 7, 30, 1, tzinfo=UTC)
        assert parse_date(sent, NOW, self.ZONE) == sent | {"follow_up_date": expected}

    @pytest.mark.parametrize(
        "sent", [{}, {"follow_up": False}, {"follow_up": True, "archived": True}]
    )
    @pytest.mark.parametrize("date", ["2020-01-01", "garbage"])
    def test_is_ignored_elsewhere(self, sent: Fields, date: str) -> None:
        sent = sent | {"follow_up_date": date}
        assert parse_date(sent, NOW, self.ZONE) == sent

    def test_may_be_null(self) -> None:
        sent = {"follow_up": True, "follow_up_date": None}
        assert parse_date(sent, NOW, self.ZONE) == sent

    @pytest.mark.parametrize(
        ("date", "message"),
        [
            ("2026-05-05T07:29:59Z", "Time has already passed."),
            ("2026-05-05T07:30:00Z", "Time has already passed."),
            ("2026-05-05T10:30:00+03:00", "Time has already passed."),
            ("garbage", "Invalid time."),
            ("", "Invalid time."),
            ("9999-12-31T23:59:59Z", "Invalid time."),  # the year 10000 in Jerusalem
        ],
    )
    def test_is_an_error_where_it_can_not_be_used(self, date: str, message: str) -> None:
        with pytest.raises(ValidationError) as error:
            parse_date({"follow_up": True, "follow_up_date": date}, NOW, self.ZONE)
        assert error.value.messages == {"follow_up_date": [message]}


@pytest.mark.parametrize(
    ("sent", "when", "fields"),
    [
        ({}, 'without "follow_up"', "follow_up_date follow_up_message complete_follow_up"),
        ({"follow_up": True}, "when a follow-up is created or updated", "complete_follow_up"),
        (
            {"follow_up": True, "archived": True},
            "when a follow-up is removed",
            "follow_up_date follow_up_message",
        ),
        (
            {"follow_up": False},
            "when a follow-up is removed",
            "follow_up_date follow_up_message",
        ),
    ],
)
def test_what_a_request_can_not_use_is_named(sent: Fields, when: str, fields: str) -> None:
    assert find_unused_fields(sent) == (when, tuple(fields.split()))
