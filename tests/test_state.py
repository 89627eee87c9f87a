"""The state of a sandbox: out and in again, short and long."""

from typing import Any

import pytest
from flask import Flask

from bench.neighbours import make_largest
from database.connections import Base
from field_types.request_fields import RequestSchema
from models import Business, Client, Collaborator, Conversation, Message, StaffMember
from states.schema import (
    BusinessState,
    ClientState,
    CollaboratorState,
    ConversationState,
    MessageState,
    StaffMemberState,
)
from support.callers import Caller
from support.constants import JANE, NEIGHBOURS, UID
from support.states import BUSINESS, FIXED, HELLO, NOA, RAM, SHORT, inside, put_state
from support.stored import Stored


@pytest.fixture
def owner(app: Flask) -> Caller:
    owner = Caller(app, "demo-owner@w")
    owner.ask("PUT", "/__admin/clock", {"now": FIXED})
    return owner


def test_a_state_goes_out_and_in_and_out_again(owner: Caller, app: Flask, stored: Stored) -> None:
    owner.ask("POST", "/__admin/reset", {"now": FIXED})
    owner.put(UID, archived=True, campaign="x", follow_up=True, follow_up_message="call back")
    owner.put("archived00000001", follow_up=True, follow_up_message="soon", deleted=True)
    owner.post(client_id=JANE, text=" ", direction="business_to_client", channels="sms")
    before = owner.get("/__admin/state")
    assert before.content_type == "application/json"
    after = put_state(owner, before.json)
    assert (after.status_code, after.data) == (200, before.data)
    assert owner.get("/__admin/state").data == before.data
    other = Caller(app, "demo-owner@another")
    assert put_state(other, before.json).data == before.data
    listed = owner.get("/v2/conversations?per_page=100").data
    assert other.get("/v2/conversations?per_page=100").data == listed
    stored.check_integrity()


def test_nothing_is_left_out(owner: Caller) -> None:
    state = owner.get("/__admin/state").json
    assert list(state) == ["now", "businesses"]
    assert state["now"] == "2026-05-05T07:30:00.000000Z"
    business = state["businesses"][0]
    assert list(business) == "uid name time_zone staff clients conversations".split()
    assert list(business["staff"][0]) == ("uid full_name display_name email access tokens".split())
    assert business["staff"][0]["tokens"][0].startswith("sha256:")
    assert list(business["clients"][0]) == (
        "uid first_name last_name email phone spam created_at".split()
    )
    conversation = next(each for each in business["conversations"] if each["collaborators"])
    assert (
        list(conversation)
        == (
            "uid client staff title archived business_unread client_unread spam deleted_at mobile"
            " campaign source source_data source_type sourceable_type sourceable_id matter"
            " matter_searchable channel_uid merged_into message_count sent received"
            " last_user_action_at last_client_action_at created_at updated_at"
            " collaborators messages"
        ).split()
    )
    assert list(conversation["collaborators"][0]) == (
        "staff follow_up_state follow_up_date follow_up_message unread".split()
    )
    assert list(conversation["messages"][0]) == (
        "from text internal at uid title channels mail_read was_read".split()
    )


def test_a_short_inbox_replaces_the_first_one_alone(owner: Caller, app: Flask) -> None:
    state = put_state(owner, SHORT).json
    [shown] = owner.get("/v2/conversations").json["data"]
    assert (shown["uid"], shown["title"], shown["message_count"]) == (HELLO["uid"], "Ann Lee", 1)
    assert (shown["received"], shown["sent"], shown["business_unread"]) == (True, False, False)
    assert shown["last_client_action_at"] == FIXED
    assert shown["staff"] == {"uid": RAM, "display_name": "Ram Almog"}
    assert shown["client"]["first_name"] == "Ann" and shown["client"]["last_name"] == "Lee"
    clients = [each["uid"] for each in state["businesses"][0]["clients"]]
    assert JANE in clients and shown["client"]["uid"] in clients
    neighbour = Caller(app, "demo-neighbour@w")
    assert neighbour.get(f"/v2/conversations/{NEIGHBOURS}").status_code == 200


def test_an_empty_inbox(owner: Caller) -> None:
    assert put_state(owner, {"conversations": []}).status_code == 200
    assert owner.get("/v2/conversations").json == {"data": []}


def test_an_inbox_of_a_thousand(owner: Caller, stored: Stored) -> None:
    conversations = [
        HELLO | {"uid": f"c{number}", "client": f"C {number}"} for number in range(1000)
    ]
    assert put_state(owner, {"conversations": conversations}).status_code == 200
    assert owner.get("/__admin/sandbox").json["folders"]["inbox"] == 1000
    before = owner.get("/__admin/state")
    assert put_state(owner, before.json).data == before.data
    stored.check_integrity()


def test_a_business_of_ones_own(owner: Caller, app: Flask) -> None:
    assert put_state(owner, {"businesses": [BUSINESS]}).status_code == 200
    assert owner.get("/v2/conversations").status_code == 401
    shown = Caller(app, "sue@w").get("/__admin/sandbox").json
    assert shown["business"] == {"uid": "b1", "name": "Bakery", "time_zone": "Europe/Paris"}
    assert shown["you"]["display_name"] == "Sue Baker"
    assert [each["token"] for each in shown["staff"]] == ["sue@w"]
    assert shown["frozen"] is True


def test_everything_that_can_be_said_is_stored(owner: Caller) -> None:
    conversation: dict[str, Any] = {
        "client": JANE,
        "staff": NOA,
        "title": "T",
        "archived": True,
        "business_unread": True,
        "client_unread": True,
        "spam": True,
        "deleted_at": "-1d",
        "mobile": True,
        "campaign": "c",
        "source": "s",
        "source_data": {"a": [1, {"b": None}]},
        "source_type": "contact_form",
        "sourceable_type": "st",
        "sourceable_id": "si",
        "matter": {"uid": "m", "title": "M"},
        "matter_searchable": False,
        "channel_uid": "ch",
        "merged_into": None,
        "message_count": 7,
        "sent": False,
        "received": False,
        "last_user_action_at": None,
        "last_client_action_at": "2026-05-01T10:00:00.123456Z",
        "created_at": "2026-04-01T10:00:00+02:00",
        "updated_at": "-30m",
        "collaborators": [
            {
                "staff": RAM,
                "follow_up_state": "active",
                "follow_up_date": "+2h",
                "follow_up_message": "m",
                "unread": True,
            }
        ],
        "messages": [
            {
                "from": NOA,
                "text": "x",
                "internal": True,
                "at": "-1.5h",
                "uid": "u",
                "title": "t",
                "channels": ["sms"],
                "mail_read": True,
                "was_read": True,
            }
        ],
    }
    state = put_state(owner, inside(conversation)).json
    [shown] = state["businesses"][0]["conversations"]
    times = {
        "deleted_at": "2026-05-04T07:30:00.000000Z",
        "last_client_action_at": "2026-05-01T10:00:00.123456Z",
        "created_at": "2026-04-01T08:00:00.000000Z",
        "updated_at": "2026-05-05T07:00:00.000000Z",
    }
    [collaborator], [message] = conversation["collaborators"], conversation["messages"]
    assert shown == HELLO | conversation | times | {
        "collaborators": [collaborator | {"follow_up_date": "2026-05-05T09:30:00.000000Z"}],
        "messages": [message | {"at": "2026-05-05T06:00:00.000000Z"}],
    }
    [read] = owner.get(f"/v2/conversations/{HELLO['uid']}/messages").json
    assert (read["mail_read"], read["was_read"], read["direction"]) == (True, True, "internal")


def test_what_messages_make_of_their_conversation(owner: Caller) -> None:
    messages = [
        {"from": "client", "text": "a", "at": "-3h"},
        {"from": NOA, "text": "b", "at": "-2h"},
        {"from": "client", "text": "c", "at": "-1h"},
    ]
    state = put_state(owner, inside({"messages": messages})).json
    [shown] = state["businesses"][0]["conversations"]
    assert shown["created_at"] == "2026-05-05T04:30:00.000000Z"
    assert shown["last_user_action_at"] == "2026-05-05T05:30:00.000000Z"
    assert shown["last_client_action_at"] == shown["updated_at"] == "2026-05-05T06:30:00.000000Z"
    assert (shown["message_count"], shown["sent"], shown["received"]) == (3, True, True)
    assert (shown["business_unread"], shown["client_unread"]) == (False, False)


def test_deleted_is_short_for_now(owner: Caller) -> None:
    state = put_state(owner, inside({"deleted": True})).json
    assert state["businesses"][0]["conversations"][0]["deleted_at"] == "2026-05-05T07:30:00.000000Z"
    state = put_state(owner, inside({"deleted": False})).json
    assert state["businesses"][0]["conversations"][0]["deleted_at"] is None


def test_a_client_is_found_by_uid_or_name_or_made(owner: Caller) -> None:
    wanted = [JANE, "Jane Smith", "Ann Lee", "Ann Lee", "Plato", "  Ann Lee "]
    conversations = [{"uid": f"c{number}", "client": each} for number, each in enumerate(wanted)]
    put_state(owner, {"conversations": conversations})
    clients = [
        owner.get(f"/v2/conversations/c{number}").json["client"] for number in range(len(wanted))
    ]
    assert clients[0] == clients[1] and clients[0]["uid"] == JANE
    assert clients[2] == clients[3] == clients[5] and clients[2]["last_name"] == "Lee"
    assert (clients[4]["first_name"], clients[4]["last_name"]) == ("Plato", "")


def test_messages_may_be_in_any_order_of_time(owner: Caller) -> None:
    times = ["-1h", "-3h", "-2h"]
    messages = [{"from": "client", "text": each, "at": each} for each in times]
    state = put_state(owner, inside({"messages": messages})).json
    [shown] = state["businesses"][0]["conversations"]
    assert [each["text"] for each in shown["messages"]] == times
    assert shown["created_at"] == "2026-05-05T04:30:00.000000Z"
    assert shown["last_client_action_at"] == shown["updated_at"] == "2026-05-05T06:30:00.000000Z"


def test_merges_may_go_in_circles(owner: Caller) -> None:
    conversations = [
        {"uid": "a", "client": "A", "merged_into": "b"},
        {"uid": "b", "client": "A", "merged_into": "a"},
        {"uid": "c", "client": "A", "merged_into": "c"},
        {"uid": "d", "client": "A", "merged_into": "e"},
        {"uid": "e", "client": "A"},
    ]
    assert put_state(owner, {"conversations": conversations}).status_code == 200
    found = [owner.get(f"/v2/conversations/{uid}") for uid in "abcde"]
    assert [each.status_code for each in found] == [404, 404, 404, 200, 200]
    assert found[3].json["uid"] == "e"


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        ("2030-01-01T00:00:00Z", {"now": "2030-01-01T00:00:00.000Z", "frozen": True}),
        (None, False),
        ("left out", {"now": "2026-05-05T07:30:00.000Z", "frozen": True}),
    ],
)
def test_the_clock_is_as_the_state_says_or_stays(owner: Caller, now: Any, shown: Any) -> None:
    state = SHORT | ({} if now == "left out" else {"now": now})
    assert put_state(owner, state).status_code == 200
    clock = owner.get("/__admin/clock").json
    assert clock == shown if shown else clock["frozen"] is False


def test_faults_and_journal_stay(owner: Caller) -> None:
    owner.ask("PUT", "/__admin/faults", [{"method": "DELETE", "status": 503}])
    owner.put(UID, campaign="x")
    put_state(owner, SHORT)
    assert owner.get("/__admin/faults").json["faults"] == [{"method": "DELETE", "status": 503}]
    owner.client.application.extensions["journal_writer"].write()
    assert len(owner.get("/__admin/requests").json["requests"]) == 1


def test_the_order_of_a_state_stays(owner: Caller) -> None:
    state = owner.get("/__admin/state").json
    for each in state["businesses"]:
        for name in ("staff", "clients", "conversations"):
            each[name].reverse()
    state["businesses"].reverse()
    assert put_state(owner, state).json == state


@pytest.mark.parametrize(
    ("part", "model", "elsewhere"),
    [
        (BusinessState, Business, {"sandbox_id", "position"}),
        (StaffMemberState, StaffMember, {"business_id", "position"}),
        (ClientState, Client, {"business_id"}),
        (CollaboratorState, Collaborator, {"conversation_id", "staff_id"}),
        (
            ConversationState,
            Conversation,
            {
                "business_id",
                "client_id",
                "staff_id",
                "merged_into_id",
                "matter_uid",
                "matter_title",
            },
        ),
        (
            MessageState,
            Message,
            {"business_id", "conversation_id", "staff_id", "direction", "created_at", "updated_at"},
        ),
    ],
)
def test_no_column_is_forgotten(
    part: type[RequestSchema], model: type[Base], elsewhere: set[str]
) -> None:
    columns = {column.key for column in model.__table__.columns} - {"id"}
    assert columns - part().fields.keys() == elsewhere


def test_the_largest_state_goes_out_and_in_again_and_takes_no_more(
    owner: Caller, stored: Stored
) -> None:
    assert owner.get("/v2/conversations").status_code == 200
    first = put_state(owner, make_largest("x"))
    assert first.status_code == 200
    for uid in ("v0", None):
        message = {"client_id": "c0", "text": "one more", "direction": "client_to_business"}
        response = owner.post(**message, conversation_uid=uid)
        assert (response.status_code, response.json["errors"][0]["field"]) == (422, "text")
        assert "at most 20,000 messages" in response.json["errors"][0]["message"]
    response = owner.put("v0", follow_up=True, follow_up_message="one more")
    assert response.json["errors"][0]["field"] == "follow_up_message"
    assert (
        stored.row("SELECT count(*) AS rows FROM message WHERE business_id > 2")["rows"] == 20_000
    )
    assert owner.put("v0", archived=True).status_code == 200
    shown = owner.get("/__admin/state")
    assert put_state(owner, shown.json).data == shown.data
    assert owner.ask("POST", "/__admin/reset").status_code == 200
    stored.check_integrity()


def test_a_state_never_grows_beyond_16_mib(owner: Caller, stored: Stored) -> None:
    def put(texts: int) -> Any:
        messages = [{"from": "client", "text": "x" * 10_000}] * texts
        return put_state(owner, {"now": FIXED} | inside({"client": JANE, "messages": messages}))

    before = put(1_600).data
    refused = put(1_670)
    assert [error["field"] for error in refused.json["errors"]] == ["businesses"]
    assert "at most 16 MiB" in refused.json["errors"][0]["message"]
    assert owner.get("/__admin/state").data == before
    message = {"client_id": JANE, "direction": "business_to_client"}
    sent = 0
    while owner.post(text="\x01" * 10_000, **message).status_code == 201:
        sent += 1
    while owner.post(text="x", channels="s," * 127, **message).status_code == 201:
        sent += 1
    response = owner.put(HELLO["uid"], follow_up=True, follow_up_message="x" * 10_000)
    assert (response.status_code, sent > 3) == (422, True)
    shown = owner.get("/__admin/state")
    assert put_state(owner, shown.json).data == shown.data


def test_a_message_count_stays_within_its_column(owner: Caller) -> None:
    most = 2**31 - 1
    assert put_state(owner, inside({"client": JANE, "message_count": most})).status_code == 200
    response = owner.post(client_id=JANE, text="one more", direction="client_to_business")
    assert response.status_code == 201
    assert owner.get(f"/v2/conversations/{HELLO['uid']}").json["message_count"] == most


@pytest.mark.parametrize("uid", ["A.z_0~-9", "...", "-", "x" * 255])
def test_a_uid_may_have_these_characters(owner: Caller, uid: str) -> None:
    assert put_state(owner, inside({"uid": uid})).status_code == 200
    assert owner.get(f"/v2/conversations/{uid}").json["uid"] == uid
