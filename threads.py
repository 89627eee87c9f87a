"""A conversation as one staff has it: how it is found, and what a request may change of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import aliased, contains_eager

from models import (
    Base,
    Collaborator,
    Conversation,
    Direction,
    Message,
    Staff,
    db,
)

Changes = dict[str, Any]  # the keys that a request has, with the values that the schema loaded


@dataclass
class Thread:
    """A conversation as one staff has it at one moment."""

    conversation: Conversation
    staff: Staff
    collaborator: Collaborator | None  # this staff's, never another's
    last_message: Message | None
    now: datetime

    @property
    def follow_up(self) -> bool:
        """Say whether this staff has an active follow-up here."""
        return self.collaborator is not None and self.collaborator.has_follow_up

    @property
    def follow_up_date(self) -> datetime | None:
        """Return when this staff's active follow-up is due, or None."""
        return self.collaborator.follow_up_date if self.collaborator and self.follow_up else None

    @property
    def follow_up_message(self) -> str:
        """Return the message of this staff's active follow-up, or an empty text."""
        return self.collaborator.follow_up_message if self.collaborator and self.follow_up else ""

    def add_collaborator(self) -> Collaborator:
        """Make the staff a collaborator on the conversation."""
        self.collaborator = Collaborator(staff_id=self.staff.id)
        self.conversation.collaborators.add(self.collaborator)
        return self.collaborator

    def add_internal_message(self, text: str) -> None:
        """Add a message from the staff that the client never sees."""
        self.last_message = self.conversation.add_message(
            Direction.INTERNAL, text, self.now, staff=self.staff
        )

    def list_messages(self, page: int, per_page: int, since: datetime | None) -> Sequence[Message]:
        """Return one page of the messages, oldest first; of those since a time if one is given."""
        values = {
            "conversation_id": self.conversation.id,
            "limit": per_page,
            "offset": (page - 1) * per_page,
        }
        if since is None:
            return db.session.scalars(MESSAGES, values).all()
        return db.session.scalars(RECENT_MESSAGES, values | {"since": since}).all()

    def set_permitted_keys(self, changes: Changes) -> None:
        """Set what the keys outside of the follow-up say; note the action, if anything changed.

        Call after the follow-up branch: what it changed is part of the action, and
        `business_unread`, which is no action, is written to the collaborator that it may have made.
        """
        conversation = self.conversation
        for key in ("archived", "campaign", "source_type", "mobile"):
            if key in changes:
                setattr(conversation, key, changes[key])
        if "spam" in changes:
            conversation.spam = conversation.client.spam = changes["spam"]
        if "deleted" in changes:
            conversation.deleted_at = (
                (conversation.deleted_at or self.now) if changes["deleted"] else None
            )
        if db.session.new or any(map(_is_changed, db.session.dirty)):
            conversation.last_user_action_at = self.now
        if "business_unread" in changes:
            conversation.business_unread = changes["business_unread"]
            if self.collaborator:
                self.collaborator.unread = changes["business_unread"]
        if _is_changed(conversation):
            conversation.updated_at = self.now


def _is_changed(row: Base) -> bool:
    """Say whether a row's columns differ from what is stored."""
    return db.session.is_modified(row, include_collections=False)


# From a uid along its merges to the target. UNION drops what it has met, so that a cycle ends.
_chain = (
    select(Conversation.id, Conversation.merged_into_id)
    .where(Conversation.uid == bindparam("uid"))
    .where(Conversation.business_id == bindparam("business_id"))
    .cte("chain", recursive=True)
)
_target = aliased(Conversation)
_chain = _chain.union(
    select(_target.id, _target.merged_into_id)
    .where(_target.id == _chain.c.merged_into_id)
    .where(_target.business_id == bindparam("business_id"))
)
_last_message = aliased(Message)
# Conversations as one staff has them, each with its client, assigned staff and latest message.
THREADS = (
    select(Conversation, Collaborator, _last_message)
    .join(Conversation.client)
    .join(Conversation.staff)
    .outerjoin(
        Collaborator,
        and_(
            Collaborator.conversation_id == Conversation.id,
            Collaborator.staff_id == bindparam("staff_id"),
        ),
    )
    .outerjoin(
        _last_message,
        _last_message.id
        == select(func.max(Message.id))
        .where(Message.conversation_id == Conversation.id)
        .scalar_subquery(),
    )
    .options(contains_eager(Conversation.client), contains_eager(Conversation.staff))
)
THREAD = THREADS.where(
    Conversation.id
    == select(_chain.c.id).where(_chain.c.merged_into_id.is_(None)).scalar_subquery()
)

MESSAGES = (
    select(Message)
    .outerjoin(Message.staff)
    .where(Message.conversation_id == bindparam("conversation_id"))
    .order_by(Message.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
    .options(contains_eager(Message.staff))
)
RECENT_MESSAGES = MESSAGES.where(Message.updated_at >= bindparam("since"))


def find_thread(uid: str, staff: Staff) -> Thread | None:
    """Return the conversation that a uid leads to, as a staff of its business has it.

    A merged conversation leads to its target, however long the chain. None if nothing of that uid
    is the business's, or if the chain ends nowhere.
    """
    row = db.session.execute(
        THREAD, {"uid": uid, "business_id": staff.business_id, "staff_id": staff.id}
    ).one_or_none()
    return row and Thread(row[0], staff, row[1], row[2], staff.business.now())
