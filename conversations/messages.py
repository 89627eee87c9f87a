"""What POST /platform/v1/messages does: which client, which conversation, which sender."""

from typing import Any

from marshmallow import ValidationError
from sqlalchemy import bindparam, select

from conversations.folders import list_of_client
from database.statements import Query, connection, relate, remember
from models import Client, Conversation, Direction, Message, Staff, new_uid
from web.auth import open_thread
from web.errors import UnknownUid

CLIENT = Query(
    select(Client)
    .where(Client.uid == bindparam("uid"))
    .where(Client.business_id == bindparam("business_id"))
)
STAFF = Query(
    select(Staff)
    .where(Staff.uid == bindparam("uid"))
    .where(Staff.business_id == bindparam("business_id"))
)
ALL_CHANNELS = ["email", "sms"]  # where the vendor sends to, unless told


def add_message(keys: dict[str, Any], staff: Staff) -> Message:
    """Add the message that the keys describe, on behalf of a staff; return it.

    Raises what `check_named` does, and ValidationError for a conversation with another client.
    """
    client = find_client(keys["client_id"], staff)
    sender = _find_sender(keys.get("staff_id"), staff)
    if keys.get("conversation_uid") is None:
        conversation = _find_latest_conversation(client, staff) or _new_conversation(
            keys.get("conversation_title"), client, staff
        )
    else:
        uid = keys["conversation_uid"]
        conversation = open_thread(uid, staff, "conversation_uid").conversation
    if conversation.client_id != client.id:
        raise ValidationError(
            {"conversation_uid": ["The conversation is with another client: send one of theirs."]}
        )
    direction = Direction(keys["direction"])
    is_from_client = direction is Direction.CLIENT_TO_BUSINESS
    channels = [name.strip() for name in (keys.get("channels") or "").split(",") if name.strip()]
    message = conversation.add_message(
        direction,
        keys["text"],
        staff.business.now(),
        staff=None if is_from_client else sender,
        channels=["email"] if is_from_client else channels or ALL_CHANNELS,
    )
    if conversation.id is None:
        connection().add(conversation)
    else:
        connection().write_changes(conversation)
    message.conversation_id = conversation.id
    connection().add(message)
    relate(message, conversation=conversation)
    return message


def check_named(keys: dict[str, Any], staff: Staff) -> None:
    """Refuse with 404 a uid in the keys that is unknown, with 403 a conversation that is closed."""
    if "client_id" in keys:
        find_client(keys["client_id"], staff)
    _find_sender(keys.get("staff_id"), staff)
    if keys.get("conversation_uid") is not None:
        open_thread(keys["conversation_uid"], staff, "conversation_uid")


def find_client(uid: str, staff: Staff) -> Client:
    """Return a client of a staff's business; refuse an unknown one with 404."""
    row = connection().first(CLIENT, {"uid": uid, "business_id": staff.business_id})
    if row is None:
        raise UnknownUid("client_id", "Invalid client_id")
    client: Client
    [client] = row
    return client


def _find_sender(uid: str | None, staff: Staff) -> Staff:
    if uid is None:
        return staff
    sender: Staff
    row = connection().first(STAFF, {"uid": uid, "business_id": staff.business_id})
    if row is None:
        raise UnknownUid("staff_id", "Invalid staff_id")
    [sender] = row
    return sender


def _find_latest_conversation(client: Client, staff: Staff) -> Conversation | None:
    for thread in list_of_client(staff, client, page=1, per_page=1):
        remember(thread.conversation)
        return thread.conversation
    return None


def _new_conversation(title: str | None, client: Client, staff: Staff) -> Conversation:
    now = staff.business.now()
    return Conversation(
        uid=new_uid(),
        business_id=staff.business_id,
        client_id=client.id,
        staff_id=staff.id,
        title=title or client.display_name,
        channel_uid=new_uid(),
        created_at=now,
        updated_at=now,
    )
