"""The tables. Rows are dictionaries of their columns (`new_row`)."""

import secrets
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column
from sqlalchemy.sql.elements import Grouping

from database.column_types import Uid
from database.connections import Base
from database.statements import Row

DEFAULT_SANDBOX = "default"
# Ids are never reused, so a request that waited can't write to the row of another sandbox.
NO_ID_REUSE = {"sqlite_autoincrement": True}
# A row is deleted with the row it refers to. Each reference leads an index: without one, a deletion
# would read the full table (71 times as slow as a GET with 400 sandboxes, instead of 2 times).
Reference = partial(ForeignKey, ondelete="CASCADE")
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite has 64-bit INTEGERs
# PostgreSQL may limit bytes; SQLite chooses indexes by the width of rows.
Text255 = String(255).with_variant(sa.Text, "postgresql")
utc = partial(datetime, tzinfo=UTC)  # of examples


def shown(doc: str, example: Any, *kind: Any, **options: Any) -> MappedColumn[Any]:
    """Return a column with the description and example of its fields."""
    return mapped_column(*kind, doc=doc, info={"example": example}, **options)


class Access(StrEnum):
    """The conversations that a staff member may see: all, or only assigned and shared ones."""

    ALL = "all"
    ASSIGNED = "assigned"


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
    fault_rules: Mapped[list[Row]] = mapped_column(sa.JSON, default=[])  # `FaultRuleSchema`
    generation: Mapped[int] = mapped_column(sa.BigInteger)  # random (`clear_journal`)
    revision: Mapped[int] = mapped_column(sa.BigInteger)  # grows with each admin change
    last_used_at: Mapped[datetime]  # real time, to the minute
    state_size: Mapped[int] = mapped_column(default=0)  # bytes of its state in JSON, at most


class Business(Base):
    """A tenant of vcita, in one sandbox."""

    __tablename__ = "business"
    __table_args__ = (UniqueConstraint("sandbox_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    sandbox_id: Mapped[int] = mapped_column(Reference("sandbox.id"))
    uid: Mapped[str] = shown("The business's uid.", "4bq7ahdt1mfc0zkw", Uid)
    position: Mapped[int]  # the order in the sandbox's state
    name: Mapped[str] = shown("The business's name.", "Almog Physiotherapy")
    time_zone: Mapped[str] = shown("The IANA name of its time zone.", "Asia/Jerusalem")


class StaffMember(Base):
    """A person who works for a business."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("business_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = shown("The staff member's uid.", "5ya4gbwm2c3qoic8", Uid)
    position: Mapped[int]  # the order in the business's state
    full_name: Mapped[str] = shown("The full name.", "Ram Almog")
    display_name: Mapped[str] = shown("The name to display.", "Ram Almog")
    email: Mapped[str] = shown("The email address.", "ram@physiotherapy.example")
    access: Mapped[Access] = shown(
        "`all`: sees all conversations; `assigned`: only assigned and shared ones.", "all"
    )


class AccessToken(Base):
    """A bearer token, stored as a digest."""

    __tablename__ = "access_token"
    __table_args__ = (UniqueConstraint("sandbox_id", "digest"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    sandbox_id: Mapped[int] = mapped_column(Reference("sandbox.id"))
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256, in hexadecimal
    # Null for a directory token, which belongs to no staff member.
    staff_id: Mapped[int | None] = mapped_column(Reference("staff.id"), index=True)
    expires_at: Mapped[datetime | None]


class Client(Base):
    """A customer of a business."""

    __tablename__ = "client"
    __table_args__ = (UniqueConstraint("business_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = shown("The client's uid.", "affc25e71f6bd5cc", Uid)
    first_name: Mapped[str] = shown("The first name.", "Jane")
    last_name: Mapped[str] = shown("The last name, or an empty string.", "Smith")
    email: Mapped[str] = shown("The email address.", "jane@example.com")
    phone: Mapped[str] = shown("The phone number, or an empty string.", "+972-51-612-8667")
    spam: Mapped[bool] = shown("Whether the client is marked as spam.", False, default=False)
    created_at: Mapped[datetime] = shown("When the client was added.", utc(2026, 3, 6, 7, 30))


class Conversation(Base):
    """The thread between a business and one of its clients."""

    __tablename__ = "conversation"
    __table_args__ = (UniqueConstraint("business_id", "uid"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = shown("The conversation's uid.", "89m2pnabgozdvd9f", Uid)
    client_id: Mapped[int] = mapped_column(Reference("client.id"), index=True)
    staff_id: Mapped[int] = mapped_column(Reference("staff.id"), index=True)  # assigned to it
    # Not a Reference: SQLite cascades through at most 1,000 levels, and a chain of merges has more.
    merged_into_id: Mapped[int | None] = mapped_column(
        ForeignKey("conversation.id", ondelete="SET NULL"), index=True
    )
    title: Mapped[str] = shown("The title. Default: the client's name.", "Jane Smith")
    archived: Mapped[bool] = shown("Whether it is archived.", False, default=False)
    spam: Mapped[bool] = shown("Whether it is marked as spam.", False, default=False)
    deleted_at: Mapped[datetime | None] = shown("When it was soft-deleted, or null.", None)
    business_unread: Mapped[bool] = shown(
        "Whether it is unread for the business.", True, default=False
    )
    client_unread: Mapped[bool] = shown(
        "Whether it is unread for the client.", False, default=False
    )
    mobile: Mapped[bool] = shown("Whether it came from a mobile device.", False, default=False)
    campaign: Mapped[str | None] = shown("The campaign's name, stored as sent.", "spring", Text255)
    source: Mapped[str | None] = shown("The source.", "https://almog-physio.example/contact")
    source_data: Mapped[dict[str, Any]] = shown(
        "Metadata of the source.", {"page": "Contact", "form": "Ask us anything"}, default={}
    )
    source_type: Mapped[str | None] = shown("The type of the source.", "contact_form", Text255)
    sourceable_type: Mapped[str | None] = shown("The type of the record that it began with.", None)
    sourceable_id: Mapped[str | None] = shown("The uid of the record that it began with.", None)
    matter_uid: Mapped[str | None]
    matter_title: Mapped[str | None]
    matter_searchable: Mapped[bool] = shown("Whether the matter is searchable.", True, default=True)
    channel_uid: Mapped[str] = shown("The conversation's channel.", "0c7ad9d7ffdce338")
    message_count: Mapped[int] = shown("The number of all messages.", 7, default=0)
    sent: Mapped[bool] = shown("Whether the business wrote to the client.", True, default=False)
    received: Mapped[bool] = shown("Whether the client wrote to the business.", True, default=False)
    last_user_action_at: Mapped[datetime | None] = shown(
        "The time of the business's last message or change.", utc(2026, 5, 5, 7, 30)
    )
    last_client_action_at: Mapped[datetime | None] = shown(
        "The time of the client's last message.", utc(2026, 5, 5, 5, 18)
    )
    created_at: Mapped[datetime] = shown("When the conversation began.", utc(2026, 5, 2, 3, 30))
    updated_at: Mapped[datetime] = shown("When it last changed.", utc(2026, 5, 5, 7, 30))


# The later of the two actions. An index has it, so that folders are read in this order.
LATEST_ACTION = sa.case(
    (
        Conversation.last_client_action_at > Conversation.last_user_action_at,
        Conversation.last_client_action_at,
    ),
    else_=sa.func.coalesce(Conversation.last_user_action_at, Conversation.last_client_action_at),
)
LATEST_FIRST = (LATEST_ACTION.desc().nulls_last(), Conversation.uid)
IS_KEPT = Conversation.deleted_at.is_(None)
# Folders that may be small have an index of their own conversations.
INDEXED_FOLDERS = {
    "inbox": sa.and_(IS_KEPT, ~Conversation.archived, ~Conversation.spam),
    "archived": sa.and_(IS_KEPT, Conversation.archived),
    "trash": ~IS_KEPT,
}
_latest = Grouping(LATEST_ACTION).desc()  # SQLite allows no NULLS LAST here, and needs none
_order = (Conversation.business_id, _latest, Conversation.uid)
Index("conversation_order", *_order, Conversation.merged_into_id).ddl_if("sqlite")
for _name, _folder in INDEXED_FOLDERS.items():
    _where = sa.and_(Conversation.merged_into_id.is_(None), _folder)
    Index(f"conversation_{_name}", *_order, sqlite_where=_where).ddl_if("sqlite")
# PostgreSQL estimates the sizes. `postgresql_where` would load its dialect at every start.
_last = (_latest.nulls_last(), Conversation.uid)
for _name, _columns in {"order": _last, "archived": (Conversation.archived, *_last)}.items():
    Index(f"conversation_{_name}", Conversation.business_id, *_columns).ddl_if("postgresql")
Index("conversation_trash", Conversation.business_id, Conversation.deleted_at).ddl_if("postgresql")


class Collaborator(Base):
    """A staff member on a conversation, with their follow-up."""

    __tablename__ = "collaborator"
    __table_args__ = (
        Index("collaborator_follow_up", "staff_id", "follow_up_state", "conversation_id"),
    )

    conversation_id: Mapped[int] = mapped_column(Reference("conversation.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Reference("staff.id"), primary_key=True)
    follow_up_state: Mapped[FollowUpState] = shown(
        "The state of their follow-up.", FollowUpState.ACTIVE, default=FollowUpState.NONE
    )
    follow_up_date: Mapped[datetime | None] = shown(
        "When an active follow-up is due, or null.", utc(2030, 5, 6, 10, 31, 21)
    )
    follow_up_message: Mapped[str] = shown(
        "The reminder's text; empty without an active follow-up.",
        "call back about pricing",
        sa.Text,
        default="",
    )
    unread: Mapped[bool] = shown("Whether it is unread for them.", False, default=False)


class Message(Base):
    """A message in a conversation."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("business_id", "uid"),
        Index("message_order", "conversation_id", "id", "updated_at"),
        NO_ID_REUSE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    business_id: Mapped[int] = mapped_column(Reference("business.id"))
    uid: Mapped[str] = shown("The message's uid.", "a2081062dc4e21cc", Uid)
    conversation_id: Mapped[int] = mapped_column(Reference("conversation.id"))
    staff_id: Mapped[int | None] = mapped_column(Reference("staff.id"), index=True)  # who sent it
    direction: Mapped[Direction] = shown(
        "The direction; `internal`: visible only to the business.", Direction.BUSINESS_TO_CLIENT
    )
    title: Mapped[str] = shown("The conversation's title when it was written.", "Jane Smith")
    text: Mapped[str] = shown(
        "The text.", "Hello Jane! We do, every week. Does it hurt on stairs, too?", sa.Text
    )
    channels: Mapped[list[str]] = shown("The channels; empty if internal.", ["email"], default=[])
    mail_read: Mapped[bool] = shown("Whether the mail was read.", False, default=False)
    was_read: Mapped[bool] = shown("Whether it was read.", False, default=False)
    created_at: Mapped[datetime] = shown("When it was written.", utc(2026, 5, 2, 4, 0))
    updated_at: Mapped[datetime] = shown("When it last changed.", utc(2026, 5, 2, 4, 0))


class JournalEntry(Base):
    """A recorded request in a sandbox, with the status of its response."""

    __tablename__ = "journal_entry"
    __table_args__ = (Index("journal_order", "sandbox_id", "time", "id"), NO_ID_REUSE)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)  # in the order of storing
    sandbox_id: Mapped[int] = mapped_column(Reference("sandbox.id"))
    time: Mapped[datetime]  # real time when the request began
    status: Mapped[int | None]  # of the response; null without one
    details: Mapped[dict[str, Any]]  # the other fields of `JournalEntrySchema`


def new_row(model: type[Base], **values: Any) -> Row:
    """Return a new row without an id, with these values and the defaults of the other columns."""
    return _find_defaults(model) | values


@cache
def _find_defaults(model: type[Base]) -> Row:
    columns = [column for column in model.__table__.columns if column.key != "id"]
    return {column.key: column.default and column.default.arg for column in columns}


def new_uid() -> str:
    """Return a random uid in vcita's form."""
    return secrets.token_hex(8)
