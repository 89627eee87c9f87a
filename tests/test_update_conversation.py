"""PUT /v2/conversations/{id}: what it responds, stores, and leaves alone."""

from typing import Any

import pytest

from models import Conversation
from schemas import ConversationUpdateSchema
from support.apps import Caller, check_error
from support.constants import EMPTY, JAVASCRIPT, MERGED, MERGED_TWICE, ONE, STORED_NOW, TRASH, UID
from support.differences import check_same
from support.stored import Stored


def test_put_responds_as_in_vcitas_example(owner: Caller, stored: Stored) -> None:
    """The tests of examples compare all fields of the response."""
    follow_up = {"follow_up_date": JAVASCRIPT, "follow_up_message": "just a test"}
    response = owner.put(UID, follow_up=True, **follow_up)
    assert response.status_code == 200
    expected = {
        "follow_up": True,
        "follow_up_date": "2026-05-06T10:31:21Z",
        "follow_up_message": "just a test",
        "follow_up_text": "Reminder set for tomorrow at 1:31 PM",
    }
    check_same({name: response.json[name] for name in expected}, expected)
    assert stored.collaborator(UID) == {
        "conversation_id": stored.conversation(UID)["id"],
        "staff_id": stored.row("SELECT id FROM staff WHERE full_name = 'Ram Almog'")["id"],
        "follow_up_state": "active",
        "follow_up_date": "2026-05-06 10:31:21.000000",
        "follow_up_message": "just a test",
        "unread": 0,
    }
    assert len(stored.messages(UID)) == 7  # a message with a date leaves no note


def test_put_without_known_fields_changes_nothing(owner: Caller, stored: Stored) -> None:
    with stored.unchanged():
        for fields in ({}, {"archive": True, "title": "x", "uid": "y", "id": 2**70}):
            response = owner.put(f"{UID}?archived=1", fields)
            assert response.status_code == 200
            assert response.json == owner.get(ONE).json


@pytest.mark.parametrize(
    ("field", "value", "column", "expected"),
    [
        ("archived", True, "archived", 1),
        ("spam", True, "spam", 1),
        ("deleted", True, "deleted_at", STORED_NOW),
        ("campaign", "spring", "campaign", "spring"),
        ("campaign", "é" * 255, "campaign", "é" * 255),
        ("source_type", "email_campaign", "source_type", "email_campaign"),
        ("source_type", None, "source_type", None),
        ("mobile", True, "mobile", 1),
    ],
)
def test_put_stores_a_field_as_an_action(
    owner: Caller, stored: Stored, field: str, value: Any, column: str, expected: Any
) -> None:
    before = stored.conversation(UID)
    assert before[column] != expected
    assert owner.put(UID, {field: value}).status_code == 200
    changed = {column: expected, "last_user_action_at": STORED_NOW, "updated_at": STORED_NOW}
    assert stored.conversation(UID) == before | changed
    with stored.unchanged():
        assert owner.put(UID, {field: value}).status_code == 200


def test_each_field_of_a_put_is_handled() -> None:
    columns = Conversation.__table__.columns.keys()
    elsewhere = {"deleted", "follow_up", *(f"follow_up_{part}" for part in ("date", "message"))}
    dropped = ConversationUpdateSchema().fields.keys() - columns - elsewhere
    assert dropped == {"complete_follow_up"}, "A PUT would drop a field that has no column."


def test_second_deletion_keeps_the_first_time(owner: Caller, stored: Stored) -> None:
    before = stored.conversation(TRASH)
    owner.put(TRASH, deleted=True)
    assert stored.conversation(TRASH) == before
    assert owner.put(TRASH, deleted=False).json["deleted"] is False
    assert stored.conversation(TRASH)["deleted_at"] is None


def test_unread_is_no_action_and_creates_no_collaborator(owner: Caller, stored: Stored) -> None:
    before = stored.conversation(UID)
    assert owner.put(UID, business_unread=False).json["business_unread"] is False
    assert stored.conversation(UID) == before | {"business_unread": 0, "updated_at": STORED_NOW}
    assert stored.collaborator(UID) is None


@pytest.mark.parametrize("uid", [MERGED, MERGED_TWICE, "chain0000000150"])
def test_put_to_a_merged_uid_updates_its_target(owner: Caller, stored: Stored, uid: str) -> None:
    for number in range(1, 151):
        target = MERGED_TWICE if number == 1 else f"chain{number - 1:010}"
        stored.copy_conversation(target, f"chain{number:010}", merged=True)
    response = owner.put(uid, archived=True, follow_up=False)
    assert (response.status_code, response.json["uid"]) == (200, UID)
    assert stored.conversation(UID)["archived"] == 1
    assert stored.rows("SELECT uid FROM conversation WHERE uid LIKE 'chain%' AND archived") == []


# Follow-ups (see also test_follow_up_rules.py, and test_model.py for several staff members)

PAST = ("2020-01-01", "2026-05-05T07:29:59Z", "2026-05-05T07:30:00Z", "2026-05-05T10:30:00+03:00")


@pytest.mark.parametrize(
    ("date", "message"),
    [
        *((date, "Time has already passed.") for date in PAST),
        ("9999-12-31T23:00:00Z", "Invalid time."),  # the year 10000 in Jerusalem
        *((date, "Invalid time.") for date in ("next week", "", "1" * 129, "2026-05-06" * 100_000)),
    ],
    ids=lambda text: text[:24],
)
def test_invalid_dates_get_422(owner: Caller, stored: Stored, date: str, message: str) -> None:
    with stored.unchanged():
        response = owner.put(UID, follow_up=True, follow_up_date=date, spam=True)
    check_error(response, 422, "invalid", "follow_up_date", message)


def test_message_without_a_date_is_added_as_internal(owner: Caller, stored: Stored) -> None:
    before = stored.conversation(UID)
    response = owner.put(UID, follow_up=True, follow_up_message="call")
    assert response.json["message_count"] == 8
    last = {"title": "Jane Smith", "text": "call", "message_of": "system", "extra_data": {}}
    assert response.json["last_message"] == last
    message = stored.messages(UID)[-1]
    assert (message["direction"], message["text"]) == ("internal", "call")
    assert message["staff_id"] == stored.collaborator(UID)["staff_id"]
    assert message["created_at"] == STORED_NOW
    changed = {"message_count": 8, "last_user_action_at": STORED_NOW, "updated_at": STORED_NOW}
    assert stored.conversation(UID) == before | changed
    response = owner.put(EMPTY, follow_up=True, follow_up_message="call")
    assert (response.json["sent"], response.json["received"]) == (False, False)
    assert response.json["message_count"] == 1
