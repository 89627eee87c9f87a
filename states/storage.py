"""The content of a sandbox: how a state becomes its rows, and how they become a state."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from sqlalchemy import bindparam, delete, insert, select, update

from conversations.messages import conversation_changes
from database.statements import Query, Row, Statement, save_row
from field_types.request_fields import RequestSchema, cooperatively
from field_types.response_fields import format_utc
from models import (
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    Message,
    StaffMember,
    new_row,
)
from states import schema
from states.parsing import CLIENT, deterministic_uid
from states.schema import TimeSpec

Ids = Mapping[str, int]  # by uid
INSERT = {
    model: Statement(insert(model).values({name: bindparam(name) for name in new_row(model)}))
    for model in (StaffMember, AccessToken, Client, Conversation, Collaborator, Message)
}
SELECT_NEWEST: dict[Any, Query] = {
    model: Query(
        select(model.id, model.uid)
        .where(model.business_id == bindparam("business_id"))
        .order_by(model.id.desc())
        .limit(bindparam("limit"))
    )
    for model in (StaffMember, Client, Conversation)
}
DELETE_CONTENT = [  # all else belongs to a business, and is deleted with it
    Statement(delete(model).where(model.sandbox_id == bindparam("sandbox_id")))
    for model in (AccessToken, Business)
]
MERGE = Statement(
    update(Conversation)
    .where(Conversation.id == bindparam("row_id"))
    .values(merged_into_id=bindparam("target_id"))
)


def _select(model: Any, *order: Any, parents: Iterable[Any] = (Business,)) -> Query:
    """Return the query for all rows of a table in a sandbox."""
    query = select(*model.__table__.columns).where(Business.sandbox_id == bindparam("sandbox_id"))
    for parent in parents:
        query = query.join(parent)
    return Query(query.order_by(*order))


SELECT_BUSINESSES = _select(Business, Business.position, parents=())
SELECT_STAFF = _select(StaffMember, Business.position, StaffMember.position)
SELECT_CLIENTS = _select(Client, Client.id)
SELECT_CONVERSATIONS = _select(Conversation, Conversation.id)
SELECT_COLLABORATORS = _select(
    *(Collaborator, Collaborator.conversation_id, StaffMember.position),
    parents=(StaffMember, Business),
)
SELECT_MESSAGES = _select(Message, Message.conversation_id, Message.id)
SELECT_VALID_TOKENS = Query(
    select(*AccessToken.__table__.columns)
    .where(AccessToken.sandbox_id == bindparam("sandbox_id"), AccessToken.staff_id.is_not(None))
    .where(AccessToken.expires_at.is_(None))
    .order_by(AccessToken.digest)
)


@dataclass(frozen=True)
class StoredBusiness:
    """A stored business, with the ids of its staff by uid."""

    id: int
    zone: ZoneInfo
    staff_ids: Ids
    now: datetime  # relative times count from it

    def resolve_times(self, fields: Row) -> Row:
        """Return fields with absolute times."""
        return {
            name: value.resolve(self.now, self.zone) if isinstance(value, TimeSpec) else value
            for name, value in fields.items()
        }


def replace_content(connection: sa.Connection, sandbox_id: int, state: Row, now: datetime) -> None:
    """Replace all businesses of a sandbox by those of a state, whose times count from now."""
    for statement in DELETE_CONTENT:
        statement.run(connection, {"sandbox_id": sandbox_id})
    for position, each in enumerate(state["businesses"]):
        own = {name: each[name] for name in ("uid", "name", "time_zone")}
        row = own | {"sandbox_id": sandbox_id, "position": position}
        business_id = save_row(connection, Business, None, row)["id"]
        staff = [
            member | {"business_id": business_id, "position": number}
            for number, member in enumerate(each["staff"])
        ]
        staff_ids = _insert(connection, StaffMember, business_id, staff)
        tokens = [
            {"sandbox_id": sandbox_id, "staff_id": staff_ids[owner["uid"]], "digest": digest}
            for owner in each["staff"]
            for digest in owner["tokens"]
        ]
        INSERT[AccessToken].run_many(connection, tokens)
        business = StoredBusiness(business_id, ZoneInfo(each["time_zone"]), staff_ids, now)
        client_ids = add_clients(connection, business, each["clients"])
        add_conversations(connection, business, each["conversations"], client_ids)


def _insert(connection: sa.Connection, model: Any, business_id: int, rows: Sequence[Row]) -> Ids:
    """Insert rows of a business, all at once; return their ids."""
    INSERT[model].run_many(connection, rows)
    values = {"business_id": business_id, "limit": len(rows)}
    return {row["uid"]: row["id"] for [row] in SELECT_NEWEST[model].all(connection, values)}


def add_clients(connection: sa.Connection, business: StoredBusiness, clients: Iterable[Row]) -> Ids:
    """Add clients to a business; return their ids."""
    rows = [business.resolve_times(each) | {"business_id": business.id} for each in clients]
    return _insert(connection, Client, business.id, rows)


def add_conversations(
    connection: sa.Connection,
    business: StoredBusiness,
    conversations: Sequence[Row],
    client_ids: Ids,
) -> None:
    """Add conversations with their messages and collaborators to a business."""
    rows, messages = [], []
    for each in cooperatively(conversations):
        sent = [business.resolve_times(message) for message in each["messages"]]
        row = _make_conversation(business, business.resolve_times(each), sent)
        rows.append(row | {"client_id": client_ids[each["client"]]})
        messages += [_make_message(business, row, message) for message in sent]
    ids = _insert(connection, Conversation, business.id, rows)
    for row in messages:
        row["conversation_id"] = ids[row["conversation_uid"]]
    collaborators = [
        business.resolve_times(collaborator)
        | {
            "conversation_id": ids[each["uid"]],
            "staff_id": business.staff_ids[collaborator["staff"]],
        }
        for each in conversations
        for collaborator in each["collaborators"]
    ]
    merges = [
        {"row_id": ids[each["uid"]], "target_id": ids[each["merged_into"]]}
        for each in conversations
        if each["merged_into"] is not None
    ]
    INSERT[Message].run_many(connection, messages)
    INSERT[Collaborator].run_many(connection, collaborators)
    MERGE.run_many(connection, merges)


def export_state(connection: sa.Connection, sandbox: Row) -> bytes:
    """Return the state of a sandbox as JSON, with a line for each field."""

    def read(query: Query) -> list[Row]:
        return [row for [row] in query.all(connection, {"sandbox_id": sandbox["id"]})]

    tokens = defaultdict(list)
    for token in read(SELECT_VALID_TOKENS):
        tokens[token["staff_id"]].append(f"sha256:{token['digest']}")
    staff, clients = read(SELECT_STAFF), read(SELECT_CLIENTS)
    conversations = read(SELECT_CONVERSATIONS)
    staff_uids, client_uids, conversation_uids = (
        {row["id"]: row["uid"] for row in rows} for rows in (staff, clients, conversations)
    )
    collaborators, messages = read(SELECT_COLLABORATORS), read(SELECT_MESSAGES)
    for row in staff:
        row["tokens"] = tokens[row["id"]]
    for row in collaborators:
        row["staff"] = staff_uids[row["staff_id"]]
    for row in messages:
        row["sender"] = staff_uids.get(row["staff_id"], CLIENT)
        row["internal"] = row["direction"] is Direction.INTERNAL
        row["at"] = row["created_at"]
    collaborators_of = _group(schema.CollaboratorState, collaborators, "conversation_id")
    messages_of = _group(schema.MessageState, messages, "conversation_id")
    for row in conversations:
        matter = {"uid": row["matter_uid"], "title": row["matter_title"]}
        row["client"] = client_uids[row["client_id"]]
        row["staff"] = staff_uids[row["staff_id"]]
        row["matter"] = matter if row["matter_uid"] else None
        row["merged_into"] = conversation_uids.get(row["merged_into_id"])
        row["collaborators"] = collaborators_of[row["id"]]
        row["messages"] = messages_of[row["id"]]
    children = {
        "staff": _group(schema.StaffMemberState, staff, "business_id"),
        "clients": _group(schema.ClientState, clients, "business_id"),
        "conversations": _group(schema.ConversationState, conversations, "business_id"),
    }
    businesses = read(SELECT_BUSINESSES)
    for row in businesses:
        row |= {name: groups[row["id"]] for name, groups in children.items()}
    [shown] = _group(schema.BusinessState, businesses, "sandbox_id").values()
    state = {"now": sandbox["frozen_at"], "businesses": shown}
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
    return orjson.dumps(state, default=_to_json, option=options)


def _make_conversation(business: StoredBusiness, given: Row, messages: Sequence[Row]) -> Row:
    """Return the row of a conversation: its messages set the columns that are not given."""
    created_at = min((message["at"] for message in messages), default=business.now)
    matter = given.get("matter") or {"uid": None, "title": None}
    row = new_row(
        Conversation,
        business_id=business.id,
        staff_id=business.staff_ids[given["staff"]],
        channel_uid=deterministic_uid("channel", given["uid"]),
        created_at=created_at,
        updated_at=created_at,
        matter_uid=matter["uid"],
        matter_title=matter["title"],
    )
    for message in sorted(messages, key=lambda message: message["at"]):
        row |= conversation_changes(row, _find_direction(message), message["at"])
    # Only the state itself makes a conversation unread or archived, not its messages.
    row |= dict.fromkeys(("archived", "business_unread", "client_unread"), False)
    return row | {name: value for name, value in given.items() if name in row}


def _make_message(business: StoredBusiness, conversation: Row, given: Row) -> Row:
    """Return the row of a message."""
    row = new_row(
        Message,
        business_id=business.id,
        conversation_uid=conversation["uid"],
        staff_id=business.staff_ids.get(given["sender"]),
        direction=_find_direction(given),
        title=conversation["title"],
        channels=[] if given["internal"] else ["email"],
        created_at=given["at"],
        updated_at=given["at"],
    )
    return row | given  # `run_many` takes the columns alone


def _find_direction(message: Row) -> Direction:
    if message["sender"] == CLIENT:
        return Direction.CLIENT_TO_BUSINESS
    return Direction.INTERNAL if message["internal"] else Direction.BUSINESS_TO_CLIENT


def _group(
    part: type[RequestSchema], rows: Iterable[Row], parent: str
) -> defaultdict[int, list[Row]]:
    """Return rows as parts of a state, in lists by the ids of their parents."""
    names = [(field.data_key or name, name) for name, field in part().dump_fields.items()]
    groups = defaultdict(list)
    for row in cooperatively(rows):
        groups[row[parent]].append({shown: row[name] for shown, name in names})
    return groups


def _to_json(value: Any) -> Any:
    """Return a time in UTC, to the microsecond, and a frozen dictionary as a plain one."""
    if isinstance(value, datetime):
        return format_utc(value, "microseconds")
    return dict(value)
