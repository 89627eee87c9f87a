"""The follow-up branch through HTTP: what it shows, stores, and leaves alone."""

from typing import Any

from support.callers import Caller
from support.constants import EMPTY, FOLLOWED, JAVASCRIPT, STORED_NOW, UID
from support.stored import Stored


class TestFollowUp:
    def test_a_life_of_one(self, owner: Caller, stored: Stored) -> None:
        steps: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
            (
                {"follow_up": True},
                "active",
                {
                    "follow_up": True,
                    "follow_up_date": None,
                    "follow_up_message": "",
                    "follow_up_text": "Marked for follow-up",
                },
            ),
            (
                {"follow_up": True, "follow_up_date": "2026-05-05T12:00:00Z"},
                "active",
                {
                    "follow_up_date": "2026-05-05T12:00:00Z",
                    "follow_up_message": "",
                    "follow_up_text": "Reminder set for today at 3:00 PM",
                },
            ),
            (
                {"follow_up": True, "follow_up_message": "call"},
                "active",
                {"follow_up_date": "2026-05-05T12:00:00Z", "follow_up_message": "call"},
            ),
            (
                {"follow_up": False, "complete_follow_up": True},
                "completed",
                {
                    "follow_up": False,
                    "follow_up_date": None,
                    "follow_up_message": "",
                    "follow_up_text": "",
                },
            ),
            ({"follow_up": False}, "completed", {"follow_up": False}),
            (
                {"follow_up": True, "follow_up_date": "2026-06-01"},
                "active",
                {"follow_up_text": "Reminder set for June 1, 2026 at 3:00 AM"},
            ),
            (
                {"follow_up": True, "archived": True},
                "removed",
                {"follow_up": False, "archived": True},
            ),
            (
                {"follow_up": True, "archived": True, "complete_follow_up": True},
                "completed",
                {"archived": True},
            ),
            ({"follow_up": True}, "active", {"archived": False}),
        ]
        for fields, state, shown in steps:
            response = owner.put(UID, fields)
            assert response.status_code == 200, fields
            assert {field: response.json[field] for field in shown} == shown
            assert stored.collaborator(UID)["follow_up_state"] == state

    def test_rescheduling_alone_is_an_action(self, owner: Caller, stored: Stored) -> None:
        owner.put(FOLLOWED, follow_up=True, follow_up_date=JAVASCRIPT)
        conversation = stored.conversation(FOLLOWED)
        assert conversation["last_user_action_at"] == conversation["updated_at"] == STORED_NOW

    def test_each_staff_member_has_their_own(
        self, owner: Caller, colleague: Caller, stored: Stored
    ) -> None:
        owner.put(UID, follow_up=True, follow_up_message="mine")
        response = colleague.put(UID, archived=False)
        assert response.json["follow_up"] is False
        assert response.json["follow_up_message"] == ""
        mine = stored.collaborator(UID)
        colleague.put(UID, follow_up=True, follow_up_date=JAVASCRIPT)
        colleague.put(UID, follow_up=True, archived=True, complete_follow_up=True)
        assert stored.collaborator(UID) == mine
        assert stored.collaborator(UID, "Noa Levi")["follow_up_state"] == "completed"
        response = owner.put(UID, {})
        assert (response.json["follow_up"], response.json["follow_up_message"]) == (True, "mine")

    def test_false_makes_no_collaborator(self, owner: Caller, stored: Stored) -> None:
        before = stored.everything()
        owner.put(UID, follow_up=False, complete_follow_up=True)
        assert stored.everything() == before

    def test_true_with_archived_makes_no_collaborator(self, owner: Caller, stored: Stored) -> None:
        response = owner.put(UID, follow_up=True, archived=True, complete_follow_up=True)
        assert response.json["archived"] is True
        assert stored.collaborator(UID) is None

    def test_archiving_alone_keeps_it(self, owner: Caller, stored: Stored) -> None:
        before = stored.collaborator(FOLLOWED)
        response = owner.put(FOLLOWED, archived=True)
        assert (response.json["archived"], response.json["follow_up"]) == (True, True)
        assert stored.collaborator(FOLLOWED) == before

    def test_other_fields_without_follow_up_do_nothing(self, owner: Caller, stored: Stored) -> None:
        before = stored.everything()
        response = owner.put(
            UID, follow_up_date="2020-01-01", follow_up_message="x", complete_follow_up=True
        )
        assert response.status_code == 200
        assert stored.everything() == before

    def test_null_clears_the_date_and_the_message(self, owner: Caller, stored: Stored) -> None:
        response = owner.put(FOLLOWED, follow_up=True, follow_up_date=None, follow_up_message=None)
        assert (response.json["follow_up_date"], response.json["follow_up_message"]) == (None, "")

    def test_a_message_may_change_when_the_date_has_passed(
        self, owner: Caller, stored: Stored
    ) -> None:
        stored.freeze("2026-05-08 07:30")
        response = owner.put(FOLLOWED, follow_up=True, follow_up_message="late")
        assert response.status_code == 200
        assert response.json["follow_up_date"] == "2026-05-06T07:30:00Z"
        assert response.json["follow_up_text"] == "Reminder was due May 6, 2026 at 10:30 AM"


class TestInternalMessage:
    def test_is_stored_and_shown(self, owner: Caller, stored: Stored) -> None:
        before = stored.conversation(UID)
        response = owner.put(UID, follow_up=True, follow_up_message="call back about pricing")
        assert response.json["message_count"] == 8
        assert response.json["last_message"] == {
            "title": "Jane Smith",
            "text": "call back about pricing",
            "message_of": "system",
            "extra_data": {},
        }
        message = stored.messages(UID)[-1]
        assert (message["direction"], message["text"]) == ("internal", "call back about pricing")
        assert message["staff_id"] == stored.collaborator(UID)["staff_id"]
        assert message["created_at"] == STORED_NOW
        after = stored.conversation(UID)
        assert after == before | {
            "message_count": 8,
            "last_user_action_at": STORED_NOW,
            "updated_at": STORED_NOW,
        }

    def test_counts_as_neither_sent_nor_received(self, owner: Caller) -> None:
        response = owner.put(EMPTY, follow_up=True, follow_up_message="call")
        assert (response.json["sent"], response.json["received"]) == (False, False)
        assert response.json["message_count"] == 1

    def test_is_not_repeated(self, owner: Caller, stored: Stored) -> None:
        for _ in range(3):
            response = owner.put(UID, follow_up=True, follow_up_message="call", archived=False)
            assert response.json["message_count"] == 8
        assert len(stored.messages(UID)) == 8

    def test_is_repeated_when_it_unarchives(self, owner: Caller, stored: Stored) -> None:
        owner.put(UID, follow_up=True, follow_up_message="call")
        owner.put(UID, archived=True)
        response = owner.put(UID, follow_up=True, follow_up_message="call", archived=False)
        assert (response.json["archived"], response.json["message_count"]) == (False, 9)
