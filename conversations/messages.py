"""Messages: how they are listed, and what a new one changes."""

from datetime import datetime

import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy import BigInteger, bindparam, func, select

from conversations.callers import Caller
from conversations.folders import list_client_conversations
from conversations.staff_conversation import StaffConversation, UnknownUid, get_conversation
from database.statements import Query, Row, Statement, save_row
from followups import Fields
from models import Client, Conversation, Direction, Message, StaffMember, new_row, new_uid

_messages = (
    select(*Message.__table__.columns, *StaffMember.__table__.columns)
    .outerjoin(StaffMember, StaffMember.id == Message.staff_id)
    .where(Message.conversation_id == bindparam("conversation_id"))
    .order_by(Message.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset", type_=BigInteger))
)
SELECT_MESSAGES = Query(_messages)
SELECT_MESSAGES_SINCE = Query(_messages.where(Message.updated_at >= bindparam("since")))
_count = select(func.count()).where(Message.conversation_id == bindparam("conversation_id"))
COUNT_MESSAGES = Statement(_count)
COUNT_MESSAGES_SINCE = Statement(_count.where(Message.updated_at >= bindparam("since")))
SELECT_CLIENT = Query(
    select(*Client.__table__.columns)
    .where(Client.business_id == bindparam("business_id"))
    .where(Client.uid == bindparam("uid"))
)
SELECT_STAFF_MEMBER = Query(
    select(StaffMember.id)
    .where(StaffMember.business_id == bindparam("business_id"))
    .where(StaffMember.uid == bindparam("uid"))
)
ALL_CHANNELS = ["email", "sms"]  # vcita's default


def read_messages(
    connection: sa.Connection,
    found: StaffConversation,
    *,
    since: datetime | None,
    limit: int,
    offset: int,
) -> list[Row]:
    """Return some of the messages, oldest first; of those since a time if one is given.

    A row has more than its columns: `staff` sent it for the business, whose zone is `zone`.
    """
    values = {
        "conversation_id": found.conversation["id"],
        "since": since,
        "limit": limit,
        "offset": offset,
    }
    query = SELECT_MESSAGES if since is None else SELECT_MESSAGES_SINCE
    of_conversation = {
        "conversation_uid": found.conversation["uid"],
        "channel_uid": found.conversation["channel_uid"],
        "zone": found.caller.zone,
    }
    return [
        message | of_conversation | {"staff": staff, "mail_sent": is_email_to_client(message)}
        for message, staff in query.all(connection, values)
    ]


def is_email_to_client(message: Row) -> bool:
    """Return True if a message went to the client by email."""
    return message["direction"] is Direction.BUSINESS_TO_CLIENT and "email" in message["channels"]


def count_messages(
    connection: sa.Connection, found: StaffConversation, since: datetime | None
) -> int:
    """Return how many messages there are, or how many since a time if one is given."""
    values = {"conversation_id": found.conversation["id"], "since": since}
    statement = COUNT_MESSAGES if since is None else COUNT_MESSAGES_SINCE
    return statement.count(connection, values)


def get_client(connection: sa.Connection, uid: str, caller: Caller) -> Row:
    """Return a client of the caller's business. Raises UnknownUid."""
    row = SELECT_CLIENT.first(connection, {"uid": uid, "business_id": caller.business_id})
    if row is None:
        raise UnknownUid("client_id", "Invalid client_id")
    return row[0]  # type: ignore[no-any-return]


def check_uids(connection: sa.Connection, caller: Caller, sent: Fields) -> None:
    """Raise UnknownUid or NotAllowed for what the fields of a message name."""
    if "client_id" in sent:
        get_client(connection, sent["client_id"], caller)
    _get_sender_id(connection, sent.get("staff_id"), caller)
    if sent.get("conversation_uid") is not None:
        get_conversation(connection, sent["conversation_uid"], caller, "conversation_uid")


def post_message(
    connection: sa.Connection, caller: Caller, sent: Fields
) -> tuple[Row, Row, list[str]]:
    """Add the message that the fields describe; return its row, its conversation's, and changes.

    The changes are names of the conversation's fields, and `message`.

    Raises what `check_uids` does, and ValidationError for a conversation with another client.
    """
    client = get_client(connection, sent["client_id"], caller)
    sender_id = _get_sender_id(connection, sent.get("staff_id"), caller)
    stored = _find_conversation(connection, caller, client, sent.get("conversation_uid"))
    conversation = stored or new_row(
        Conversation,
        uid=new_uid(),
        business_id=caller.business_id,
        client_id=client["id"],
        staff_id=caller.staff_id,
        title=sent.get("conversation_title") or display_name(client),
        channel_uid=new_uid(),
        created_at=caller.now,
    )
    if conversation["client_id"] != client["id"]:
        reason = "The conversation is with another client: send one with this client."
        raise ValidationError({"conversation_uid": [reason]})
    direction = Direction(sent["direction"])
    before = conversation
    conversation = conversation | effects_of_message(conversation, direction, caller.now)
    fields = ("archived", "business_unread")
    changed = [name for name in fields if conversation[name] != before[name]] + ["message"]
    conversation = save_row(connection, Conversation, stored, conversation)
    is_from_client = direction is Direction.CLIENT_TO_BUSINESS
    channels = [name.strip() for name in (sent.get("channels") or "").split(",") if name.strip()]
    message = new_message(
        conversation,
        direction,
        sent["text"],
        caller.now,
        staff_id=None if is_from_client else sender_id,
        channels=["email"] if is_from_client else channels or ALL_CHANNELS,
    )
    return save_row(connection, Message, None, message), conversation, changed


def new_message(
    conversation: Row,
    direction: Direction,
    text: str,
    now: datetime,
    *,
    staff_id: int | None = None,
    channels: list[str],
    uid: str | None = None,
) -> Row:
    """Return the row of a new message."""
    return new_row(
        Message,
        business_id=conversation["business_id"],
        uid=uid or new_uid(),
        conversation_id=conversation.get("id"),
        staff_id=staff_id,
        direction=direction,
        title=conversation["title"],
        text=text,
        channels=channels,
        created_at=now,
        updated_at=now,
    )


def effects_of_message(conversation: Row, direction: Direction, now: datetime) -> Row:
    """Return the columns of its conversation that a new message sets.

    It is its sender's action, and unread to the other side. A client's message brings the
    conversation back from the archive; an internal one is for the business only.
    """
    effects: Row = {"message_count": conversation["message_count"] + 1, "updated_at": now}
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
    """Return a client's whole name."""
    return f"{client['first_name']} {client['last_name']}".strip()


def _get_sender_id(connection: sa.Connection, uid: str | None, caller: Caller) -> int:
    """Return the id of the staff member who sends, by default the caller. Raises UnknownUid."""
    if uid is None:
        return caller.staff_id
    row = SELECT_STAFF_MEMBER.first(connection, {"uid": uid, "business_id": caller.business_id})
    if row is None:
        raise UnknownUid("staff_id", "Invalid staff_id")
    return row[0]["id"]  # type: ignore[no-any-return]


def _find_conversation(
    connection: sa.Connection, caller: Caller, client: Row, uid: str | None
) -> Row | None:
    """Return the conversation that a uid names, or else the client's latest one, or None."""
    if uid is not None:
        return get_conversation(connection, uid, caller, "conversation_uid").conversation
    latest = list_client_conversations(connection, caller, client["id"], limit=1, offset=0)
    return latest[0].conversation if latest else None
