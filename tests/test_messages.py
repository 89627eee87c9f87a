"""POST /platform/v1/messages: what it answers, what it stores, what it refuses."""

from typing import Any

import pytest

from conftest import Caller, Stored

UID = "89m2pnabgozdvd9f"
NOW = "2026-05-05 07:30:00.000000"
JANE = "affc25e71f6bd5cc"
FROM_CLIENT = {"client_id": JANE, "text": "Hello?", "direction": "client_to_business"}
TO_CLIENT = {"client_id": JANE, "text": "Hello!", "direction": "business_to_client"}


def test_from_the_client(owner: Caller, stored: Stored) -> None:
    owner.put(UID, archived=True, business_unread=False)
    stored.rows("UPDATE conversation SET client_unread = true")
    before = stored.conversation(UID)
    answer = owner.post(**FROM_CLIENT, channels="sms")
    assert answer.status_code == 201
    message = stored.messages(UID)[-1]
    assert answer.json == {
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
        "last_client_action_at": NOW,
        "updated_at": NOW,
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
        "last_user_action_at": NOW,
        "updated_at": NOW,
    }


@pytest.mark.parametrize(
    ("channels", "shown"), [(None, ["email", "sms"]), (" ,", ["email", "sms"]), ("sms", ["sms"])]
)
def test_channels_are_as_sent_or_all(owner: Caller, channels: Any, shown: list[str]) -> None:
    owner.post(**TO_CLIENT, channels=channels)
    message = owner.get(f"/v2/conversations/{UID}/messages").json[-1]
    assert (message["channels"], message["mail_sent"]) == (shown, "email" in shown)


def test_another_staff_may_be_the_sender(owner: Caller, stored: Stored) -> None:
    noa = stored.row("SELECT id, uid FROM staff WHERE full_name = 'Noa Levi'")
    owner.post(**TO_CLIENT, staff_id=noa["uid"])
    assert stored.messages(UID)[-1]["staff_id"] == noa["id"]


def test_a_merged_conversation_leads_to_its_target(owner: Caller) -> None:
    answer = owner.post(**FROM_CLIENT, conversation_uid="merged0000000002")
    assert answer.json["data"]["conversation_uid"] == UID


def test_the_latest_conversation_is_used(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE conversation SET merged_into_id = NULL WHERE uid = 'merged0000000001'")
    stored.rows(
        "UPDATE conversation SET last_user_action_at = ? WHERE uid = 'merged0000000001'", NOW
    )
    assert owner.post(**FROM_CLIENT).json["data"]["conversation_uid"] == "merged0000000001"


@pytest.mark.parametrize(
    ("title", "stored_title"), [("Knee", "Knee"), ("", "Jane Smith"), (None, "Jane Smith")]
)
def test_a_conversation_is_made_where_the_staff_may_touch_none(
    assigned: Caller, stored: Stored, title: Any, stored_title: str
) -> None:
    answer = assigned.post(**FROM_CLIENT, conversation_title=title)
    uid = answer.json["data"]["conversation_uid"]
    assert uid != UID
    row = stored.conversation(uid)
    assert (row["title"], row["message_count"], row["received"]) == (stored_title, 1, 1)
    shown = assigned.get(f"/v2/conversations/{uid}").json
    assert (shown["staff"]["display_name"], shown["client"]["uid"]) == ("Tom Peretz", JANE)
    again = assigned.post(**FROM_CLIENT)
    assert again.json["data"]["conversation_uid"] == uid


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"client_id": "nobody"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x\0"}, "client_id"),
        ({"client_id": "x" * 3000}, "client_id"),
        ({"client_id": "nobody", "text": 5}, "client_id"),
        ({"conversation_uid": "nothing", "text": 5}, "conversation_uid"),
        ({"staff_id": "nobody", "direction": "up", "client_id": 5}, "staff_id"),
        ({"conversation_uid": "nothing"}, "conversation_uid"),
        ({"conversation_uid": "neighbour0000001"}, "conversation_uid"),
        ({"conversation_uid": "cycle00000000001"}, "conversation_uid"),
        ({"staff_id": "nobody"}, "staff_id"),
        ({"staff_id": "6jh3x9qce5rl7gua"}, "staff_id"),
    ],
)
def test_unknown_uids(owner: Caller, stored: Stored, keys: Any, field: str) -> None:
    before = stored.everything()
    answer = owner.post(**TO_CLIENT | keys)
    assert answer.status_code == 404
    assert answer.json["errors"] == [
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
    answer = owner.post(**TO_CLIENT | {field: value})
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert (error["code"], error["field"]) == ("invalid", field)
    assert error["message"].endswith(".")
    assert stored.everything() == before


@pytest.mark.parametrize("missing", ["client_id", "text", "direction"])
def test_missing_keys(owner: Caller, missing: str) -> None:
    answer = owner.post(**{key: value for key, value in TO_CLIENT.items() if key != missing})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [missing]


@pytest.mark.parametrize("body", [{}, {"message": None}, {"message": []}, {"message": "Hello"}])
def test_missing_message(owner: Caller, body: Any) -> None:
    answer = owner.post(body)
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert error["field"] == "message"
    assert error["message"].endswith("send an object.")


def test_a_conversation_of_another_client(owner: Caller, stored: Stored) -> None:
    before = stored.everything()
    answer = owner.post(**TO_CLIENT, conversation_uid="followup00000001")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["conversation_uid"]
    assert stored.everything() == before


def test_a_conversation_that_the_staff_may_not_touch(assigned: Caller, stored: Stored) -> None:
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
