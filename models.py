"""The tables. Rows are dictionaries of their columns; `new_row` returns one."""

import secrets
import string
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import Grouping

from database.column_types import FrozenJSON, Uid
from database.connections import Base
from database.statements import Row

UID_CHARACTERS = string.ascii_lowercase + string.digits
DEFAULT_SANDBOX = "default"
# An id is never used again, so a request that waited can't write to the row of another sandbox.
NO_ID_REUSE = {"sqlite_autoincrement": True}
# A row is deleted with the row it refers to. Each reference leads an index: without one, a deletion
# would read the full table (71 times as slow as a GET with 400 sandboxes, instead of 2 times).
Reference = partial(ForeignKey, ondelete="CASCADE")
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite has 64-bit INTEGERs


class Access(StrEnum):
    """Which conversations a staff member may see and change: all, or assigned and shared ones."""

    ALL = "all"
    ASSIGNED = "assigned"


class TokenKind(StrEnum):
    """The kinds of access tokens; only `staff` names a staff member."""

    STAFF = "staff"
    DIRECTORY = "directory"


class FollowUpState(StrEnum):
    """The state of a follow-up."""

    NONE = "none"
    ACTIVE = "active"
    REMOVED = "removed"
    COMPLETED = "completed"


class Direction(StrEnum):
    """The sender and the recipient of a message."""

    CLIENT_TO_BUSINESS = "client_to_business"
    BUSINESS_TO_CLIENT = "business_to_client"
    INTERNAL = "internal"


class Sandbox(Base):
    """A private copy of all the data, with its own clock, fault rules and request journal."""

    __tablename__ = "sandbox"
    __table_args__ = NO_ID_REUSE

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Uid, unique=True)
    frozen_at: Mapped[datetime | None]  # its time; null while its clock is running
    fault_rules: Mapped[list[Row]] = mapped_column(FrozenJSON, default=[])  # `fault_rules.py`
    generation: Mapped[int] = mapped_column(sa.BigInteger)  # random (`clear_journal`)
    revision: Mapped[int] = mapped_column(sa.BigInteger)  # grows with each admin change
    last_used_at: Mapped[datetime]  # real time, to the minute


class Business(Base):
    """A tenant of vcita's, in one sandbox."""

    __tablename__ = "business"
    __table_args__ = (UniqueConstraint("sandbox_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    sandbox_id: Mapped[int] = mapped_column(Reference("sandbox.id"))
    uid: Mapped[str] = mapped_column(Uid)
    position: Mapped[int]  # among those of the sandbox, as its state has them
    name: Mapped[str]
    time_zone: Mapped[str]  # an IANA name


class StaffMember(Base):
    """A person who works for a business."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("business_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = mapped_column(Uid)
    position: Mapped[int]  # among those of the business, as the state has them
    full_name: Mapped[str]
    display_name: Mapped[str]
    email: Mapped[str]
    access: Mapped[Access]


class AccessToken(Base):
    """A bearer token, of which only the digest is stored."""

    __tablename__ = "access_token"
    __table_args__ = (
        UniqueConstraint("sandbox_id", "digest"),
        sa.CheckConstraint("(kind = 'staff') = (staff_id IS NOT NULL)", name="staff_token"),
        NO_ID_REUSE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sandbox_id: Mapped[int] = mapped_column(Reference("sandbox.id"))
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256, in hexadecimal
    kind: Mapped[TokenKind]
    staff_id: Mapped[int | None] = mapped_column(Reference("staff.id"), index=True)
    expires_at: Mapped[datetime | None]


class Client(Base):
    """A customer of a business, with whom it has conversations."""

    __tablename__ = "client"
    __table_args__ = (UniqueConstraint("business_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = mapped_column(Uid)
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    spam: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class Conversation(Base):
    """The thread between a business and one of its clients."""

    __tablename__ = "conversation"
    __table_args__ = (UniqueConstraint("business_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = mapped_column(Uid)
    client_id: Mapped[int] = mapped_column(Reference("client.id"), index=True)
    staff_id: Mapped[int] = mapped_column(Reference("staff.id"), index=True)  # assigned to it
    # Not a Reference: SQLite cascades through at most 1,000 levels, and a chain of merges has more.
    merged_into_id: Mapped[int | None] = mapped_column(
        ForeignKey("conversation.id", ondelete="SET NULL"), index=True
    )
    title: Mapped[str]
    archived: Mapped[bool] = mapped_column(default=False)
    spam: Mapped[bool] = mapped_column(default=False)
    deleted_at: Mapped[datetime | None]
    business_unread: Mapped[bool] = mapped_column(default=False)
    client_unread: Mapped[bool] = mapped_column(default=False)
    mobile: Mapped[bool] = mapped_column(default=False)
    campaign: Mapped[str | None] = mapped_column(String(255))
    source: Mapped[str | None]
    source_data: Mapped[dict[str, Any]] = mapped_column(default={})
    source_type: Mapped[str | None] = mapped_column(String(255))
    sourceable_type: Mapped[str | None]
    sourceable_id: Mapped[str | None]
    matter_uid: Mapped[str | None]
    matter_title: Mapped[str | None]
    matter_searchable: Mapped[bool] = mapped_column(default=True)
    channel_uid: Mapped[str]
    message_count: Mapped[int] = mapped_column(default=0)
    sent: Mapped[bool] = mapped_column(default=False)
    received: Mapped[bool] = mapped_column(default=False)
    last_user_action_at: Mapped[datetime | None]
    last_client_action_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


# The later of the two actions. An index has it, so that a folder is read in this order.
LATEST_ACTION = sa.case(
    (
        Conversation.last_client_action_at > Conversation.last_user_action_at,
        Conversation.last_client_action_at,
    ),
    else_=sa.func.coalesce(Conversation.last_user_action_at, Conversation.last_client_action_at),
)
LATEST_FIRST = (LATEST_ACTION.desc().nulls_last(), Conversation.uid)
# SQLite puts nulls last where it descends, and its indexes take no NULLS LAST; PostgreSQL needs it.
for _kind, _action in {
    "sqlite": Grouping(LATEST_ACTION).desc(),
    "postgresql": Grouping(LATEST_ACTION).desc().nulls_last(),
}.items():
    Index("conversation_order", Conversation.business_id, _action, Conversation.uid).ddl_if(_kind)


class Collaborator(Base):
    """A staff member on a conversation, with that staff member's follow-up."""

    __tablename__ = "collaborator"

    conversation_id: Mapped[int] = mapped_column(Reference("conversation.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Reference("staff.id"), primary_key=True, index=True)
    follow_up_state: Mapped[FollowUpState] = mapped_column(default=FollowUpState.NONE)
    follow_up_date: Mapped[datetime | None]
    follow_up_message: Mapped[str] = mapped_column(sa.Text, default="")
    unread: Mapped[bool] = mapped_column(default=False)


class Message(Base):
    """A line in a conversation."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("business_id", "uid"),
        Index("message_order", "conversation_id", "id"),
        NO_ID_REUSE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = mapped_column(Uid)
    conversation_id: Mapped[int] = mapped_column(Reference("conversation.id"))
    staff_id: Mapped[int | None] = mapped_column(Reference("staff.id"), index=True)  # who sent it
    direction: Mapped[Direction]
    title: Mapped[str]
    text: Mapped[str] = mapped_column(sa.Text)
    channels: Mapped[list[str]] = mapped_column(default=[])
    mail_read: Mapped[bool] = mapped_column(default=False)
    was_read: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class JournalEntry(Base):
    """A request that was made in a sandbox, and its response."""

    __tablename__ = "journal_entry"
    __table_args__ = (Index("journal_order", "sandbox_id", "id"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)  # in the order of storing
    sandbox_id: Mapped[int] = mapped_column(Reference("sandbox.id"))
    time: Mapped[datetime]  # real time when the request began
    status: Mapped[int]
    user_agent: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    query: Mapped[str]
    microseconds: Mapped[int] = mapped_column(sa.BigInteger)  # until the response
    staff_uid: Mapped[str | None]
    ignored: Mapped[str]  # names with commas between them
    changed: Mapped[str]  # likewise
    error: Mapped[str | None]
    body: Mapped[str | None]


def new_row(model: type[Base], **values: Any) -> Row:
    """Return a new row without an id: these values, and the defaults of the other columns."""
    columns = [column for column in model.__table__.columns if column.key != "id"]
    return {column.key: column.default and column.default.arg for column in columns} | values


def new_uid() -> str:
    """Return a random uid in vcita's form."""
    return "".join(secrets.choice(UID_CHARACTERS) for _ in range(16))
