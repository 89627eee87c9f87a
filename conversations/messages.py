"""Messages: listing them, and adding one to a conversation."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy import BigInteger, bindparam, func, select

from conversations.callers import Caller
from conversations.folders import CLIENT_LIST
from conversations.staff_conversation import StaffConversation, UnknownUid, get_conversation
from database.column_types import UTCDateTime
from database.statements import Query, Row, Statement, save_row
from followups import Fields
from models import Client, Conversation, Direction, Message, StaffMember, new_row, new_uid


class MessageList:
    """The messages of a conversation that meet some conditions, oldest first."""

    def __init__(self, *conditions: sa.ColumnElement[bool]) -> None:
        is_listed = sa.and_(Message.conversation_id == bindparam("conversation_id"), *conditions)
        ids = select(Message.id).where(is_listed).order_by(Message.id).limit(bindparam("limit"))
        ids = ids.offset(bindparam("offset", type_=BigInteger))
        messages = select(*Message.__table__.columns, *StaffMember.__table__.columns)
        messages = messages.outerjoin(StaffMember, StaffMember.id == Message.staff_id)
        self.page = Query(messages.where(Message.id.in_(ids)).order_by(Message.id))
        self.total = Statement(select(func.count(Message.id)).where(is_listed))

    def read(self, connection: sa.Connection, found: StaffConversation, **values: Any) -> list[Row]:
        """Return the messages from `offset` on, at most `limit`, as `MessageSchema` shows them."""
        conversation = found.conversation
        of_conversation = {
            "conversation_uid": conversation["uid"],
            "channel_uid": conversation["channel_uid"],
            "zone": found.caller.zone,
        }
        rows = self.page.all(connection, values | {"conversation_id": conversation["id"]})
        for message, staff in rows:
            is_to_client = message["direction"] is Direction.BUSINESS_TO_CLIENT
            mail_sent = is_to_client and "email" in message["channels"]
            message |= of_conversation | {"staff": staff, "mail_sent": mail_sent}
        return [message for message, _ in rows]

    def count(self, connection: sa.Connection, found: StaffConversation, **values: Any) -> int:
        """Return the number of messages in the list."""
        values["conversation_id"] = found.conversation["id"]
        return self.total.count(connection, values)


ALL_MESSAGES = MessageList()
RECENT_MESSAGES = MessageList(Message.updated_at >= bindparam("since", type_=UTCDateTime))
SELECT_BY_UID = {
    field: Query(
        select(*model.__table__.columns)
        .where(model.business_id == bindparam("business_id"))
        .where(model.uid == bindparam("uid"))
    )
    for field, model in (("client_id", Client), ("staff_id", StaffMember))
}
MAX_COUNT = 2**31 - 1  # the column's limit
ALL_CHANNELS = ["email", "sms"]  # vcita's default


def get_by_uid(connection: sa.Connection, caller: Caller, field: str, uid: str) -> Row:
    """Return the client or staff member of the uid in a message's field; raise UnknownUid."""
    values = {"uid": uid, "business_id": caller.business["id"]}
    row = SELECT_BY_UID[field].first(connection, values)
    if row is None:
        raise UnknownUid(field, f"Invalid {field}")
    return row[0]  # type: ignore[no-any-return]


def get_references(connection: sa.Connection, caller: Caller, sent: Fields) -> dict[str, Row]:
    """Return the rows that a message refers to; raise UnknownUid or AccessDenied."""
    rows = {
        field: get_by_uid(connection, caller, field, sent[field])
        for field in SELECT_BY_UID
        if sent.get(field) is not None
    }
    if sent.get("conversation_uid") is not None:
        found = get_conversation(connection, sent["conversation_uid"], caller, "conversation_uid")
        rows["conversation_uid"] = found.conversation
    return rows


def post_message(
    connection: sa.Connection, caller: Caller, sent: Fields
) -> tuple[Row, Row, list[str]]:
    """Add a message; return its row, its conversation's, and the names of the changed fields.

    Raises UnknownUid, AccessDenied, and ValidationError for a conversation with another client.
    """
    rows = get_references(connection, caller, sent)
    client = rows["client_id"]
    stored = rows.get("conversation_uid")
    if stored is None:
        latest = CLIENT_LIST.read(connection, caller, client_id=client["id"], limit=1, offset=0)
        stored = latest[0].conversation if latest else None
    title = sent.get("conversation_title")
    conversation = stored or new_row(
        Conversation,
        uid=new_uid(),
        business_id=caller.business["id"],
        client_id=client["id"],
        staff_id=caller.staff["id"],
        title=title or display_name(client),
        channel_uid=new_uid(),
        created_at=caller.now,
    )
    if conversation["client_id"] != client["id"]:
        reason = "The conversation is with another client: send one with this client."
        raise ValidationError({"conversation_uid": [reason]})
    direction = Direction(sent["direction"])
    updated = conversation | conversation_changes(conversation, direction, caller.now)
    updated["title"] = title or conversation["title"]
    shown = ("title", "archived", "business_unread")
    changed = [name for name in shown if updated[name] != conversation[name]] + ["message"]
    conversation = save_row(connection, Conversation, stored, updated)
    channels = [name.strip() for name in (sent.get("channels") or "").split(",") if name.strip()]
    staff = rows.get("staff_id", caller.staff)
    sender = {"staff_id": staff["id"], "channels": channels or ALL_CHANNELS}
    if direction is Direction.CLIENT_TO_BUSINESS:
        sender = {"channels": ["email"]}
    message = new_message(conversation, direction, sent["text"], caller.now, **sender)
    return save_row(connection, Message, None, message), conversation, changed


def new_message(
    conversation: Row, direction: Direction, text: str, now: datetime, uid: str = "", **others: Any
) -> Row:
    """Return the row of a new message; `others` are additional columns."""
    row = new_row(
        Message,
        business_id=conversation["business_id"],
        uid=uid or new_uid(),
        conversation_id=conversation.get("id"),
        direction=direction,
        title=conversation["title"],
        text=text,
        created_at=now,
        updated_at=now,
    )
    return row | others


def conversation_changes(conversation: Row, direction: Direction, now: datetime) -> Row:
    """Return the columns of its conversation that a new message sets.

    The message is its sender's action, and unread for the recipient. A client's message unarchives
    the conversation; an internal message is visible only to the business.
    """
    count = min(conversation["message_count"] + 1, MAX_COUNT)
    effects: Row = {"message_count": count, "updated_at": now}
    match direction:
        case Direction.CLIENT_TO_BUSINESS:
            effects |= {"received": True, "business_unread": True, "last_client_action_at": now}
            effects |= {"archived": False, "client_unread": False}
        case Direction.BUSINESS_TO_CLIENT:
            effects |= {"sent": True, "client_unread": True, "last_user_action_at": now}
        case Direction.INTERNAL:
            effects |= {"last_user_action_at": now}
    return effects


def display_name(client: Row) -> str:
    """Return a client's full name."""
    return f"{client['first_name']} {client['last_name']}".strip()
