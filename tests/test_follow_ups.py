"""The follow-up branch through HTTP: what is answered, stored, and left alone."""

from typing import Any

from conftest import Caller, Stored

UID = "89m2pnabgozdvd9f"
NOW = "2026-05-05 07:30:00.000000"
JAVASCRIPT = "Wed May 06 2026 13:31:21 GMT+0300 (Israel Daylight Time)"


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
        for keys, state, shown in steps:
            answer = owner.put(UID, keys)
            assert answer.status_code == 200, keys
            assert {key: answer.json[key] for key in shown} == shown
            assert stored.collaborator(UID)["follow_up_state"] == state

    def test_rescheduling_alone_is_an_action(self, owner: Caller, stored: Stored) -> None:
        owner.put("followup00000001", follow_up=True, follow_up_date=JAVASCRIPT)
        conversation = stored.conversation("followup00000001")
        assert conversation["last_user_action_at"] == conversation["updated_at"] == NOW

    def test_is_one_per_staff(self, owner: Caller, colleague: Caller, stored: Stored) -> None:
        owner.put(UID, follow_up=True, follow_up_message="mine")
        answer = colleague.put(UID, archived=False)
        assert answer.json["follow_up"] is False
        assert answer.json["follow_up_message"] == ""
        mine = stored.collaborator(UID)
        colleague.put(UID, follow_up=True, follow_up_date=JAVASCRIPT)
        colleague.put(UID, follow_up=True, archived=True, complete_follow_up=True)
        assert stored.collaborator(UID) == mine
        assert stored.collaborator(UID, "Noa Levi")["follow_up_state"] == "completed"
        answer = owner.put(UID, {})
        assert (answer.json["follow_up"], answer.json["follow_up_message"]) == (True, "mine")

    def test_false_makes_no_collaborator(self, owner: Caller, stored: Stored) -> None:
        before = stored.everything()
        owner.put(UID, follow_up=False, complete_follow_up=True)
        assert stored.everything() == before

    def test_true_with_archived_makes_no_collaborator(self, owner: Caller, stored: Stored) -> None:
        answer = owner.put(UID, follow_up=True, archived=True, complete_follow_up=True)
        assert answer.json["archived"] is True
        assert stored.collaborator(UID) is None

    def test_archiving_alone_keeps_it(self, owner: Caller, stored: Stored) -> None:
        before = stored.collaborator("followup00000001")
        answer = owner.put("followup00000001", archived=True)
        assert (answer.json["archived"], answer.json["follow_up"]) == (True, True)
        assert stored.collaborator("followup00000001") == before

    def test_other_keys_without_follow_up_do_nothing(self, owner: Caller, stored: Stored) -> None:
        before = stored.everything()
        answer = owner.put(
            UID, follow_up_date="2020-01-01", follow_up_message="x", complete_follow_up=True
        )
        assert answer.status_code == 200
        assert stored.everything() == before

    def test_null_clears_the_date_and_the_message(self, owner: Caller, stored: Stored) -> None:
        answer = owner.put(
            "followup00000001", follow_up=True, follow_up_date=None, follow_up_message=None
        )
        assert (answer.json["follow_up_date"], answer.json["follow_up_message"]) == (None, "")

    def test_a_message_may_change_when_the_date_has_passed(
        self, owner: Caller, stored: Stored
    ) -> None:
        stored.rows("UPDATE business SET frozen_at = '2026-05-08 07:30:00.000000'")
        answer = owner.put("followup00000001", follow_up=True, follow_up_message="late")
        assert answer.status_code == 200
        assert answer.json["follow_up_date"] == "2026-05-06T07:30:00Z"
        assert answer.json["follow_up_text"] == "Reminder was due May 6, 2026 at 10:30 AM"


class TestInternalMessage:
    def test_is_stored_and_shown(self, owner: Caller, stored: Stored) -> None:
        before = stored.conversation(UID)
        answer = owner.put(UID, follow_up=True, follow_up_message="call back about pricing")
        assert answer.json["message_count"] == 8
        assert answer.json["last_message"] == {
            "title": "Jane Smith",
            "text": "call back about pricing",
            "message_of": "system",
            "extra_data": {},
        }
        message = stored.messages(UID)[-1]
        assert (message["direction"], message["text"]) == ("internal", "call back about pricing")
        assert message["staff_id"] == stored.collaborator(UID)["staff_id"]
        assert message["created_at"] == NOW
        after = stored.conversation(UID)
        assert after == before | {
            "message_count": 8,
            "last_user_action_at": NOW,
            "updated_at": NOW,
        }

    def test_counts_as_neither_sent_nor_received(self, owner: Caller) -> None:
        answer = owner.put("v4q8m2k6r0x5b9tz", follow_up=True, follow_up_message="call")
        assert (answer.json["sent"], answer.json["received"]) == (False, False)
        assert answer.json["message_count"] == 1

    def test_is_not_repeated(self, owner: Caller, stored: Stored) -> None:
        for _ in range(3):
            answer = owner.put(UID, follow_up=True, follow_up_message="call", archived=False)
            assert answer.json["message_count"] == 8
        assert len(stored.messages(UID)) == 8

    def test_is_repeated_when_it_unarchives(self, owner: Caller, stored: Stored) -> None:
        owner.put(UID, follow_up=True, follow_up_message="call")
        owner.put(UID, archived=True)
        answer = owner.put(UID, follow_up=True, follow_up_message="call", archived=False)
        assert (answer.json["archived"], answer.json["message_count"]) == (False, 9)
