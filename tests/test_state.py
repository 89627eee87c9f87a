"""The state of a sandbox: out and in again, short and long."""

from typing import Any

import pytest

import states.schema as states
from bench.neighbours import make_largest
from database.connections import Base
from field_types.request_fields import RequestSchema
from models import Business, Client, Collaborator, Conversation, Message, StaffMember
from support.apps import Call, Caller, check_error, put_state
from support.constants import BUSINESS, FIXED, HELLO, JANE, NEIGHBOURS, NOA, RAM, SHORT, UID, inside
from support.differences import check_same
from support.stored import Stored

pytestmark = pytest.mark.database  # JSON columns and large writes

STATE = "/__admin/state"
LIST = "/v2/conversations?per_page=100"
STORED_TIME = "2026-05-04T07:30:00.123456Z"


@pytest.fixture
def owner(mine: Caller) -> Caller:
    """Give the owner in a sandbox of their own, whose clock is frozen."""
    mine.ask("PUT", "/__admin/clock", {"now": FIXED})
    return mine


def put_conversation(caller: Caller, **fields: Any) -> Any:
    """Replace the inbox by one conversation with these fields; return it as the state has it."""
    [shown] = put_state(caller, inside(fields)).json["businesses"][0]["conversations"]
    return shown


def test_state_round_trips(owner: Caller, call: Call, stored: Stored) -> None:
    owner.ask("POST", "/__admin/reset", {"now": FIXED})
    owner.put(UID, archived=True, campaign="x", follow_up=True, follow_up_message="call back")
    owner.put("archived00000001", follow_up=True, follow_up_message="soon", deleted=True)
    owner.post(client_id=JANE, text=" ", direction="business_to_client", channels="sms")
    before = owner.get(STATE)
    assert before.content_type == "application/json"
    after = put_state(owner, before.json)
    assert (after.status_code, after.data) == (200, before.data)
    assert owner.get(STATE).data == before.data
    other = call("demo-owner@another")
    assert put_state(other, before.json).data == before.data
    assert other.get(LIST).data == owner.get(LIST).data
    stored.check_integrity()


def test_short_state_replaces_only_the_first_inbox(owner: Caller, call: Call) -> None:
    state = put_state(owner, SHORT).json
    [shown] = owner.get(LIST).json["data"]
    assert (shown["uid"], shown["title"], shown["staff"]["uid"]) == (HELLO["uid"], "Ann Lee", RAM)
    assert (shown["last_client_action_at"], shown["business_unread"]) == (FIXED, False)
    assert (shown["client"]["first_name"], shown["client"]["last_name"]) == ("Ann", "Lee")
    clients = [each["uid"] for each in state["businesses"][0]["clients"]]
    assert JANE in clients and shown["client"]["uid"] in clients
    assert call("demo-neighbour@w").get(f"/v2/conversations/{NEIGHBOURS}").status_code == 200


def test_every_field_of_a_state_is_stored(owner: Caller, document: Any) -> None:
    """The tests of examples send the same state with the other booleans."""
    ok = document["paths"][STATE]["put"]["responses"]["200"]["content"]["application/json"]
    state = ok["example"]
    [business] = state["businesses"]
    [conversation] = business["conversations"]
    [staff_member], [client] = business["staff"], business["clients"]
    [collaborator], [message] = conversation["collaborators"], conversation["messages"]
    for part in (client, conversation, collaborator, message):
        part |= {name: not part[name] for name in part if isinstance(part[name], bool)}
    conversation |= {"sourceable_type": "form", "sourceable_id": "7", "deleted_at": STORED_TIME}
    conversation |= {"source_data": {"a": [1, {"b": None}]}}
    staff_member["access"] = "assigned"
    staff_member["tokens"].append(f"sha256:{'f' * 64}")
    check_same(put_state(owner, state).json, state)
    check_same(owner.get(STATE).json, state)
    [read] = owner.get(f"/v2/conversations/{UID}/messages").json
    assert (read["mail_read"], read["was_read"], read["direction"]) == (True, True, "internal")


def test_times_can_be_relative_to_now(owner: Caller) -> None:
    times = {"created_at": "2026-04-01T10:00:00+02:00", "deleted_at": "-1d", "updated_at": "-30m"}
    collaborator = {"staff": RAM, "follow_up_state": "active", "follow_up_date": "+1.5h"}
    shown = put_conversation(owner, **times, collaborators=[collaborator])
    expected = {
        "created_at": "2026-04-01T08:00:00.000000Z",
        "deleted_at": "2026-05-04T07:30:00.000000Z",
        "updated_at": "2026-05-05T07:00:00.000000Z",
    }
    check_same({name: shown[name] for name in expected}, expected)
    assert shown["collaborators"][0]["follow_up_date"] == "2026-05-05T09:00:00.000000Z"


@pytest.mark.parametrize("hours", ["321", "132"])
def test_conversation_counts_and_times_come_from_messages(owner: Caller, hours: str) -> None:
    senders = {"3": "client", "2": NOA, "1": "client"}
    messages = [{"from": senders[hour], "text": hour, "at": f"-{hour}h"} for hour in hours]
    shown = put_conversation(owner, messages=messages)
    assert [each["text"] for each in shown["messages"]] == [*hours]
    assert shown["created_at"] == "2026-05-05T04:30:00.000000Z"
    assert shown["last_user_action_at"] == "2026-05-05T05:30:00.000000Z"
    assert shown["last_client_action_at"] == shown["updated_at"] == "2026-05-05T06:30:00.000000Z"
    assert (shown["message_count"], shown["sent"], shown["received"]) == (3, True, True)
    assert (shown["business_unread"], shown["client_unread"]) == (False, False)


def test_deleted_true_means_now(owner: Caller) -> None:
    assert put_conversation(owner, deleted=True)["deleted_at"] == "2026-05-05T07:30:00.000000Z"
    assert put_conversation(owner, deleted=False)["deleted_at"] is None


def test_client_is_found_by_uid_or_name_or_created(owner: Caller, call: Call) -> None:
    wanted = [JANE, "Jane Smith", "Ann Lee", "Ann Lee", "Plato", "  Ann Lee "]
    conversations = [{"uid": f"c{number}", "client": each} for number, each in enumerate(wanted)]
    put_state(owner, {"conversations": conversations})
    uids = [each["uid"] for each in conversations]
    clients = [owner.get(f"/v2/conversations/{uid}").json["client"] for uid in uids]
    assert clients[0] == clients[1] and clients[0]["uid"] == JANE
    assert clients[2] == clients[3] == clients[5] and clients[2]["last_name"] == "Lee"
    assert (clients[4]["first_name"], clients[4]["last_name"]) == ("Plato", "")


@pytest.mark.parametrize(
    ("state", "now"),
    [({"now": "2030-01-01T00:00:00Z"}, "2030-01-01"), ({"now": None}, None), ({}, "2026-05-05")],
)
def test_state_replaces_only_its_clock(owner: Caller, state: Any, now: str | None) -> None:
    owner.ask("PUT", "/__admin/faults", [{"method": "DELETE", "status": 503}])
    owner.put(UID, campaign="x")
    assert put_state(owner, SHORT | state).status_code == 200
    clock = owner.get("/__admin/clock").json
    assert clock["frozen"] is (now is not None)
    assert clock["now"].startswith(now or "")
    assert owner.get("/__admin/faults").json["faults"] == [{"method": "DELETE", "status": 503}]
    assert len(owner.entries()) == 1


def test_state_keeps_its_order(owner: Caller) -> None:
    state = owner.get(STATE).json
    for each in state["businesses"]:
        for name in ("staff", "clients", "conversations"):
            each[name].reverse()
    state["businesses"].reverse()
    check_same(put_state(owner, state).json, state)
    check_same(owner.get(STATE).json, state)


OF_MESSAGE = {"business_id", "conversation_id", "staff_id", "direction", "created_at", "updated_at"}
OF_CONVERSATION = {"business_id", "client_id", "staff_id", "merged_into_id"}


@pytest.mark.parametrize(
    ("part", "model", "elsewhere"),
    [
        (states.BusinessState, Business, {"sandbox_id", "position"}),
        (states.StaffMemberState, StaffMember, {"business_id", "position"}),
        (states.ClientState, Client, {"business_id"}),
        (states.CollaboratorState, Collaborator, {"conversation_id", "staff_id"}),
        (states.ConversationState, Conversation, OF_CONVERSATION | {"matter_uid", "matter_title"}),
        (states.MessageState, Message, OF_MESSAGE),
    ],
)
def test_state_covers_every_column(
    part: type[RequestSchema], model: type[Base], elsewhere: set[str]
) -> None:
    columns = {column.key for column in model.__table__.columns} - {"id"}
    assert columns - part().fields.keys() == elsewhere


NEW_CLIENTS = [{"uid": f"c{number}", "client": f"C {number}"} for number in range(1_980)]
BEYOND: list[tuple[str, Any]] = [  # with the first field that is one too many
    ("conversations[2000]", {"conversations": [{}] * 2_001}),
    ("conversations[0].messages[20000]", inside({"messages": [{}] * 20_001})),
    ("conversations[0].collaborators[80000]", inside({"collaborators": [{}] * 80_001})),
    ("conversations[0].source_data", inside({"source_data": {"a": "x" * 100_000}})),
    ("businesses[0].staff[1000]", {"businesses": [BUSINESS | {"staff": [{}] * 1_001}]}),
    ("businesses[0].clients[2000]", {"businesses": [BUSINESS | {"clients": [{}] * 2_001}]}),
    ("businesses[0].clients[2000]", {"conversations": NEW_CLIENTS}),
    ("businesses[1000]", {"businesses": [{}] * 1_001}),
]


def test_too_large_state_is_rejected(owner: Caller, stored: Stored) -> None:
    with stored.unchanged():
        for field, state in BEYOND:
            check_error(put_state(owner, state), 422, "invalid", field)


@pytest.mark.long
def test_largest_state_round_trips_and_accepts_no_more(owner: Caller, stored: Stored) -> None:
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


def test_state_never_grows_beyond_16_mib(owner: Caller, stored: Stored) -> None:
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


@pytest.mark.parametrize("uid", ["A.z_0~-9", "...", "-", "x" * 255])
def test_uid_can_have_these_characters(owner: Caller, uid: str) -> None:
    assert put_state(owner, inside({"uid": uid})).status_code == 200
    assert owner.get(f"/v2/conversations/{uid}").json["uid"] == uid
