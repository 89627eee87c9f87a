"""The content of a sandbox as a state, with nothing left out."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import aliased

from database.statements import Query, Row
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
from sandboxes.states import CLIENT

_merged_into = aliased(Conversation)
_of_sandbox = Business.sandbox_id == bindparam("sandbox_id")


def _select(*columns: Any) -> Select[*tuple[Any, ...]]:
    return select(*columns).where(_of_sandbox)


SELECT_BUSINESSES = Query(_select(*Business.__table__.columns).order_by(Business.position))
SELECT_STAFF = Query(
    _select(*StaffMember.__table__.columns).join(Business).order_by(StaffMember.position)
)
SELECT_TOKENS = Query(
    select(AccessToken.id, AccessToken.staff_id, AccessToken.digest)
    .where(AccessToken.sandbox_id == bindparam("sandbox_id"))
    .where(AccessToken.kind == TokenKind.STAFF, AccessToken.expires_at.is_(None))
    .order_by(AccessToken.digest)
)
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
STORED = """archived business_unread client_unread spam deleted_at mobile campaign
    source source_data source_type sourceable_type sourceable_id""".split()
COUNTED = """matter_searchable channel_uid merged_into message_count sent received
    last_user_action_at last_client_action_at created_at updated_at""".split()


def show_state(connection: sa.Connection, sandbox_id: int, frozen_at: datetime | None) -> Row:
    """Return the state of a sandbox whose clock stands at a time, or runs."""
    of_sandbox = {"sandbox_id": sandbox_id}
    tokens = defaultdict(list)
    for [token] in SELECT_TOKENS.all(connection, of_sandbox):
        tokens[token["staff_id"]].append(f"sha256:{token['digest']}")
    staff = defaultdict(list)
    for [row] in SELECT_STAFF.all(connection, of_sandbox):
        shown = _pick(row, "uid full_name display_name email access".split())
        staff[row["business_id"]].append(shown | {"tokens": tokens[row["id"]]})
    clients = defaultdict(list)
    for [row] in SELECT_CLIENTS.all(connection, of_sandbox):
        names = "uid first_name last_name email phone spam created_at".split()
        clients[row["business_id"]].append(_pick(row, names))
    conversations = _show_conversations(connection, of_sandbox)
    return {
        "now": _show(frozen_at),
        "businesses": [
            {
                **_pick(row, ["uid", "name", "time_zone"]),
                "staff": staff[row["id"]],
                "clients": clients[row["id"]],
                "conversations": conversations[row["id"]],
            }
            for [row] in SELECT_BUSINESSES.all(connection, of_sandbox)
        ],
    }


def _show_conversations(connection: sa.Connection, of_sandbox: Row) -> dict[int, list[Row]]:
    """Return the conversations of each business."""
    collaborators = defaultdict(list)
    for row, staff_member in SELECT_COLLABORATORS.all(connection, of_sandbox):
        names = ["follow_up_state", "follow_up_date", "follow_up_message", "unread"]
        shown = {"staff": staff_member["uid"]} | _pick(row, names)
        collaborators[row["conversation_id"]].append(shown)
    messages = defaultdict(list)
    for row, sender in SELECT_MESSAGES.all(connection, of_sandbox):
        messages[row["conversation_id"]].append(
            {
                "from": CLIENT if sender is None else sender["uid"],
                "text": row["text"],
                "internal": row["direction"] is Direction.INTERNAL,
                "at": _show(row["created_at"]),
                **_pick(row, ["uid", "title", "channels", "mail_read", "was_read"]),
            }
        )
    conversations = defaultdict(list)
    for row, client, staff_member, target in SELECT_CONVERSATIONS.all(connection, of_sandbox):
        matter = {"uid": row["matter_uid"], "title": row["matter_title"]}
        conversations[row["business_id"]].append(
            {
                "uid": row["uid"],
                "client": client["uid"],
                "staff": staff_member["uid"],
                "title": row["title"],
                **_pick(row, STORED),
                "matter": None if row["matter_uid"] is None else matter,
                **_pick(row | {"merged_into": target and target["uid"]}, COUNTED),
                "collaborators": collaborators[row["id"]],
                "messages": messages[row["id"]],
            }
        )
    return conversations


def _pick(row: Row, names: list[str]) -> Row:
    """Return those columns of a row, as JSON has them."""
    return {name: _show(row[name]) for name in names}


def _show(value: Any) -> Any:
    """Return a value as JSON has it: a time in UTC, to the microsecond."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return value
