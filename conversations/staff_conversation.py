"""A conversation as one staff has it: how it is found, and what a request may change of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from database.statements import Connection, Query, Row, changes, connection, relate, remember
from models import Base, Client, Collaborator, Conversation, Direction, Message, Staff

Changes = dict[str, Any]  # the keys that a request has, with the values that the schema loaded


@dataclass
class Thread:
    """A conversation as one staff has it at one moment."""

    conversation: Conversation
    staff: Staff
    collaborator: Collaborator | None  # this staff's, never another's
    last_message: Message | None
    now: datetime
    added: list[Base] = field(default_factory=list)  # what no row is stored of yet

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
        self.collaborator = Collaborator(
            conversation_id=self.conversation.id, staff_id=self.staff.id
        )
        self.added.append(self.collaborator)
        return self.collaborator

    def add_internal_message(self, text: str) -> None:
        """Add a message from the staff that the client never sees."""
        self.last_message = self.conversation.add_message(
            Direction.INTERNAL, text, self.now, staff=self.staff
        )
        self.added.append(self.last_message)

    def list_messages(self, page: int, per_page: int, since: datetime | None) -> list[Message]:
        """Return one page of the messages, oldest first; of those since a time if one is given."""
        values = {
            "conversation_id": self.conversation.id,
            "limit": per_page,
            "offset": (page - 1) * per_page,
            "since": since,
        }
        rows = connection().all(MESSAGES if since is None else RECENT_MESSAGES, values)
        for message, staff in rows:
            relate(message, conversation=self.conversation, staff=staff)
        return [message for message, _staff in rows]

    def set_permitted_keys(self, keys: Changes) -> None:
        """Set what the keys outside of the follow-up say; note the action, if anything changed.

        Call after the follow-up branch: what it changed is part of the action, and
        `business_unread`, which is no action, is written to the collaborator that it may have made.
        """
        conversation = self.conversation
        for key in ("archived", "campaign", "source_type", "mobile"):
            if key in keys:
                setattr(conversation, key, keys[key])
        if "spam" in keys:
            conversation.spam = conversation.client.spam = keys["spam"]
        if "deleted" in keys:
            conversation.deleted_at = (
                (conversation.deleted_at or self.now) if keys["deleted"] else None
            )
        if self.added or any(map(changes, self._stored())):
            conversation.last_user_action_at = self.now
        if "business_unread" in keys:
            conversation.business_unread = keys["business_unread"]
            if self.collaborator:
                self.collaborator.unread = keys["business_unread"]
        if changes(conversation):
            conversation.updated_at = self.now

    def store(self, writer: Connection) -> None:
        """Write what was added and what was changed."""
        for model in self._stored():
            writer.write_changes(model)
        for model in self.added:
            writer.add(model)

    def _stored(self) -> list[Base]:
        models = [self.conversation, self.conversation.client, self.collaborator]
        return [model for model in models if model and model not in self.added]


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
# What a list shows of conversations and clients.
_LISTED = (
    Conversation.id,
    Conversation.uid,
    Conversation.client_id,
    Conversation.title,
    Conversation.archived,
    Conversation.spam,
    Conversation.deleted_at,
    Conversation.business_unread,
    Conversation.client_unread,
    Conversation.matter_uid,
    Conversation.matter_title,
    Conversation.matter_searchable,
    Conversation.message_count,
    Conversation.sent,
    Conversation.received,
    Conversation.last_user_action_at,
    Conversation.last_client_action_at,
    Conversation.created_at,
    Conversation.updated_at,
    Client.id,
    Client.uid,
    Client.first_name,
    Client.last_name,
    Client.email,
)
_last_message = aliased(Message)


def _select_threads(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Return a select of conversations as one staff has them, with columns of the first two."""
    return (
        select(
            *columns,
            *(Staff.id, Staff.uid, Staff.display_name),
            Collaborator,
            *(_last_message.id, _last_message.title, _last_message.text, _last_message.direction),
        )
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
    )


THREADS = _select_threads(*_LISTED)
THREAD = Query(
    _select_threads(Conversation, Client).where(
        Conversation.id
        == select(_chain.c.id).where(_chain.c.merged_into_id.is_(None)).scalar_subquery()
    )
)

_messages = (
    select(Message, Staff)
    .outerjoin(Message.staff)
    .where(Message.conversation_id == bindparam("conversation_id"))
    .order_by(Message.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset", type_=BigInteger))
)
MESSAGES = Query(_messages)
RECENT_MESSAGES = Query(_messages.where(Message.updated_at >= bindparam("since")))


def find_thread(uid: str, staff: Staff) -> Thread | None:
    """Return the conversation that a uid leads to, as a staff of its business has it.

    A merged conversation leads to its target, however long the chain. None if nothing of that uid
    is the business's, or if the chain ends nowhere.
    """
    row = connection().first(
        THREAD, {"uid": uid, "business_id": staff.business_id, "staff_id": staff.id}
    )
    if row is None:
        return None
    conversation, client, _, collaborator, _ = row
    remember(conversation, client, collaborator)
    return make_thread(row, staff, staff.business.now())


def make_thread(row: Row, staff: Staff, now: datetime) -> Thread:
    """Return the thread that a row of THREADS holds."""
    conversation, client, assigned, collaborator, last_message = row
    relate(conversation, business=staff.business, client=client, staff=assigned)
    return Thread(conversation, staff, collaborator, last_message, now)
