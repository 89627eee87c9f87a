"""What POST /platform/v1/messages does: which client, which conversation, which sender."""

from typing import Any

from marshmallow import ValidationError
from sqlalchemy import bindparam, select

from auth import check_access
from errors import UnknownUid
from inbox import list_of_client
from models import Client, Conversation, Direction, Message, Staff, db, new_uid
from threads import find_thread

CLIENT = (
    select(Client)
    .where(Client.uid == bindparam("uid"))
    .where(Client.business_id == bindparam("business_id"))
)
STAFF = (
    select(Staff)
    .where(Staff.uid == bindparam("uid"))
    .where(Staff.business_id == bindparam("business_id"))
)
DEFAULT_CHANNELS = "email,sms"  # the vendor sends to all


def add_message(keys: dict[str, Any], staff: Staff) -> Message:
    """Add the message that the keys describe, on behalf of a staff; return it.

    Raises the refusals of an unknown client, conversation or sender, of a conversation that the
    staff may not touch, and of one with another client.
    """
    client = find_client(keys["client_id"], staff)
    sender = _find_sender(keys.get("staff_id"), staff)
    conversation = _find_conversation(keys.get("conversation_uid"), client, staff)
    if conversation is None:
        conversation = _add_conversation(keys.get("conversation_title"), client, staff)
    direction = Direction(keys["direction"])
    is_from_client = direction is Direction.CLIENT_TO_BUSINESS
    channels = "email" if is_from_client else keys.get("channels") or DEFAULT_CHANNELS
    return conversation.add_message(
        direction,
        keys["text"],
        staff.business.now(),
        staff=None if is_from_client else sender,
        channels=[name.strip() for name in channels.split(",") if name.strip()],
    )


def find_client(uid: str, staff: Staff) -> Client:
    """Return a client of a staff's business; refuse an unknown one with 404."""
    client = db.session.scalar(CLIENT, {"uid": uid, "business_id": staff.business_id})
    if client is None:
        raise UnknownUid("client_id", "Invalid client_id")
    return client


def _find_sender(uid: str | None, staff: Staff) -> Staff:
    if uid is None:
        return staff
    sender = db.session.scalar(STAFF, {"uid": uid, "business_id": staff.business_id})
    if sender is None:
        raise UnknownUid("staff_id", "Invalid staff_id")
    return sender


def _find_conversation(uid: str | None, client: Client, staff: Staff) -> Conversation | None:
    """Return the conversation that is named, or else the client's latest one, if there is one."""
    if uid is None:
        latest = list_of_client(staff, client, page=1, per_page=1)
        return latest[0].conversation if latest else None
    thread = find_thread(uid, staff)
    if thread is None:
        raise UnknownUid("conversation_uid", "Invalid conversation_uid")
    check_access(thread)
    if thread.conversation.client_id != client.id:
        raise ValidationError(
            {"conversation_uid": ["The conversation is with another client: send one of theirs."]}
        )
    return thread.conversation


def _add_conversation(title: str | None, client: Client, staff: Staff) -> Conversation:
    now = staff.business.now()
    conversation = Conversation(
        uid=new_uid(),
        business_id=staff.business_id,
        client=client,
        staff_id=staff.id,
        title=title or client.display_name,
        channel_uid=new_uid(),
        created_at=now,
        updated_at=now,
    )
    db.session.add(conversation)
    return conversation
