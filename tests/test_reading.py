"""GET: the representation and its texts, and the messages."""

import pytest

from support.callers import Caller
from support.constants import (
    ASSIGNED,
    CYCLE,
    EMPTY,
    FOLLOWED,
    JANE,
    MERGED_TWICE,
    NEIGHBOURS,
    SHARED,
    UID,
)
from support.stored import Stored, in_full


def test_full_client_shows_the_client_and_the_source(owner: Caller) -> None:
    shallow = owner.get(f"/v2/conversations/{UID}").json
    deep = owner.get(f"/v2/conversations/{UID}?full_client=true").json
    assert shallow["depth"] == "shallow"
    assert deep == shallow | {
        "depth": "deep",
        "client": {
            "uid": JANE,
            "first_name": "Jane",
            "last_name": "Smith",
            "email": "jane@example.com",
            "display_name": "Jane Smith",
            "phone": "+972-51-612-8667",
            "spam": False,
            "created_at": "2026-03-06T07:30:00Z",
        },
        "require_attention": True,
        "source": "https://almog-physio.example/contact",
        "source_data": {"page": "Contact", "form": "Ask us anything"},
        "source_type": "contact_form",
        "source_type_h": "Contact form",
        "sourceable_type": None,
        "sourceable_id": None,
    }


@pytest.mark.parametrize(
    ("query", "depth"),
    [
        ("full_client=true", "deep"),
        ("full_client=TRUE", "deep"),
        ("full_client=1", "deep"),
        ("full_client=0", "shallow"),
        ("full_client=false", "shallow"),
        ("full_client=yes", "shallow"),
        ("full_client=", "shallow"),
        ("full_client", "shallow"),
        ("", "shallow"),
    ],
)
def test_full_client_is_true_or_1(owner: Caller, query: str, depth: str) -> None:
    assert owner.get(f"/v2/conversations/{UID}?{query}").json["depth"] == depth


def test_is_not_shown_to_who_may_not(assigned: Caller) -> None:
    assert assigned.get(f"/v2/conversations/{UID}").status_code == 403
    assert assigned.get(f"/v2/conversations/{SHARED}").status_code == 200


@pytest.mark.parametrize("state", ["none", "removed", "completed"])
def test_shows_nothing_of_a_follow_up_that_is_not_active(
    owner: Caller, stored: Stored, state: str
) -> None:
    stored.rows("UPDATE collaborator SET follow_up_state = ?", state)
    assert stored.collaborator(FOLLOWED)["follow_up_date"] is not None
    shown = owner.get(f"/v2/conversations/{FOLLOWED}").json
    assert [value for field, value in shown.items() if field.startswith("follow_up")] == [
        False,
        None,
        "",
        "",
    ]
    created = owner.put(FOLLOWED, follow_up=True).json
    assert (created["follow_up_date"], created["follow_up_message"]) == (None, "")


def test_a_matter(owner: Caller) -> None:
    shown = owner.get("/v2/conversations/matter0000000001").json
    assert shown["has_matter"] is True
    assert shown["matter"] == {"uid": "mt7k2c9xq4wz1h5r", "title": "ACL rehabilitation 2026"}


def test_a_conversation_without_messages(owner: Caller) -> None:
    shown = owner.get(f"/v2/conversations/{EMPTY}").json
    assert shown["last_message"] is None
    assert shown["message_count"] == 0
    assert (shown["sent"], shown["received"]) == (False, False)
    assert (shown["last_user_action_at"], shown["last_user_action_at_h"]) == (None, "")
    assert (shown["last_client_action_at"], shown["last_client_action_at_h"]) == (None, "")


def test_the_last_message_of_each_sender(owner: Caller) -> None:
    def sender(uid: str) -> str:
        last_message = owner.get(f"/v2/conversations/{uid}").json["last_message"]
        return str(last_message["message_of"])

    assert sender(UID) == "client"
    assert sender(ASSIGNED) == "client"
    assert sender(SHARED) == "staff"
    owner.put(UID, follow_up=True, follow_up_message="call")
    assert sender(UID) == "system"


@pytest.mark.parametrize(
    ("now", "date", "text"),
    [
        ("2026-05-05 07:30", None, "Marked for follow-up"),
        ("2026-05-05 07:30", "2026-05-05 07:30:00.000001", "Reminder set for today at 10:30 AM"),
        ("2026-05-05 07:30", "2026-05-05 20:59:59", "Reminder set for today at 11:59 PM"),
        ("2026-05-05 07:30", "2026-05-05 21:00", "Reminder set for tomorrow at 12:00 AM"),
        ("2026-05-05 07:30", "2026-05-06 10:31:21", "Reminder set for tomorrow at 1:31 PM"),
        ("2026-05-05 07:30", "2026-05-06 21:05", "Reminder set for May 7, 2026 at 12:05 AM"),
        ("2026-05-05 07:30", "2027-12-31 09:00", "Reminder set for December 31, 2027 at 11:00 AM"),
        ("2026-05-06 10:31:21", "2026-05-06 10:31:21", "Reminder was due today at 1:31 PM"),
        ("2026-05-06 20:59", "2026-05-05 21:00", "Reminder was due today at 12:00 AM"),
        ("2026-05-06 20:59", "2026-05-05 20:59", "Reminder was due yesterday at 11:59 PM"),
        ("2026-05-06 20:59", "2026-05-04 09:00", "Reminder was due May 4, 2026 at 12:00 PM"),
        ("2026-03-26 23:30", "2026-03-27 09:00", "Reminder set for today at 12:00 PM"),
    ],
)
def test_follow_up_text(
    owner: Caller, stored: Stored, now: str, date: str | None, text: str
) -> None:
    stored.freeze(now)
    stored.rows("UPDATE collaborator SET follow_up_date = ?", date and in_full(date))
    assert owner.get(f"/v2/conversations/{FOLLOWED}").json["follow_up_text"] == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-05-05 07:29", "Today, 10:29 AM"),
        ("2026-05-04 21:00", "Today, 12:00 AM"),
        ("2026-05-04 13:12", "Yesterday, 4:12 PM"),
        ("2026-05-03 20:59", "May 3, 2026, 11:59 PM"),
        ("2025-11-30 10:00", "November 30, 2025, 12:00 PM"),
    ],
)
def test_action_text(owner: Caller, stored: Stored, time: str, text: str) -> None:
    stored.rows("UPDATE conversation SET last_user_action_at = ?", in_full(time))
    stored.rows("UPDATE conversation SET last_client_action_at = ?", in_full(time))
    shown = owner.get(f"/v2/conversations/{UID}").json
    assert shown["last_user_action_at"] == time.replace(" ", "T") + ":00Z"
    assert (shown["last_user_action_at_h"], shown["last_client_action_at_h"]) == (text, text)


class TestMessages:
    def test_have_vcitas_fields(self, owner: Caller) -> None:
        messages = owner.get(f"/v2/conversations/{UID}/messages").json
        assert len(messages) == 7
        assert messages[5] == {
            "uid": messages[5]["uid"],
            "text": "₪380, and yes: tomorrow or Thursday at 7:30. Which suits you?",
            "sub_type": "text",
            "data": [],
            "message_description": "Jane Smith",
            "appointment_title": None,
            "title": "Jane Smith",
            "mail_delivered": False,
            "mail_sent": True,
            "mail_read": False,
            "direction": "business_to_client",
            "created_at": "2026-05-04T07:30:00.000+03:00",
            "created_at_h": "May 4, 7:30 am",
            "updated_at": "2026-05-04T07:30:00.000+03:00",
            "conversation_uid": UID,
            "message_of": "message",
            "message_type": "user",
            "messageable": None,
            "documents": [],
            "attachments": None,
            "trust": False,
            "channels": ["email"],
            "channel_uid": "0c7ad9d7ffdce338",
            "staff": {
                "uid": "5ya4gbwm2c3qoic8",
                "full_name": "Ram Almog",
                "display_name": "Ram Almog",
                "email": "ram@physiotherapy.example",
            },
            "subject": "Jane Smith",
            "was_read": False,
            "external_data": {},
        }
        assert (
            list(messages[5])
            == (
                "uid text sub_type data message_description appointment_title title mail_delivered"
                " mail_sent mail_read direction created_at created_at_h updated_at conversation_uid"
                " message_of message_type messageable documents attachments trust channels"
                " channel_uid staff subject was_read external_data"
            ).split()
        )
        assert (messages[6]["direction"], messages[6]["staff"]) == ("client_to_business", None)
        assert messages[6]["mail_sent"] is False

    def test_an_internal_one(self, owner: Caller) -> None:
        owner.put(UID, follow_up=True, follow_up_message="call back about pricing")
        message = owner.get(f"/v2/conversations/{UID}/messages").json[-1]
        shown = {
            field: message[field]
            for field in (
                "text",
                "direction",
                "message_type",
                "channels",
                "mail_sent",
                "created_at",
            )
        }
        assert shown == {
            "text": "call back about pricing",
            "direction": "internal",
            "message_type": "system",
            "channels": [],
            "mail_sent": False,
            "created_at": "2026-05-05T10:30:00.000+03:00",
        }
        assert message["staff"]["full_name"] == "Ram Almog"

    def test_come_oldest_first_in_pages(self, owner: Caller, stored: Stored) -> None:
        texts = [row["text"] for row in stored.messages(UID)]

        def page(query: str) -> list[str]:
            response = owner.get(f"/v2/conversations/{UID}/messages?{query}")
            return [message["text"] for message in response.json]

        assert page("") == texts
        assert page("per_page=3") == texts[:3]
        assert page("per_page=3&page=2") == texts[3:6]
        assert page("per_page=3&page=3") == texts[6:]
        assert page("per_page=3&page=4") == []
        assert page("page=99999999999999999999999") == []
        assert page("per_page=99999999999999999999999") == texts
        assert page("page=0001&per_page=07") == texts
        assert page(f"page={'9' * 5000}&per_page={'9' * 5000}") == []

    def test_a_page_has_20_and_at_most_100(self, owner: Caller, stored: Stored) -> None:
        conversation = stored.conversation(UID)
        for number in range(113):
            stored.rows(
                """INSERT INTO message (business_id, uid, conversation_id, direction, title, text,
                       channels, mail_read, was_read, created_at, updated_at)
                   VALUES (?, ?, ?, 'internal', 'x', 'x', '[]', false, false, ?, ?)""",
                conversation["business_id"],
                str(number),
                conversation["id"],
                in_full("2026-05-05 07:00"),
                in_full("2026-05-05 07:00"),
            )
        path = f"/v2/conversations/{UID}/messages"
        assert len(owner.get(path).json) == 20
        assert len(owner.get(f"{path}?per_page=500").json) == 100
        assert len(owner.get(f"{path}?per_page=100&page=2").json) == 20

    @pytest.mark.parametrize(
        ("value", "count"),
        [("true", 2), ("1", 2), ("yes", 2), ("false", 10), ("FALSE", 10), ("0", 10), ("", 10)],
    )
    def test_of_the_last_minute(
        self, owner: Caller, stored: Stored, value: str, count: int
    ) -> None:
        for second in ("06:28:59", "06:29:00", "06:29:01"):
            stored.freeze(f"2026-05-05 {second}")
            owner.put(UID, follow_up=True, follow_up_message=second)
        stored.freeze("2026-05-05 06:30")
        messages = owner.get(f"/v2/conversations/{UID}/messages?last_update={value}").json
        assert len(messages) == count

    def test_of_a_merged_conversation_are_its_targets(self, owner: Caller) -> None:
        messages = owner.get(f"/v2/conversations/{UID}/messages").json
        assert owner.get(f"/v2/conversations/{MERGED_TWICE}/messages").json == messages

    @pytest.mark.parametrize("uid", ["nothing", NEIGHBOURS, CYCLE])
    def test_of_an_unknown_conversation(self, owner: Caller, uid: str) -> None:
        response = owner.get(f"/v2/conversations/{uid}/messages?page=0")
        assert (response.status_code, response.json) == (
            404,
            {"error": "Couldn't find Conversation"},
        )

    def test_are_not_shown_to_who_may_not(self, assigned: Caller) -> None:
        assert assigned.get(f"/v2/conversations/{UID}/messages?page=0").status_code == 403
        assert assigned.get(f"/v2/conversations/{SHARED}/messages").status_code == 200

    @pytest.mark.parametrize("value", ["0", "-1", "+1", "1.0", "x", "", "%20", "1e2", "٣", "00"])
    @pytest.mark.parametrize("field", ["page", "per_page"])
    def test_page_numbers_count_from_1(self, owner: Caller, field: str, value: str) -> None:
        response = owner.get(f"/v2/conversations/{UID}/messages?{field}={value}")
        assert response.status_code == 422
        [error] = response.json["errors"]
        assert (error["code"], error["field"]) == ("invalid", field)
