"""The content of a sandbox as a state, with nothing left out."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import BindParameter, bindparam, select

from database.statements import Query, Row
from field_types.request_fields import RequestSchema, yield_to_others
from models import (
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    Message,
    StaffMember,
    TokenKind,
)
from states import schema
from states.parsing import CLIENT

_sandbox_id: BindParameter[int] = bindparam("sandbox_id")


def _select(model: Any, *order: Any, parents: Iterable[Any] = (Business,)) -> Query:
    """Return the query for all rows of a table in a sandbox."""
    query = select(*model.__table__.columns).where(Business.sandbox_id == _sandbox_id)
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
    .where(AccessToken.sandbox_id == _sandbox_id, AccessToken.kind == TokenKind.STAFF)
    .where(AccessToken.expires_at.is_(None))
    .order_by(AccessToken.digest)
)


def export_state(connection: sa.Connection, sandbox: Row) -> bytes:
    """Return the state of a sandbox as JSON, with a line for each field."""

    def read(query: Query) -> list[Row]:
        return [row for [row] in query.all(connection, {"sandbox_id": sandbox["id"]})]

    tokens = defaultdict(list)
    for token in read(SELECT_VALID_TOKENS):
        tokens[token["staff_id"]].append(f"sha256:{token['digest']}")
    staff, clients, conversations = (
        read(SELECT_STAFF),
        read(SELECT_CLIENTS),
        read(SELECT_CONVERSATIONS),
    )
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


def _group(
    part: type[RequestSchema], rows: Iterable[Row], parent: str
) -> defaultdict[int, list[Row]]:
    """Return rows as parts of a state, in lists by the ids of their parents."""
    names = [(field.data_key or name, name) for name, field in part().dump_fields.items()]
    groups = defaultdict(list)
    for index, row in enumerate(rows):
        yield_to_others(index)
        groups[row[parent]].append({shown: row[name] for shown, name in names})
    return groups


def _to_json(value: Any) -> Any:
    """Return a time in UTC, to the microsecond, and a frozen dictionary as a plain one."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return dict(value)
