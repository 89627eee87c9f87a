"""The tables, their types, and the transaction that writes to them."""

import hashlib
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    registry,
    relationship,
)
from sqlalchemy.sql.elements import Grouping

from database.column_types import Uid, UTCDateTime

UID_CHARACTERS = string.ascii_lowercase + string.digits


class Access(StrEnum):
    """What a staff may touch: every conversation of the business, or their own."""

    ALL = "all"
    ASSIGNED = "assigned"


class TokenKind(StrEnum):
    STAFF = "staff"
    DIRECTORY = "directory"


class FollowUpState(StrEnum):
    NONE = "none"
    ACTIVE = "active"
    REMOVED = "removed"
    COMPLETED = "completed"


class Direction(StrEnum):
    CLIENT_TO_BUSINESS = "client_to_business"
    BUSINESS_TO_CLIENT = "business_to_client"
    INTERNAL = "internal"


def _construct(row: "Base", **values: Any) -> None:
    """Give a new row its columns' defaults at once, not only when it is written."""
    for column in row.__table__.columns:
        if column.default is not None and column.default.is_scalar:
            values.setdefault(column.key, column.default.arg)
    for name, value in values.items():
        setattr(row, name, value)


class Base(DeclarativeBase):
    registry = registry(
        constructor=_construct,
        type_annotation_map={
            datetime: UTCDateTime,
            dict[str, Any]: sa.JSON,
            list[str]: sa.JSON,
            StrEnum: sa.Enum(
                StrEnum,
                native_enum=False,
                create_constraint=True,
                values_callable=lambda kind: [member.value for member in kind],
            ),
        },
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False, "autoflush": False})


class Business(Base):
    __tablename__ = "business"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(Uid, unique=True)
    name: Mapped[str]
    time_zone: Mapped[str]  # an IANA name
    frozen_at: Mapped[datetime | None]

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone that this business reads its times in."""
        return ZoneInfo(self.time_zone)

    def now(self) -> datetime:
        """Return this business's time: its frozen time if it has one, else the real one."""
        return self.frozen_at or datetime.now(UTC)


class Staff(Base):
    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(Uid, unique=True)
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id"))
    full_name: Mapped[str]
    display_name: Mapped[str]
    email: Mapped[str]
    access: Mapped[Access]

    business: Mapped[Business] = relationship(lazy="raise_on_sql")


class AccessToken(Base):
    __tablename__ = "access_token"
    __table_args__ = (
        sa.CheckConstraint("(kind = 'staff') = (staff_id IS NOT NULL)", name="staff_token"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[TokenKind]
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    expires_at: Mapped[datetime | None]

    staff: Mapped[Staff | None] = relationship(lazy="raise_on_sql")

    @staticmethod
    def digest_of(token: str) -> str:
        """Return what is stored of a token: its SHA-256, in hexadecimal."""
        return hashlib.sha256(token.encode()).hexdigest()


class Client(Base):
    __tablename__ = "client"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(Uid, unique=True)
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id"))
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    spam: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    @property
    def display_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Matter(NamedTuple):
    """What a conversation is about, in the vendor's words."""

    uid: str
    title: str | None


class Conversation(Base):
    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(Uid, unique=True)
    business_id: Mapped[int] = mapped_column(ForeignKey("business.id"))
    client_id: Mapped[int] = mapped_column(ForeignKey("client.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("conversation.id"))
    title: Mapped[str]
    archived: Mapped[bool] = mapped_column(default=False)
    spam: Mapped[bool] = mapped_column(default=False)
    deleted_at: Mapped[datetime | None]
    business_unread: Mapped[bool] = mapped_column(default=False)
    client_unread: Mapped[bool] = mapped_column(default=False)
    mobile: Mapped[bool] = mapped_column(default=False)
    campaign: Mapped[str | None] = mapped_column(String(255))
    source: Mapped[str | None]
    source_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
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

    business: Mapped[Business] = relationship(lazy="raise_on_sql")
    client: Mapped[Client] = relationship(lazy="raise_on_sql")
    staff: Mapped[Staff] = relationship(lazy="raise_on_sql")

    @property
    def deep_link(self) -> str:
        """Return where the vendor's own front end shows the conversation."""
        return f"/app/conversations/{self.uid}"

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def source_type_h(self) -> str | None:
        """Return the source type as people read it: `Contact form`."""
        return self.source_type and self.source_type.replace("_", " ").capitalize()

    @property
    def has_matter(self) -> bool:
        return self.matter_uid is not None

    @property
    def matter(self) -> Matter | None:
        """Return the matter, or None where there is none."""
        return Matter(self.matter_uid, self.matter_title) if self.matter_uid is not None else None

    def add_message(
        self,
        direction: Direction,
        text: str,
        now: datetime,
        staff: Staff | None = None,
        channels: list[str] | None = None,
        uid: str | None = None,
    ) -> "Message":
        """Add a message as the latest one: its sender's action, and unread to the other side.

        A client's message brings the conversation back from the archive, an internal one is for
        the business only.
        """
        message = Message(
            uid=uid or new_uid(),
            conversation_id=self.id,
            direction=direction,
            text=text,
            title=self.title,
            staff_id=staff and staff.id,
            channels=channels or [],
            created_at=now,
            updated_at=now,
        )
        self.message_count += 1
        self.updated_at = now
        if direction is Direction.CLIENT_TO_BUSINESS:
            self.received = self.business_unread = True
            self.archived = self.client_unread = False
            self.last_client_action_at = now
        else:
            self.last_user_action_at = now
        if direction is Direction.BUSINESS_TO_CLIENT:
            self.sent = self.client_unread = True
        return message


# The later of the two actions. An index has it, so that an inbox is read in its order.
LATEST_ACTION = sa.case(
    (
        Conversation.last_client_action_at > Conversation.last_user_action_at,
        Conversation.last_client_action_at,
    ),
    else_=sa.func.coalesce(Conversation.last_user_action_at, Conversation.last_client_action_at),
)
ORDER = (LATEST_ACTION.desc().nulls_last(), Conversation.uid)
# SQLite has nulls last where it descends, and no words for it here; PostgreSQL wants parentheses.
for _kind, _action in {
    "sqlite": Grouping(LATEST_ACTION).desc(),
    "postgresql": Grouping(LATEST_ACTION).desc().nulls_last(),
}.items():
    sa.Index("conversation_order", Conversation.business_id, _action, Conversation.uid).ddl_if(
        _kind
    )


class Collaborator(Base):
    """One staff on one conversation; the follow-up of that staff lives here."""

    __tablename__ = "collaborator"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    follow_up_state: Mapped[FollowUpState] = mapped_column(default=FollowUpState.NONE)
    follow_up_date: Mapped[datetime | None]
    follow_up_message: Mapped[str] = mapped_column(sa.Text, default="")
    unread: Mapped[bool] = mapped_column(default=False)

    @property
    def has_follow_up(self) -> bool:
        """Say whether this staff's follow-up is active."""
        return self.follow_up_state is FollowUpState.ACTIVE


class Message(Base):
    __tablename__ = "message"
    __table_args__ = (sa.Index("message_order", "conversation_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(Uid, unique=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    direction: Mapped[Direction]
    title: Mapped[str]
    text: Mapped[str] = mapped_column(sa.Text)
    channels: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    conversation: Mapped[Conversation] = relationship(lazy="raise_on_sql")
    staff: Mapped[Staff | None] = relationship(lazy="raise_on_sql")

    @property
    def mail_sent(self) -> bool:
        """Say whether this went to the client by email."""
        return self.direction is Direction.BUSINESS_TO_CLIENT and "email" in self.channels


@contextmanager
def write_transaction() -> Iterator[None]:
    """Hold the database's one write lock; commit at the end, or undo everything on an error.

    What is to be changed has to be loaded inside: what was loaded before is not read again.
    Raises sqlalchemy.exc.OperationalError if the lock can't be had in time (`sqlite.is_locked`).
    """
    db.session.commit()  # ends the transaction that read, so that one that writes can begin
    try:
        db.session.connection(execution_options={"write": True})
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise


def new_uid() -> str:
    """Return a uid that nothing else has, in the vendor's form."""
    return "".join(secrets.choice(UID_CHARACTERS) for _ in range(16))
