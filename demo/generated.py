"""Many generated conversations and messages, to see how the server does with them."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import click
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import joinedload

from models import (
    Client,
    Collaborator,
    Conversation,
    Direction,
    FollowUpState,
    Message,
    Staff,
    db,
    write_transaction,
)

BATCH = 10_000  # conversations or messages that are written at once; in between, others may write
FIRST_NAMES = "Adi Ben Chen Dana Eitan Gal Hila Ido Lior Maya Noam Omer Rina Shir Tal Yael".split()
LAST_NAMES = "Amir Bar Cohen Dagan Eldar Golan Harel Katz Levi Mor Navon Oren Peled Segal".split()
REQUEST = "Is there an appointment next week, before work if possible?"
ANSWER = "There is: Tuesday at 7:30. Shall I put you down for it?"

# Rows name what they belong to by its uid, so that no id has to be known.
_client_id = select(Client.id).where(Client.uid == bindparam("client_uid"))
_conversation_id = select(Conversation.id).where(Conversation.uid == bindparam("conversation_uid"))
ADD_CONVERSATIONS = insert(Conversation).values(client_id=_client_id.scalar_subquery())
ADD_MESSAGES = insert(Message).values(conversation_id=_conversation_id.scalar_subquery())
ADD_COLLABORATORS = insert(Collaborator).values(conversation_id=_conversation_id.scalar_subquery())


def add_conversations(total: int) -> None:
    """Add conversations of two messages to the first business, until it has a total of them."""
    staff = _first_staff()
    now = staff.business.now()
    of_business = Conversation.business_id == staff.business_id
    start = db.session.scalar(select(func.count()).where(of_business)) or 0
    with click.progressbar(length=max(total - start, 0), label="Conversations") as bar:
        for first in range(start, total, BATCH):
            numbers = range(first, total)[:BATCH]
            times = [now - timedelta(minutes=number % 500_000) for number in numbers]
            batch = list(zip(numbers, times, strict=True))
            with write_transaction():
                execute = db.session.connection().execute
                execute(insert(Client), [_client(staff, *each) for each in batch])
                execute(ADD_CONVERSATIONS, [_conversation(staff, *each) for each in batch])
                execute(ADD_MESSAGES, [_request(*each) for each in batch])
                execute(ADD_MESSAGES, [_answer(staff, *each) for each in batch])
                execute(ADD_COLLABORATORS, [_follow_up(staff, *each) for each in batch[::10]])
            bar.update(len(batch))


def add_messages(total: int) -> None:
    """Add messages of the client to the first conversation, until it has a total of them."""
    staff = _first_staff()
    conversation = db.session.scalars(
        select(Conversation)
        .where(Conversation.business_id == staff.business_id)
        .order_by(Conversation.id)
        .limit(1)
    ).one()
    left = max(total - conversation.message_count, 0)
    with click.progressbar(length=left, label="Messages") as bar:
        for first in range(0, left, BATCH):
            size = min(BATCH, left - first)
            with write_transaction():
                db.session.refresh(conversation)
                now = staff.business.now()
                for _ in range(size):
                    db.session.add(
                        conversation.add_message(
                            Direction.CLIENT_TO_BUSINESS, REQUEST, now, channels=["email"]
                        )
                    )
            bar.update(size)


def _client(staff: Staff, number: int, time: datetime) -> dict[str, Any]:
    first_name = FIRST_NAMES[number % len(FIRST_NAMES)]
    return {
        "uid": _uid("client", number),
        "business_id": staff.business_id,
        "first_name": first_name,
        "last_name": LAST_NAMES[number % len(LAST_NAMES)],
        "email": f"{first_name.lower()}{number}@example.com",
        "phone": "",
        "spam": False,
        "created_at": time,
    }


def _conversation(staff: Staff, number: int, time: datetime) -> dict[str, Any]:
    return {
        "uid": _uid("conversation", number),
        "client_uid": _uid("client", number),
        "business_id": staff.business_id,
        "staff_id": staff.id,
        "title": f"Appointment {number:,}",
        "archived": number % 8 == 0,
        "business_unread": number % 3 == 0,
        "channel_uid": _uid("channel", number),
        "message_count": 2,
        "sent": True,
        "received": True,
        "client_unread": True,
        "last_client_action_at": time - timedelta(minutes=20),
        "last_user_action_at": time,
        "created_at": time - timedelta(minutes=20),
        "updated_at": time,
    }


def _request(number: int, time: datetime) -> dict[str, Any]:
    return _message("request", number, time - timedelta(minutes=20)) | {
        "direction": Direction.CLIENT_TO_BUSINESS,
        "text": REQUEST,
        "staff_id": None,
    }


def _answer(staff: Staff, number: int, time: datetime) -> dict[str, Any]:
    return _message("answer", number, time) | {
        "direction": Direction.BUSINESS_TO_CLIENT,
        "text": ANSWER,
        "staff_id": staff.id,
    }


def _message(kind: str, number: int, time: datetime) -> dict[str, Any]:
    return {
        "uid": _uid(kind, number),
        "conversation_uid": _uid("conversation", number),
        "title": f"Appointment {number:,}",
        "channels": ["email"],
        "created_at": time,
        "updated_at": time,
    }


def _follow_up(staff: Staff, number: int, time: datetime) -> dict[str, Any]:
    return {
        "conversation_uid": _uid("conversation", number),
        "staff_id": staff.id,
        "follow_up_state": FollowUpState.ACTIVE,
        "follow_up_date": time + timedelta(days=400),
        "follow_up_message": "Ask whether it suits",
    }


def _first_staff() -> Staff:
    return db.session.scalars(
        select(Staff).options(joinedload(Staff.business)).order_by(Staff.id).limit(1)
    ).one()


def _uid(kind: str, number: int) -> str:
    return sha256(f"generated {kind} {number}".encode()).hexdigest()[:16]
