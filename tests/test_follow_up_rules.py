"""The follow-up branch as plain functions: no request and no database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from marshmallow import ValidationError

from conversations.staff_conversation import Thread
from followups import change_follow_up, read_date
from models import Business, Collaborator, Conversation, FollowUpState, Staff

FollowUp = tuple[FollowUpState, datetime | None, str]

NONE, ACTIVE, REMOVED, COMPLETED = FollowUpState
NOW = datetime(2026, 5, 5, 7, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
BUSINESS = Business(time_zone="Asia/Jerusalem", frozen_at=NOW)


def make_thread(state: FollowUpState | None, archived: bool = False) -> Thread:
    """Return a thread whose staff has a follow-up in a state, or None: is no collaborator."""
    collaborator = None
    if state is not None:
        collaborator = Collaborator(staff_id=1, follow_up_state=state)
        if state is ACTIVE:
            collaborator.follow_up_date = LATER
            collaborator.follow_up_message = "call back"
    conversation = Conversation(id=1, title="Jane Smith", archived=archived)
    return Thread(conversation, Staff(id=1, business=BUSINESS), collaborator, None, NOW)


def state_of(thread: Thread) -> FollowUp | None:
    row = thread.collaborator
    if row is None:
        return None
    return row.follow_up_state, row.follow_up_date, row.follow_up_message


HELD: FollowUp = (ACTIVE, LATER, "call back")
NEW: FollowUp = (ACTIVE, None, "")


@pytest.mark.parametrize("archived", [None, False, True], ids=["", "unarchive", "archive"])
@pytest.mark.parametrize("complete", [None, False, True], ids=["", "dismiss", "complete"])
@pytest.mark.parametrize("state", [None, NONE, ACTIVE, REMOVED, COMPLETED])
class TestTable:
    """Each row of the contract's table, in each state, also with keys that do not matter there."""

    @staticmethod
    def changes(archived: bool | None, complete: bool | None, **keys: Any) -> dict[str, Any]:
        sent = {"archived": archived, "complete_follow_up": complete, **keys}
        return {key: value for key, value in sent.items() if value is not None}

    def test_without_follow_up_nothing_happens(
        self, state: FollowUpState | None, archived: bool | None, complete: bool | None
    ) -> None:
        thread = make_thread(state)
        before = state_of(thread)
        change_follow_up(
            thread, self.changes(archived, complete, follow_up_date=LATER, follow_up_message="x")
        )
        assert state_of(thread) == before
        assert thread.last_message is None

    def test_true_creates_updates_or_removes(
        self, state: FollowUpState | None, archived: bool | None, complete: bool | None
    ) -> None:
        thread = make_thread(state)
        change_follow_up(thread, self.changes(archived, complete, follow_up=True))
        if archived:
            ended = COMPLETED if complete else REMOVED
            expected: dict[FollowUpState | None, FollowUp | None] = {
                None: None,
                NONE: (NONE, None, ""),
                ACTIVE: (ended, None, ""),
                REMOVED: (ended, None, ""),
                COMPLETED: (COMPLETED, None, ""),
            }
        else:
            expected = {None: NEW, NONE: NEW, ACTIVE: HELD, REMOVED: NEW, COMPLETED: NEW}
        assert state_of(thread) == expected[state]

    def test_false_removes_only_an_active_one(
        self, state: FollowUpState | None, archived: bool | None, complete: bool | None
    ) -> None:
        thread = make_thread(state)
        before = state_of(thread)
        change_follow_up(thread, self.changes(archived, complete, follow_up=False))
        ended = (COMPLETED if complete else REMOVED, None, "")
        assert state_of(thread) == (ended if state is ACTIVE else before)


@pytest.mark.parametrize("state", [None, NONE, REMOVED, COMPLETED])
@pytest.mark.parametrize(
    ("sent", "date", "message", "note"),
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
    state: FollowUpState | None, sent: Any, date: Any, message: str, note: str | None
) -> None:
    thread = make_thread(state)
    change_follow_up(thread, {"follow_up": True, **sent})
    assert state_of(thread) == (ACTIVE, date, message)
    assert (thread.last_message and thread.last_message.text) == note


OTHER = LATER + timedelta(hours=1)


@pytest.mark.parametrize("was_archived", [False, True])
@pytest.mark.parametrize(
    ("sent", "date", "message", "note", "note_if_archived"),
    [
        ({}, LATER, "call back", None, None),
        ({"follow_up_date": OTHER}, OTHER, "call back", None, None),
        ({"follow_up_date": LATER}, LATER, "call back", None, None),
        ({"follow_up_date": None}, None, "call back", None, None),
        ({"follow_up_message": "price"}, LATER, "price", "price", "price"),
        ({"follow_up_message": "call back"}, LATER, "call back", None, "call back"),
        ({"follow_up_message": ""}, LATER, "", None, None),
        ({"follow_up_date": OTHER, "follow_up_message": "price"}, OTHER, "price", None, None),
        (
            {"follow_up_date": None, "follow_up_message": "call back"},
            None,
            "call back",
            "call back",
            "call back",
        ),
    ],
)
def test_update_replaces_what_was_sent_and_notes_a_difference(
    was_archived: bool,
    sent: Any,
    date: Any,
    message: str,
    note: str | None,
    note_if_archived: str | None,
) -> None:
    thread = make_thread(ACTIVE, archived=was_archived)
    change_follow_up(thread, {"follow_up": True, **sent})
    assert state_of(thread) == (ACTIVE, date, message)
    expected = note_if_archived if was_archived else note
    assert (thread.last_message and thread.last_message.text) == expected


@pytest.mark.parametrize("state", [None, NONE, ACTIVE, REMOVED, COMPLETED])
def test_create_and_update_unarchive(state: FollowUpState | None) -> None:
    thread = make_thread(state, archived=True)
    change_follow_up(thread, {"follow_up": True})
    assert thread.conversation.archived is False


@pytest.mark.parametrize("keys", [{"follow_up": False}, {"follow_up": True, "archived": True}])
def test_remove_leaves_archiving_to_its_own_key(keys: dict[str, Any]) -> None:
    thread = make_thread(ACTIVE, archived=True)
    change_follow_up(thread, keys)
    assert thread.conversation.archived is True


class TestDate:
    @pytest.mark.parametrize("keys", [{"follow_up": True}, {"follow_up": True, "archived": False}])
    def test_is_read_where_it_is_used(self, keys: dict[str, Any]) -> None:
        changes = read_date({**keys, "follow_up_date": "2026-05-05T07:30:01Z"}, BUSINESS)
        assert changes["follow_up_date"] == NOW + timedelta(seconds=1)

    @pytest.mark.parametrize(
        "keys", [{}, {"follow_up": False}, {"follow_up": True, "archived": True}]
    )
    @pytest.mark.parametrize("text", ["2020-01-01", "garbage"])
    def test_is_ignored_elsewhere(self, keys: dict[str, Any], text: str) -> None:
        changes = {**keys, "follow_up_date": text}
        assert read_date(changes, BUSINESS) == changes

    def test_null_is_no_date(self) -> None:
        changes = {"follow_up": True, "follow_up_date": None}
        assert read_date(changes, BUSINESS) == changes

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("2026-05-05T07:29:59Z", "Time has already passed."),
            ("2026-05-05T07:30:00Z", "Time has already passed."),
            ("2026-05-05T10:30:00+03:00", "Time has already passed."),
            ("garbage", "Invalid time."),
            ("", "Invalid time."),
            ("9999-12-31T23:59:59Z", "Invalid time."),  # the year 10000 in Jerusalem
        ],
    )
    def test_is_refused(self, text: str, message: str) -> None:
        with pytest.raises(ValidationError) as refusal:
            read_date({"follow_up": True, "follow_up_date": text}, BUSINESS)
        assert refusal.value.messages == {"follow_up_date": [message]}
