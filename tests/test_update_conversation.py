"""PUT /v2/conversations/{id}: what it responses, and what it stores."""

from collections.abc import Callable
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
    NEIGHBOURS,
    SHARED,
    STORED_NOW,
    TRASH,
    UID,
)
from support.stored import Stored


def test_responds_as_vcitas_example_does(owner: Caller, stored: Stored) -> None:
    response = owner.put(
        UID, follow_up=True, follow_up_date=JAVASCRIPT, follow_up_message="just a test"
    )
    assert response.status_code == 200
    assert response.json == {
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
    assert stored.collaborator(UID) == {
        "conversation_id": stored.conversation(UID)["id"],
        "staff_id": stored.row("SELECT id FROM staff WHERE full_name = 'Ram Almog'")["id"],
        "follow_up_state": "active",
        "follow_up_date": "2026-05-06 10:31:21.000000",
        "follow_up_message": "just a test",
        "unread": 0,
    }
    assert len(stored.messages(UID)) == 7  # a message with a date leaves no note


def test_fields_come_in_vcitas_order(owner: Caller) -> None:
    shallow = list(owner.put(UID).json)
    assert shallow == CONVERSATION_FIELDS
    deep = list(owner.put(f"{UID}?full_client=true", {}).json)
    assert deep[: len(shallow)] == shallow
    assert " ".join(deep[len(shallow) :]) == (
        "require_attention source source_data source_type source_type_h sourceable_type"
        " sourceable_id"
    )


def test_an_empty_object_changes_nothing(owner: Caller, stored: Stored) -> None:
    before = stored.everything()
    response = owner.put(UID, {})
    assert response.status_code == 200
    assert response.json == owner.get(f"/v2/conversations/{UID}").json
    assert stored.everything() == before


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
    repeated = stored.everything()
    assert owner.put(UID, {field: value}).status_code == 200
    assert stored.everything() == repeated


@pytest.mark.parametrize("field", ["archived", "spam", "deleted"])
def test_shows_and_takes_back_a_mark(owner: Caller, field: str) -> None:
    assert owner.put(UID, {field: True}).json[field] is True
    assert owner.get(f"/v2/conversations/{UID}").json[field] is True
    assert owner.put(UID, {field: False}).json[field] is False


def test_spam_marks_the_client_too(owner: Caller, stored: Stored) -> None:
    client = stored.conversation(UID)["client_id"]
    for spam in (True, False):
        owner.put(UID, spam=spam)
        assert stored.row("SELECT spam FROM client WHERE id = ?", client) == {"spam": spam}


def test_deleting_again_keeps_the_first_time(owner: Caller, stored: Stored) -> None:
    before = stored.conversation(TRASH)
    owner.put(TRASH, deleted=True)
    assert stored.conversation(TRASH) == before
    assert owner.put(TRASH, deleted=False).json["deleted"] is False
    assert stored.conversation(TRASH)["deleted_at"] is None


class TestBusinessUnread:
    def test_is_no_action(self, owner: Caller, stored: Stored) -> None:
        before = stored.conversation(UID)
        response = owner.put(UID, business_unread=False)
        assert response.json["business_unread"] is False
        assert stored.conversation(UID) == before | {"business_unread": 0, "updated_at": STORED_NOW}
        assert stored.collaborator(UID) is None

    def test_is_written_to_the_own_collaborator(self, owner: Caller, stored: Stored) -> None:
        owner.put(FOLLOWED, business_unread=True)
        assert stored.collaborator(FOLLOWED)["unread"] == 1

    def test_is_written_to_the_collaborator_that_the_request_makes(
        self, owner: Caller, stored: Stored
    ) -> None:
        owner.put(UID, business_unread=True, follow_up=True)
        assert stored.collaborator(UID)["unread"] == 1

    def test_is_written_to_a_collaborator_without_a_follow_up(
        self, assigned: Caller, stored: Stored
    ) -> None:
        assigned.put(SHARED, business_unread=True)
        assert stored.collaborator(SHARED, "Tom Peretz")["unread"] == 1

    def test_leaves_the_others_collaborators_alone(self, owner: Caller, stored: Stored) -> None:
        owner.put(COLLEAGUES, business_unread=True)
        assert stored.collaborator(COLLEAGUES, "Noa Levi")["unread"] == 0
        assert stored.collaborator(COLLEAGUES, "Ram Almog") is None


def test_each_field_of_a_put_is_stored_by_something() -> None:
    columns = Conversation.__table__.columns.keys()
    elsewhere = {"deleted", "follow_up", *(f"follow_up_{part}" for part in ("date", "message"))}
    dropped = ConversationUpdateSchema().fields.keys() - columns - elsewhere
    assert dropped == {"complete_follow_up"}, "A PUT would drop a field that has no column."


@pytest.mark.parametrize("true", [True, 1, "1", "true", "TRUE", "True"])
@pytest.mark.parametrize("false", [False, 0, "0", "false", "FALSE", "False"])
def test_booleans_come_in_six_forms(owner: Caller, true: Any, false: Any) -> None:
    assert owner.put(UID, archived=true).json["archived"] is True
    assert owner.put(UID, archived=false).json["archived"] is False


def test_unknown_fields_are_ignored(owner: Caller, stored: Stored) -> None:
    before = stored.everything()
    assert owner.put(UID, archive=True, title="x", uid="y", id=2**70).status_code == 200
    assert stored.everything() == before


@pytest.mark.parametrize(
    "uid", [MERGED, MERGED_TWICE, "chain0000000150"], ids=["one", "two", "150"]
)
def test_a_merged_conversation_acts_on_its_target(owner: Caller, stored: Stored, uid: str) -> None:
    for number in range(1, 151):
        target = MERGED_TWICE if number == 1 else f"chain{number - 1:010}"
        stored.copy_conversation(target, f"chain{number:010}", merged=True)
    response = owner.put(uid, archived=True, follow_up=False)
    assert response.status_code == 200
    assert response.json["uid"] == UID
    assert stored.conversation(UID)["archived"] == 1
    assert stored.rows("SELECT uid FROM conversation WHERE uid LIKE 'chain%' AND archived") == []


@pytest.mark.parametrize(
    ("uid", "status"),
    [
        (ASSIGNED, 200),
        (SHARED, 200),
        (UID, 403),
        (COLLEAGUES, 403),
    ],
)
def test_a_staff_member_with_assigned_access(
    assigned: Caller, stored: Stored, uid: str, status: int
) -> None:
    before = stored.everything()
    response = assigned.put(uid, follow_up=True)
    assert response.status_code == status
    assert (stored.everything() == before) == (status == 403)


@pytest.mark.parametrize("state", ["none", "removed", "completed"])
def test_a_collaborator_in_any_state_has_access(
    assigned: Caller, stored: Stored, state: str
) -> None:
    stored.rows("UPDATE collaborator SET follow_up_state = ?", state)
    assert assigned.put(SHARED, archived=True).status_code == 200


def test_each_business_has_its_own(call: Callable[[str], Caller], stored: Stored) -> None:
    neighbour = call("demo-neighbour")
    assert neighbour.put(NEIGHBOURS, archived=True).status_code == 200
    before = stored.everything()
    assert neighbour.put(UID, archived=True).status_code == 404
    assert call("demo-owner").put(NEIGHBOURS, archived=False).status_code == 404
    assert stored.everything() == before
