"""The content of a sandbox as a state, with nothing left out."""

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import aliased

from database.statements import Query, Row
from field_types.request_fields import RequestSchema, cooperatively
from models import (
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    Message,
    StaffMember,
)
from states.parsing import CLIENT
from states.schema import (
    BusinessState,
    ClientState,
    CollaboratorState,
    ConversationState,
    MessageState,
    StaffMemberState,
)

OF_SANDBOX = Business.sandbox_id == bindparam("sandbox_id")
SELECT_BUSINESSES = Query(
    select(*Business.__table__.columns).where(OF_SANDBOX).order_by(Business.position)
)
SELECT_STAFF = Query(
    select(*StaffMember.__table__.columns)
    .join(Business, Business.id == StaffMember.business_id)
    .where(OF_SANDBOX)
    .order_by(Business.position, StaffMember.position)
)
SELECT_VALID_TOKENS = Query(
    select(*AccessToken.__table__.columns)
    .where(AccessToken.sandbox_id == bindparam("sandbox_id"))
    .where(AccessToken.staff_id.is_not(None), AccessToken.expires_at.is_(None))
    .order_by(AccessToken.digest)
)
_merged_into = aliased(Conversation)


def _select(*columns: Any) -> Select[*tuple[Any, ...]]:
    return select(*columns).where(OF_SANDBOX)


SELECT_CLIENTS = Query(_select(*Client.__table__.columns).join(Business).order_by(Client.id))
SELECT_CONVERSATIONS = Query(
    _select(*Conversation.__table__.columns, Client.uid, StaffMember.uid, _merged_into.uid)
    .join(Business, Business.id == Conversation.business_id)
    .join(Client, Client.id == Conversation.client_id)
    .join(StaffMember, StaffMember.id == Conversation.staff_id)
    .outerjoin(_merged_into, _merged_into.id == Conversation.merged_into_id)
    .order_by(Conversation.id)
)
SELECT_COLLABORATORS = Query(
    _select(*Collaborator.__table__.columns, StaffMember.uid)
    .join(StaffMember, StaffMember.id == Collaborator.staff_id)
    .join(Business, Business.id == StaffMember.business_id)
    .order_by(Collaborator.conversation_id, StaffMember.position)
)
SELECT_MESSAGES = Query(
    _select(*Message.__table__.columns, StaffMember.uid)
    .join(Business, Business.id == Message.business_id)
    .outerjoin(StaffMember, StaffMember.id == Message.staff_id)
    .order_by(Message.conversation_id, Message.id)
)


def show_state(connection: sa.Connection, sandbox: Row) -> Row:
    """Return the state of a sandbox."""
    of_sandbox = {"sandbox_id": sandbox["id"]}
    tokens = defaultdict(list)
    for [token] in SELECT_VALID_TOKENS.all(connection, of_sandbox):
        tokens[token["staff_id"]].append(f"sha256:{token['digest']}")
    staff = defaultdict(list)
    for [row] in SELECT_STAFF.all(connection, of_sandbox):
        shown = _show(StaffMemberState, row | {"tokens": tokens[row["id"]]})
        staff[row["business_id"]].append(shown)
    clients = defaultdict(list)
    for [row] in SELECT_CLIENTS.all(connection, of_sandbox):
        clients[row["business_id"]].append(_show(ClientState, row))
    conversations = _show_conversations(connection, of_sandbox)
    businesses = [
        _show(
            BusinessState,
            row
            | {
                "staff": staff[row["id"]],
                "clients": clients[row["id"]],
                "conversations": conversations[row["id"]],
            },
        )
        for [row] in SELECT_BUSINESSES.all(connection, of_sandbox)
    ]
    return {"now": _show_value(sandbox["frozen_at"]), "businesses": businesses}


def write_state(state: Row) -> bytes:
    """Return a state as JSON, with a line for each field."""
    return orjson.dumps(state, default=dict, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _show_conversations(connection: sa.Connection, of_sandbox: Row) -> dict[int, list[Row]]:
    """Return the conversations of each business."""
    collaborators = defaultdict(list)
    for row, staff_member in SELECT_COLLABORATORS.all(connection, of_sandbox):
        shown = _show(CollaboratorState, row | {"staff": staff_member["uid"]})
        collaborators[row["conversation_id"]].append(shown)
    messages = defaultdict(list)
    for row, sender in cooperatively(SELECT_MESSAGES.all(connection, of_sandbox)):
        others = {
            "sender": CLIENT if sender is None else sender["uid"],
            "internal": row["direction"] is Direction.INTERNAL,
            "at": row["created_at"],
        }
        messages[row["conversation_id"]].append(_show(MessageState, row | others))
    conversations = defaultdict(list)
    for row, client, staff_member, target in SELECT_CONVERSATIONS.all(connection, of_sandbox):
        matter = {"uid": row["matter_uid"], "title": row["matter_title"]}
        others = {
            "client": client["uid"],
            "staff": staff_member["uid"],
            "matter": None if row["matter_uid"] is None else matter,
            "merged_into": target and target["uid"],
            "collaborators": collaborators[row["id"]],
            "messages": messages[row["id"]],
        }
        conversations[row["business_id"]].append(_show(ConversationState, row | others))
    return conversations


def _show(part: type[RequestSchema], values: Row) -> Row:
    """Return a part of a state with all the fields of its schema."""
    return {key: _show_value(values[name]) for key, name in _find_names(part)}


@cache
def _find_names(part: type[RequestSchema]) -> list[tuple[str, str]]:
    """Return the fields of a part that are shown: how the state calls each, and how we do."""
    fields = part().dump_fields.items()
    return [(field.data_key or name, name) for name, field in fields]


def _show_value(value: Any) -> Any:
    """Return a value as JSON has it: a time in UTC, to the microsecond."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return value
