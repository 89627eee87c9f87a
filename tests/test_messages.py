"""POST /platform/v1/messages: what it shows, what it stores, and its errors."""

from typing import Any

import pytest

from support.callers import Caller
from support.constants import (
    CYCLE,
    FOLLOWED,
    JANE,
    MERGED,
    MERGED_TWICE,
    NEIGHBOURS,
    STORED_NOW,
    UID,
)
from support.stored import Stored

FROM_CLIENT = {"client_id": JANE, "text": "Hello?", "direction": "client_to_business"}
TO_CLIENT = {"client_id": JANE, "text": "Hello!", "direction": "business_to_client"}


def test_from_the_client(owner: Caller, stored: Stored) -> None:
    owner.put(UID, archived=True, business_unread=False)
    stored.rows("UPDATE conversation SET client_unread = true")
    before = stored.conversation(UID)
    response = owner.post(**FROM_CLIENT, channels="sms")
    assert response.status_code == 201
    message = stored.messages(UID)[-1]
    assert response.json == {
        "status": "OK",
        "data": {"id": message["id"], "uid": message["uid"], "conversation_uid": UID},
    }
    assert (message["text"], message["channels"], message["staff_id"]) == (
        "Hello?",
        '["email"]',
        None,
    )
    assert stored.conversation(UID) == before | {
        "archived": 0,
        "business_unread": 1,
        "client_unread": 0,
        "message_count": 8,
        "last_client_action_at": STORED_NOW,
        "updated_at": STORED_NOW,
    }


def test_from_the_business(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE conversation SET archived = true WHERE uid = ?", UID)
    before = stored.conversation(UID)
    assert owner.post(**TO_CLIENT, channels="sms, email").status_code == 201
    shown = owner.get(f"/v2/conversations/{UID}/messages").json[-1]
    assert shown["direction"] == "business_to_client"
    assert (shown["channels"], shown["mail_sent"]) == (["sms", "email"], True)
    assert shown["staff"]["full_name"] == "Ram Almog"
    assert stored.conversation(UID) == before | {
        "client_unread": 1,
        "message_count": 8,
        "last_user_action_at": STORED_NOW,
        "updated_at": STORED_NOW,
    }


@pytest.mark.parametrize(
    ("channels", "shown"), [(None, ["email", "sms"]), (" ,", ["email", "sms"]), ("sms", ["sms"])]
)
def test_channels_are_as_sent_or_all(owner: Caller, channels: Any, shown: list[str]) -> None:
    owner.post(**TO_CLIENT, channels=channels)
    message = owner.get(f"/v2/conversations/{UID}/messages").json[-1]
    assert (message["channels"], message["mail_sent"]) == (shown, "email" in shown)


def test_another_staff_member_may_be_the_sender(owner: Caller, stored: Stored) -> None:
    noa = stored.row("SELECT id, uid FROM staff WHERE full_name = 'Noa Levi'")
    owner.post(**TO_CLIENT, staff_id=noa["uid"])
    assert stored.messages(UID)[-1]["staff_id"] == noa["id"]


def test_a_merged_conversation_leads_to_its_target(owner: Caller) -> None:
    response = owner.post(**FROM_CLIENT, conversation_uid=MERGED_TWICE)
    assert response.json["data"]["conversation_uid"] == UID


def test_the_latest_conversation_is_used(owner: Caller, stored: Stored) -> None:
    stored.rows(f"UPDATE conversation SET merged_into_id = NULL WHERE uid = '{MERGED}'")
    stored.rows(
        f"UPDATE conversation SET last_user_action_at = ? WHERE uid = '{MERGED}'", STORED_NOW
    )
    assert owner.post(**FROM_CLIENT).json["data"]["conversation_uid"] == MERGED


@pytest.mark.parametrize(
    ("title", "stored_title"), [("Knee", "Knee"), ("", "Jane Smith"), (None, "Jane Smith")]
)
def test_a_conversation_is_made_where_the_caller_may_touch_none(
    assigned: Caller, stored: Stored, title: Any, stored_title: str
) -> None:
    response = assigned.post(**FROM_CLIENT, conversation_title=title)
    uid = response.json["data"]["conversation_uid"]
    assert uid != UID
    row = stored.conversation(uid)
    assert (row["title"], row["message_count"], row["received"]) == (stored_title, 1, 1)
    shown = assigned.get(f"/v2/conversations/{uid}").json
    assert (shown["staff"]["display_name"], shown["client"]["uid"]) == ("Tom Peretz", JANE)
    again = assigned.post(**FROM_CLIENT)
    assert again.json["data"]["conversation_uid"] == uid


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"client_id": "nobody"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x\0"}, "client_id"),
        ({"client_id": "x" * 3000}, "client_id"),
        ({"client_id": "nobody", "text": 5}, "client_id"),
        ({"conversation_uid": "nothing", "text": 5}, "conversation_uid"),
        ({"staff_id": "nobody", "direction": "up", "client_id": 5}, "staff_id"),
        ({"conversation_uid": "nothing"}, "conversation_uid"),
        ({"conversation_uid": NEIGHBOURS}, "conversation_uid"),
        ({"conversation_uid": CYCLE}, "conversation_uid"),
        ({"staff_id": "nobody"}, "staff_id"),
        ({"staff_id": "6jh3x9qce5rl7gua"}, "staff_id"),
    ],
)
def test_unknown_uids(owner: Caller, stored: Stored, fields: Any, field: str) -> None:
    before = stored.everything()
    response = owner.post(**TO_CLIENT | fields)
    assert response.status_code == 404
    assert response.json["errors"] == [
        {"code": "invalid", "field": field, "message": f"Invalid {field}"}
    ]
    assert stored.everything() == before


WRONG: dict[str, list[Any]] = {
    "client_id": [1, None, []],
    "text": [1, None, "", {}, "x" * 10_001, "\0"],
    "direction": ["internal", "", None, 1, "CLIENT_TO_BUSINESS"],
    "conversation_uid": [1, False],
    "conversation_title": [1, [], "x" * 256, "\0"],
    "staff_id": [1, {}],
    "channels": [["email"], 1],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_wrong_values(owner: Caller, stored: Stored, field: str, value: Any) -> None:
    before = stored.everything()
    response = owner.post(**TO_CLIENT | {field: value})
    assert response.status_code == 422
    [error] = response.json["errors"]
    assert (error["code"], error["field"]) == ("invalid", field)
    assert error["message"].endswith(".")
    assert stored.everything() == before


@pytest.mark.parametrize("missing", ["client_id", "text", "direction"])
def test_missing_fields(owner: Caller, missing: str) -> None:
    response = owner.post(
        **{field: value for field, value in TO_CLIENT.items() if field != missing}
    )
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == [missing]


@pytest.mark.parametrize("body", [{}, {"message": None}, {"message": []}, {"message": "Hello"}])
def test_missing_message(owner: Caller, body: Any) -> None:
    response = owner.post(body)
    assert response.status_code == 422
    [error] = response.json["errors"]
    assert error["field"] == "message"
    assert "an object" in error["message"]


def test_a_conversation_of_another_client(owner: Caller, stored: Stored) -> None:
    before = stored.everything()
    response = owner.post(**TO_CLIENT, conversation_uid=FOLLOWED)
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == ["conversation_uid"]
    assert stored.everything() == before


def test_a_conversation_that_the_caller_may_not_touch(assigned: Caller, stored: Stored) -> None:
    before = stored.everything()
    assert assigned.post(**TO_CLIENT, conversation_uid=UID).status_code == 403
    assert assigned.post(**TO_CLIENT | {"text": 5}, conversation_uid=UID).status_code == 403
    assert stored.everything() == before


def test_pages_of_messages_have_no_gaps_while_messages_arrive(owner: Caller) -> None:
    path = f"/v2/conversations/{UID}/messages?per_page=2&page="
    seen = []
    for page in range(1, 9):
        seen += [message["uid"] for message in owner.get(f"{path}{page}").json]
        owner.post(**FROM_CLIENT)
    assert len(seen) == len(set(seen))
    assert (
        seen
        == [
            message["uid"]
            for message in owner.get(f"/v2/conversations/{UID}/messages?per_page=100").json
        ][: len(seen)]
    )
