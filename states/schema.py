"""The schemas of a state (`docs/state.md`), and the field types that only states have."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, partial
from typing import Any
from zoneinfo import available_timezones

import orjson
from marshmallow import ValidationError, fields, post_load
from marshmallow.validate import NoneOf, Predicate, Regexp

import models
from conversations.callers import hash_token
from conversations.messages import MAX_COUNT
from database.statements import Row, cooperatively
from field_types.request_fields import Boolean, Integer, List, Nested, RequestSchema, String
from field_types.response_fields import format_utc
from field_types.texts import HAS_NO_NUL, NOT_EMPTY, VALUE, doc, must_be, one_of
from models import Access, FollowUpState

MAX_NAME = 500  # characters
MAX_TEXT = 10_000
MAX_DAYS = 36_500  # between a relative time and now
MAX_BITS = 63  # of an integer in a free-form object
MAX_LEVELS = 50  # of nesting in a free-form object
MAX_CHANNELS = 255  # of a message; a request can't have more
MAX_OBJECT = 100_000  # characters of a free-form object in JSON
CLIENT = "client"  # the `from` of a message that no staff member sent
UID = Regexp(  # usable in URLs, logs and shells without escaping
    r"^(?!\.\.?$)[A-Za-z0-9._~-]{1,255}$(?!\n)",  # also valid in JavaScript
    error='It must have 1 to 255 of the characters A-Z a-z 0-9 . _ ~ - and not be "." or "..".',
)
RELATIVE_TIME = re.compile(r"([+-]\d{1,9}(?:\.\d{1,9})?)([dhm])", re.ASCII)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
find_time_zones = cache(available_timezones)
OWN_ZONES = {"Factory", "localtime"}  # names for the machine's zone
TOKEN = re.compile("(?!sha256:)[!-?A-~]{1,255}")  # visible ASCII without @
DIGEST = re.compile("sha256:([0-9a-f]{64})")
NOT_BLANK = Predicate("strip", error="It must not be empty.")
Name = partial(String, MAX_NAME, required=True, validate=[NOT_BLANK])
Uid = partial(String, validate=[UID])


@dataclass(frozen=True)
class TimeSpec:
    """A time in a state: absolute, or a number of days, hours or minutes from now."""

    absolute: datetime | None = None
    offset: timedelta = timedelta()
    is_in_days: bool = False

    def resolve(self, now: datetime, zone: tzinfo) -> datetime:
        """Return the time; days are those of the zone, with 23 to 25 hours."""
        if self.absolute:
            return self.absolute
        if self.is_in_days:
            return (now.astimezone(zone) + self.offset).astimezone(UTC)
        return now + self.offset


class Time(String):
    """A time in ISO 8601, in UTC if it has no zone, or one relative to now."""

    def __init__(self, **options: Any) -> None:
        super().__init__(128, post_load=parse_time_spec, **options)

    def serialize_value(self, value: datetime | None, _row: Row) -> str | None:
        return format_utc(value, "microseconds")


def parse_time_spec(text: str) -> TimeSpec:
    """Parse a time; raise ValidationError."""
    if relative := RELATIVE_TIME.fullmatch(text):
        offset = timedelta(**{UNITS[relative[2]]: float(relative[1])})
        if abs(offset) > timedelta(days=MAX_DAYS):
            raise ValidationError(f"It must be within {MAX_DAYS:,} days of now.")
        return TimeSpec(None, offset, relative[2] == "d")
    try:
        read = datetime.fromisoformat(text)
        return TimeSpec((read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError):
        raise ValidationError(
            'It must be a time such as "2026-05-05T07:30:00Z", or one relative to now such as'
            f' "-2h", "-3d" or "+30m", not {VALUE}.'
        ) from None


def find_digest(token: str) -> str:
    """Return the digest of a token or of `sha256:` and a digest; raise ValidationError."""
    if digest := DIGEST.fullmatch(token.lower()):
        return digest[1]
    if not TOKEN.fullmatch(token):
        raise ValidationError(
            'It must be a token of 1 to 255 visible ASCII characters without @, or "sha256:" and 64'
            " hexadecimal digits."
        )
    return hash_token(token)


def check_time_zone(name: str) -> None:
    """Raise ValidationError for any text except the IANA name of a time zone."""
    if name in OWN_ZONES or name not in find_time_zones():
        raise ValidationError(
            f'It must be the IANA name of a time zone, such as "Asia/Jerusalem", not {VALUE}.'
        )


def check_json(value: Any, levels: int = MAX_LEVELS) -> None:
    """Raise ValidationError for JSON that can't be stored or shown."""
    if isinstance(value, str):
        HAS_NO_NUL(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ValidationError(f"It must not contain an integer of more than {MAX_BITS} bits.")
    if isinstance(value, dict | list):
        if not levels:
            raise ValidationError(f"It must not be nested deeper than {MAX_LEVELS} levels.")
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        for each in cooperatively(parts):
            check_json(each, levels - 1)
    if levels == MAX_LEVELS and len(orjson.dumps(value)) > MAX_OBJECT:
        raise ValidationError(f"It must have at most {MAX_OBJECT:,} characters as JSON.")


JSONObject = partial(fields.Dict, validate=check_json, error_messages=must_be("an object"))


class StaffMemberState(RequestSchema):
    """A staff member with their tokens."""

    tables = (models.StaffMember,)
    uid = Uid(required=True, validate=[UID, NoneOf([CLIENT], error=f'It must not be "{CLIENT}".')])
    full_name = Name()
    display_name = String(MAX_NAME)
    email = String(MAX_TEXT, load_default="")
    access = String(validate=[one_of(Access)], post_load=Access, load_default=Access.ALL)
    tokens = List(
        String(post_load=find_digest),
        limit=20,
        load_default=list,
        **doc(
            "Their tokens, in plain text or as `sha256:` and the digest, as GET shows them.",
            ["sha256:86830996c27d8d61bc0c1e7ae32e39630fa2666a73ac3f23d9890caf97fdb7be"],
        ),
    )


class ClientState(RequestSchema):
    """A client of a business."""

    tables = (models.Client,)
    uid = Uid(required=True)
    first_name = Name()
    last_name = String(MAX_NAME, load_default="")
    email = String(MAX_TEXT, required=True)
    phone = String(MAX_TEXT, load_default="")
    spam = Boolean(load_default=False)
    created_at = Time(load_default=TimeSpec)


class CollaboratorState(RequestSchema):
    """A staff member on a conversation, with their follow-up."""

    tables = (models.Collaborator,)
    staff = String(MAX_TEXT, required=True, **doc("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    follow_up_state = String(
        validate=[one_of(FollowUpState)], post_load=FollowUpState, load_default=FollowUpState.NONE
    )
    follow_up_date = Time(load_default=None)
    follow_up_message = String(MAX_TEXT, load_default="")
    unread = Boolean(load_default=False)


class MessageState(RequestSchema):
    """A message. Default: sent now, by email unless it is internal."""

    tables = (models.Message,)
    sender = String(
        MAX_TEXT,
        data_key="from",
        required=True,
        **doc("The sender: `client`, or a staff member's uid.", "5ya4gbwm2c3qoic8"),
    )
    text = String(MAX_TEXT, required=True, validate=[NOT_EMPTY])
    internal = Boolean(load_default=False, **doc("Whether only the business sees it.", False))
    at = Time(load_default=TimeSpec, **doc("When it was written.", "2026-05-02T04:00:00.000000Z"))
    uid = Uid()
    title = String(MAX_TEXT)
    channels = List(String(255), limit=MAX_CHANNELS)
    mail_read = Boolean()
    was_read = Boolean()


class MatterState(RequestSchema):
    """The subject of a conversation."""

    uid = Uid(required=True, **doc("The matter's uid.", "mt7k2c9xq4wz1h5r"))
    title = String(MAX_TEXT, required=True, **doc("The matter's title.", "ACL rehabilitation 2026"))


class ConversationState(RequestSchema):
    """A conversation with its messages and collaborators.

    Omitted counts and times are derived from the messages.
    """

    tables = (models.Conversation,)
    uid = Uid(required=True)
    client = Name(
        **doc("The client's uid or name; an unknown name creates a client.", "affc25e71f6bd5cc")
    )
    staff = String(MAX_TEXT, **doc("The assigned staff member's uid.", "5ya4gbwm2c3qoic8"))
    title = String(MAX_TEXT)
    archived = Boolean()
    business_unread = Boolean()
    client_unread = Boolean()
    spam = Boolean()
    deleted = Boolean(load_only=True, **doc("Send true to soft-delete it now.", False))
    deleted_at = Time(allow_none=True)
    mobile = Boolean()
    campaign = String(255, allow_none=True)
    source = String(MAX_TEXT, allow_none=True)
    source_data = JSONObject()
    source_type = String(255, allow_none=True)
    sourceable_type = String(MAX_TEXT, allow_none=True)
    sourceable_id = String(MAX_TEXT, allow_none=True)
    matter = Nested(MatterState, allow_none=True, **doc("Its subject, or null."))
    matter_searchable = Boolean()
    channel_uid = Uid()
    merged_into = String(
        MAX_TEXT, load_default=None, **doc("The uid of the merge target, or null.", None)
    )
    message_count = Integer(0, MAX_COUNT)
    sent = Boolean()
    received = Boolean()
    last_user_action_at = Time(allow_none=True)
    last_client_action_at = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()
    collaborators = List(
        Nested(CollaboratorState),
        load_default=list,
        **doc("The staff members on it with their follow-ups."),
    )
    messages = List(Nested(MessageState), load_default=list, **doc("The messages, oldest first."))

    @post_load
    def read_deleted(self, loaded: Row, **_options: Any) -> Row:
        """Load `deleted` as the current time."""
        if "deleted" in loaded and "deleted_at" in loaded:
            raise ValidationError('Send either "deleted" or "deleted_at".', "deleted")
        if loaded.pop("deleted", False):
            loaded["deleted_at"] = TimeSpec()
        return loaded


class BusinessState(RequestSchema):
    """A business with its staff, clients and conversations."""

    tables = (models.Business,)
    uid = Uid(required=True)
    name = Name()
    time_zone = String(MAX_TEXT, required=True, validate=[check_time_zone])
    staff = List(
        Nested(StaffMemberState), required=True, **doc("The staff; the first is the default.")
    )
    clients = List(Nested(ClientState), load_default=list, **doc("The clients."))
    conversations = List(Nested(ConversationState), load_default=list, **doc("The conversations."))


class SandboxState(RequestSchema):
    """A sandbox's state: businesses, or only conversations of the demo's first business."""

    now = Time(
        allow_none=True,
        **doc(
            "The time of the frozen clock; null unfreezes it. If omitted, it is unchanged.",
            "2026-05-05T07:30:00.000000Z",
        ),
    )
    businesses = List(Nested(BusinessState), **doc("The businesses."))
    conversations = List(  # never shown
        Nested(ConversationState),
        load_only=True,
        **doc("Instead of businesses: the inbox of the demo data's first business."),
    )
