"""PUT /v2/conversations/{id}: what it answers, and what it stores."""

from collections.abc import Callable
from typing import Any

import pytest

from conftest import Caller, Stored

UID = "89m2pnabgozdvd9f"
NOW = "2026-05-05 07:30:00.000000"
JAVASCRIPT = "Wed May 06 2026 13:31:21 GMT+0300 (Israel Daylight Time)"


def test_answers_as_the_vendors_example_does(owner: Caller, stored: Stored) -> None:
    answer = owner.put(
        UID, follow_up=True, follow_up_date=JAVASCRIPT, follow_up_message="just a test"
    )
    assert answer.status_code == 200
    assert answer.json == {
        "uid": "89m2pnabgozdvd9f",
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
            "uid": "affc25e71f6bd5cc",
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


def test_keys_come_in_the_vendors_order(owner: Caller) -> None:
    shallow = list(owner.put(UID).json)
    assert " ".join(shallow) == (
        "uid title follow_up follow_up_date follow_up_message follow_up_text business_unread spam"
        " archived sent received deleted matter_searchable last_user_action_at"
        " last_user_action_at_h last_client_action_at last_client_action_at_h last_message depth"
        " message_count client staff has_matter matter"
    )
    deep = list(owner.put(f"{UID}?full_client=true", {}).json)
    assert deep[: len(shallow)] == shallow
    assert " ".join(deep[len(shallow) :]) == (
        "require_attention source source_data source_type source_type_h sourceable_type"
        " sourceable_id"
    )


def test_an_empty_object_changes_nothing(owner: Caller, stored: Stored) -> None:
    before = stored.everything()
    answer = owner.put(UID, {})
    assert answer.status_code == 200
    assert answer.json == owner.get(f"/v2/conversations/{UID}").json
    assert stored.everything() == before


@pytest.mark.parametrize(
    ("key", "value", "column", "expected"),
    [
        ("archived", True, "archived", 1),
        ("spam", True, "spam", 1),
        ("deleted", True, "deleted_at", NOW),
        ("campaign", "spring", "campaign", "spring"),
        ("campaign", "é" * 255, "campaign", "é" * 255),
        ("source_type", "email_campaign", "source_type", "email_campaign"),
        ("source_type", None, "source_type", None),
        ("mobile", True, "mobile", 1),
    ],
)
def test_stores_a_permitted_key_as_an_action(
    owner: Caller, stored: Stored, key: str, value: Any, column: str, expected: Any
) -> None:
    before = stored.conversation(UID)
    assert before[column] != expected
    assert owner.put(UID, {key: value}).status_code == 200
    changed = {column: expected, "last_user_action_at": NOW, "updated_at": NOW}
    assert stored.conversation(UID) == before | changed
    repeated = stored.everything()
    assert owner.put(UID, {key: value}).status_code == 200
    assert stored.everything() == repeated


@pytest.mark.parametrize("key", ["archived", "spam", "deleted"])
def test_shows_and_takes_back_a_mark(owner: Caller, key: str) -> None:
    assert owner.put(UID, {key: True}).json[key] is True
    assert owner.get(f"/v2/conversations/{UID}").json[key] is True
    assert owner.put(UID, {key: False}).json[key] is False


def test_spam_marks_the_client_too(owner: Caller, stored: Stored) -> None:
    client = stored.conversation(UID)["client_id"]
    for spam in (True, False):
        owner.put(UID, spam=spam)
        assert stored.row("SELECT spam FROM client WHERE id = ?", client) == {"spam": spam}


def test_deleting_again_keeps_the_first_time(owner: Caller, stored: Stored) -> None:
    before = stored.conversation("trash00000000001")
    owner.put("trash00000000001", deleted=True)
    assert stored.conversation("trash00000000001") == before
    assert owner.put("trash00000000001", deleted=False).json["deleted"] is False
    assert stored.conversation("trash00000000001")["deleted_at"] is None


class TestBusinessUnread:
    def test_is_no_action(self, owner: Caller, stored: Stored) -> None:
        before = stored.conversation(UID)
        answer = owner.put(UID, business_unread=False)
        assert answer.json["business_unread"] is False
        assert stored.conversation(UID) == before | {"business_unread": 0, "updated_at": NOW}
        assert stored.collaborator(UID) is None

    def test_is_written_to_the_own_collaborator(self, owner: Caller, stored: Stored) -> None:
        owner.put("followup00000001", business_unread=True)
        assert stored.collaborator("followup00000001")["unread"] == 1

    def test_is_written_to_the_collaborator_that_the_request_makes(
        self, owner: Caller, stored: Stored
    ) -> None:
        owner.put(UID, business_unread=True, follow_up=True)
        assert stored.collaborator(UID)["unread"] == 1

    def test_is_written_to_a_collaborator_without_a_follow_up(
        self, assigned: Caller, stored: Stored
    ) -> None:
        assigned.put("shared0000000001", business_unread=True)
        assert stored.collaborator("shared0000000001", "Tom Peretz")["unread"] == 1

    def test_leaves_the_others_collaborators_alone(self, owner: Caller, stored: Stored) -> None:
        owner.put("followup00000002", business_unread=True)
        assert stored.collaborator("followup00000002", "Noa Levi")["unread"] == 0
        assert stored.collaborator("followup00000002", "Ram Almog") is None


@pytest.mark.parametrize("true", [True, 1, "1", "true", "TRUE", "True"])
@pytest.mark.parametrize("false", [False, 0, "0", "false", "FALSE", "False"])
def test_booleans_come_in_six_forms(owner: Caller, true: Any, false: Any) -> None:
    assert owner.put(UID, archived=true).json["archived"] is True
    assert owner.put(UID, archived=false).json["archived"] is False


def test_unknown_keys_are_ignored(owner: Caller, stored: Stored) -> None:
    before = stored.everything()
    assert owner.put(UID, archive=True, title="x", uid="y", id=2**70).status_code == 200
    assert stored.everything() == before


@pytest.mark.parametrize(
    "uid", ["merged0000000001", "merged0000000002", "chain0000000150"], ids=["one", "two", "150"]
)
def test_a_merged_conversation_acts_on_its_target(owner: Caller, stored: Stored, uid: str) -> None:
    for number in range(1, 151):
        target = "merged0000000002" if number == 1 else f"chain{number - 1:010}"
        stored.copy_conversation(target, f"chain{number:010}", merged=True)
    answer = owner.put(uid, archived=True, follow_up=False)
    assert answer.status_code == 200
    assert answer.json["uid"] == UID
    assert stored.conversation(UID)["archived"] == 1
    assert stored.rows("SELECT uid FROM conversation WHERE uid LIKE 'chain%' AND archived") == []


@pytest.mark.parametrize(
    ("uid", "status"),
    [
        ("assigned00000001", 200),
        ("shared0000000001", 200),
        (UID, 403),
        ("followup00000002", 403),
    ],
)
def test_staff_with_assigned_access(
    assigned: Caller, stored: Stored, uid: str, status: int
) -> None:
    before = stored.everything()
    answer = assigned.put(uid, follow_up=True)
    assert answer.status_code == status
    assert (stored.everything() == before) == (status == 403)


@pytest.mark.parametrize("state", ["none", "removed", "completed"])
def test_a_collaborator_in_any_state_has_access(
    assigned: Caller, stored: Stored, state: str
) -> None:
    stored.rows("UPDATE collaborator SET follow_up_state = ?", state)
    assert assigned.put("shared0000000001", archived=True).status_code == 200


def test_each_business_has_its_own(call: Callable[[str], Caller], stored: Stored) -> None:
    neighbour = call("demo-neighbour")
    assert neighbour.put("neighbour0000001", archived=True).status_code == 200
    before = stored.everything()
    assert neighbour.put(UID, archived=True).status_code == 404
    assert call("demo-owner").put("neighbour0000001", archived=False).status_code == 404
    assert stored.everything() == before
