"""POST /platform/v1/messages: what it shows, what it stores, and its errors."""

from typing import Any

import pytest

from support.apps import Caller, check_error, put_state
from support.constants import (
    FOLLOWED,
    HELLO,
    JANE,
    MERGED,
    MERGED_TWICE,
    MESSAGE,
    ONE,
    RAM,
    STORED_NOW,
    UID,
    inside,
)
from support.stored import Stored

TO_CLIENT = MESSAGE | {"direction": "business_to_client"}


def test_client_message_is_added(owner: Caller, stored: Stored) -> None:
    """Each other column has an unusual value, and keeps it."""
    unusual = {"campaign": "c", "source": "s", "source_type": "t", "source_data": '{"a": [1]}'}
    unusual |= {"sourceable_type": "y", "sourceable_id": "i", "matter_uid": "m", "channel_uid": "h"}
    columns = ", ".join(f"{column} = ?" for column in unusual)
    flags = "mobile = true, spam = true, archived = true, matter_searchable = false"
    flags += ", business_unread = false, client_unread = true"
    stored.rows(f"UPDATE conversation SET {columns}, {flags} WHERE uid = ?", *unusual.values(), UID)
    before = stored.conversation(UID)
    response = owner.post(**MESSAGE, channels="sms")
    message = stored.messages(UID)[-1]
    data = {"id": message["id"], "uid": message["uid"], "conversation_uid": UID}
    assert (response.status_code, response.json) == (201, {"status": "OK", "data": data})
    shown = (message["text"], message["channels"], message["staff_id"])
    assert shown == ("Hello?", '["email"]', None)
    assert message["created_at"] == STORED_NOW
    assert owner.get(ONE).json["last_message"]["message_of"] == "client"
    assert stored.conversation(UID) == before | {
        "archived": 0,
        "business_unread": 1,
        "client_unread": 0,
        "message_count": 8,
        "last_client_action_at": STORED_NOW,
        "updated_at": STORED_NOW,
    }


def test_business_message_is_added(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE conversation SET archived = true WHERE uid = ?", UID)
    before = stored.conversation(UID)
    assert owner.post(**TO_CLIENT, channels="sms, email").status_code == 201
    shown = owner.get(f"{ONE}/messages").json[-1]
    assert shown["direction"] == "business_to_client"
    assert (shown["channels"], shown["mail_sent"]) == (["sms", "email"], True)
    assert shown["staff"]["full_name"] == "Ram Almog"
    assert owner.get(ONE).json["last_message"]["message_of"] == "staff"
    assert stored.conversation(UID) == before | {
        "client_unread": 1,
        "message_count": 8,
        "last_user_action_at": STORED_NOW,
        "updated_at": STORED_NOW,
    }


def test_title_is_replaced_and_direction_has_a_default(owner: Caller, stored: Stored) -> None:
    old = [message["title"] for message in stored.messages(UID)]
    owner.post(client_id=JANE, text="Hi", conversation_title="Thursday", conversation_uid=UID)
    assert (stored.conversation(UID)["title"], owner.get(ONE).json["title"]) == ("Thursday",) * 2
    assert owner.entries()[1]["changed"] == ["title", "message"]
    shown = owner.get(f"{ONE}/messages").json
    assert [message["title"] for message in shown] == [*old, "Thursday"]
    assert (shown[-1]["direction"], shown[-1]["staff"]["uid"]) == ("business_to_client", RAM)
    for title in (None, ""):
        owner.post(**TO_CLIENT, conversation_title=title)
        assert stored.conversation(UID)["title"] == "Thursday"


def test_channels_and_sender_can_be_sent(owner: Caller, stored: Stored) -> None:
    for channels, shown in ((None, ["email", "sms"]), (" ,", ["email", "sms"]), ("sms", ["sms"])):
        owner.post(**TO_CLIENT, channels=channels)
        message = owner.get(f"{ONE}/messages").json[-1]
        assert (message["channels"], message["mail_sent"]) == (shown, "email" in shown)
    noa = stored.row("SELECT id, uid FROM staff WHERE full_name = 'Noa Levi'")
    owner.post(**TO_CLIENT, staff_id=noa["uid"])
    assert stored.messages(UID)[-1]["staff_id"] == noa["id"]


def test_message_goes_to_the_latest_or_merged_conversation(owner: Caller, stored: Stored) -> None:
    response = owner.post(**MESSAGE, conversation_uid=MERGED_TWICE)
    assert response.json["data"]["conversation_uid"] == UID
    changes = "merged_into_id = NULL, last_user_action_at = '2026-05-05 07:31:00.000000'"
    stored.rows(f"UPDATE conversation SET {changes} WHERE uid = '{MERGED}'")
    assert owner.post(**MESSAGE).json["data"]["conversation_uid"] == MERGED


@pytest.mark.parametrize(
    ("title", "stored_title"), [("Knee", "Knee"), ("", "Jane Smith"), (None, "Jane Smith")]
)
def test_message_creates_a_conversation_without_an_accessible_one(
    assigned: Caller, stored: Stored, title: Any, stored_title: str
) -> None:
    response = assigned.post(**MESSAGE, conversation_title=title)
    uid = response.json["data"]["conversation_uid"]
    assert uid != UID
    row = stored.conversation(uid)
    assert (row["title"], row["message_count"], row["received"]) == (stored_title, 1, 1)
    shown = assigned.get(f"/v2/conversations/{uid}").json
    assert (shown["staff"]["display_name"], shown["client"]["uid"]) == ("Tom Peretz", JANE)
    assert assigned.post(**MESSAGE).json["data"]["conversation_uid"] == uid


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"client_id": "nobody"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 3000}, "client_id"),
        ({"client_id": "nobody", "text": 5}, "client_id"),
        ({"conversation_uid": "nothing", "text": 5}, "conversation_uid"),
        ({"staff_id": "nobody", "direction": "up", "client_id": 5}, "staff_id"),
        ({"conversation_uid": "nothing"}, "conversation_uid"),
        ({"staff_id": "nobody"}, "staff_id"),
        *(({field: "a\0b"}, field) for field in ("client_id", "conversation_uid", "staff_id")),
    ],
)
def test_unknown_uids_are_rejected(owner: Caller, stored: Stored, fields: Any, field: str) -> None:
    with stored.unchanged():
        response = owner.post(**TO_CLIENT | fields)
    check_error(response, 404, "invalid", field, f"Invalid {field}")


def test_foreign_and_inaccessible_conversations_are_rejected(
    owner: Caller, assigned: Caller, stored: Stored
) -> None:
    with stored.unchanged():
        response = owner.post(**TO_CLIENT, conversation_uid=FOLLOWED)
        check_error(response, 422, "invalid", "conversation_uid")
        for message in (TO_CLIENT, TO_CLIENT | {"text": 5}):
            assert assigned.post(**message, conversation_uid=UID).status_code == 403


def test_message_count_stays_within_its_column(owner: Caller, stored: Stored) -> None:
    most = 2**31 - 1
    assert put_state(owner, inside({"client": JANE, "message_count": most})).status_code == 200
    assert owner.post(**MESSAGE).status_code == 201
    response = owner.put(HELLO["uid"], follow_up=True, follow_up_message="call back")
    assert (response.status_code, response.json["message_count"]) == (200, most)
    assert len(stored.messages(HELLO["uid"])) == 3
    changed = ["follow_up", "follow_up_message", "message"]
    assert set(owner.entries("?limit=1")[0]["changed"]) == set(changed)
