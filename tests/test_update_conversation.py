"""PUT /v2/conversations/{id}: what it responds, and what it stores."""

from typing import Any

import pytest

from models import Conversation
from schemas import ConversationUpdateSchema
from support.callers import Caller
from support.constants import (
    ASSIGNED,
    COLLEAGUES,
    CONVERSATION_FIELDS,
    FOLLOWED,
    JANE,
    JAVASCRIPT,
    MERGED,
    MERGED_TWICE,
    ONE,
    SHARED,
    STORED_NOW,
    TRASH,
    UID,
)
from support.differences import check_same
from support.stored import Stored


def test_responds_as_vcitas_example_does(owner: Caller, stored: Stored) -> None:
    follow_up = {"follow_up_date": JAVASCRIPT, "follow_up_message": "just a test"}
    response = owner.put(UID, follow_up=True, **follow_up)
    assert response.status_code == 200
    expected = {
        "uid": UID,
        "title": "Jane Smith",
        "follow_up": True,
        "follow_up_date": "2026-05-06T10:31:21Z",
        "follow_up_message": "just a test",
        "follow_up_text": "Reminder set for tomorrow at 1:31 PM",
        "business_unread": True,
        "spam": False,
        "archived": False,
        "sent": True,
        "received": True,
        "deleted": False,
        "matter_searchable": True,
        "last_user_action_at": "2026-05-05T07:30:00Z",
        "last_user_action_at_h": "Today, 10:30 AM",
        "last_client_action_at": "2026-05-05T05:18:00Z",
        "last_client_action_at_h": "Today, 8:18 AM",
        "last_message": {
            "title": "Jane Smith",
            "text": "Sounds good, see you then.",
            "message_of": "client",
            "extra_data": {},
        },
        "depth": "shallow",
        "message_count": 7,
        "client": {
            "uid": JANE,
            "first_name": "Jane",
            "last_name": "Smith",
            "email": "jane@example.com",
        },
        "staff": {"uid": "5ya4gbwm2c3qoic8", "display_name": "Ram Almog"},
        "has_matter": False,
        "matter": None,
    }
    check_same(response.json, {name: expected[name] for name in CONVERSATION_FIELDS})
    assert stored.collaborator(UID) == {
        "conversation_id": stored.conversation(UID)["id"],
        "staff_id": stored.row("SELECT id FROM staff WHERE full_name = 'Ram Almog'")["id"],
        "follow_up_state": "active",
        "follow_up_date": "2026-05-06 10:31:21.000000",
        "follow_up_message": "just a test",
        "unread": 0,
    }
    assert len(stored.messages(UID)) == 7  # a message with a date leaves no note


def test_an_empty_object_and_unknown_fields_change_nothing(owner: Caller, stored: Stored) -> None:
    with stored.unchanged():
        for fields in ({}, {"archive": True, "title": "x", "uid": "y", "id": 2**70}):
            response = owner.put(UID, fields)
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
def test_stores_a_permitted_field_as_an_action(
    owner: Caller, stored: Stored, field: str, value: Any, column: str, expected: Any
) -> None:
    before = stored.conversation(UID)
    assert before[column] != expected
    assert owner.put(UID, {field: value}).status_code == 200
    changed = {column: expected, "last_user_action_at": STORED_NOW, "updated_at": STORED_NOW}
    assert stored.conversation(UID) == before | changed
    with stored.unchanged():
        assert owner.put(UID, {field: value}).status_code == 200


def test_each_field_of_a_put_is_stored_by_something() -> None:
    columns = Conversation.__table__.columns.keys()
    elsewhere = {"deleted", "follow_up", *(f"follow_up_{part}" for part in ("date", "message"))}
    dropped = ConversationUpdateSchema().fields.keys() - columns - elsewhere
    assert dropped == {"complete_follow_up"}, "A PUT would drop a field that has no column."


@pytest.mark.parametrize("field", ["archived", "spam", "deleted"])
def test_a_mark_is_shown_and_taken_back(owner: Caller, stored: Stored, field: str) -> None:
    client = stored.conversation(UID)["client_id"]
    for value in (True, False):
        assert owner.put(UID, {field: value}).json[field] is value
        assert owner.get(ONE).json[field] is value
        spam = stored.row("SELECT spam FROM client WHERE id = ?", client)["spam"]
        assert spam == (value and field == "spam")  # spam marks the client, too


def test_deleting_again_keeps_the_first_time(owner: Caller, stored: Stored) -> None:
    before = stored.conversation(TRASH)
    owner.put(TRASH, deleted=True)
    assert stored.conversation(TRASH) == before
    assert owner.put(TRASH, deleted=False).json["deleted"] is False
    assert stored.conversation(TRASH)["deleted_at"] is None


def test_business_unread_is_no_action_and_makes_no_collaborator(
    owner: Caller, stored: Stored
) -> None:
    before = stored.conversation(UID)
    assert owner.put(UID, business_unread=False).json["business_unread"] is False
    assert stored.conversation(UID) == before | {"business_unread": 0, "updated_at": STORED_NOW}
    assert stored.collaborator(UID) is None
    owner.put(COLLEAGUES, business_unread=True)
    assert stored.collaborator(COLLEAGUES, "Noa Levi")["unread"] == 0
    assert stored.collaborator(COLLEAGUES) is None


def test_business_unread_is_written_to_the_own_collaborator(
    owner: Caller, assigned: Caller, stored: Stored
) -> None:
    owner.put(FOLLOWED, business_unread=True)
    owner.put(UID, business_unread=True, follow_up=True)  # which makes it
    assert stored.collaborator(FOLLOWED)["unread"] == stored.collaborator(UID)["unread"] == 1
    assigned.put(SHARED, business_unread=True)  # without a follow-up
    assert stored.collaborator(SHARED, "Tom Peretz")["unread"] == 1


@pytest.mark.parametrize("true", [True, 1, "1", "true", "TRUE", "True"])
@pytest.mark.parametrize("false", [False, 0, "0", "false", "FALSE", "False"])
def test_booleans_come_in_six_forms(owner: Caller, true: Any, false: Any) -> None:
    assert owner.put(UID, archived=true).json["archived"] is True
    assert owner.put(UID, archived=false).json["archived"] is False


@pytest.mark.parametrize("uid", [MERGED, MERGED_TWICE, "chain0000000150"])
def test_a_merged_conversation_acts_on_its_target(owner: Caller, stored: Stored, uid: str) -> None:
    for number in range(1, 151):
        target = MERGED_TWICE if number == 1 else f"chain{number - 1:010}"
        stored.copy_conversation(target, f"chain{number:010}", merged=True)
    response = owner.put(uid, archived=True, follow_up=False)
    assert (response.status_code, response.json["uid"]) == (200, UID)
    assert stored.conversation(UID)["archived"] == 1
    assert stored.rows("SELECT uid FROM conversation WHERE uid LIKE 'chain%' AND archived") == []


def test_assigned_access_is_to_own_and_shared_conversations(
    assigned: Caller, stored: Stored
) -> None:
    with stored.unchanged():
        for uid in (UID, COLLEAGUES):
            assert assigned.put(uid, follow_up=True).status_code == 403
    for uid in (ASSIGNED, SHARED):
        assert assigned.put(uid, follow_up=True).json["follow_up"] is True
    for state in ("none", "removed", "completed"):  # of the collaborator
        stored.rows("UPDATE collaborator SET follow_up_state = ?", state)
        assert assigned.put(SHARED, archived=True).status_code == 200
