"""The shapes of what comes in and what goes out, with types and limits; the rules are elsewhere."""

import json
import re
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from models import Direction, Message
from threads import Changes, Thread

Json = dict[str, Any] | list[Any]

# What comes in


class Flag(fields.Field[bool]):
    """A boolean as JSON has it, or as a form or a loosely typed client sends it."""

    default_error_messages = {"null": "null is no boolean: send true or false."}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        text = value.lower() if isinstance(value, str) else value
        if isinstance(text, (bool, int, str)):
            if text in (True, "1", "true"):
                return True
            if text in (False, "0", "false"):
                return False
        raise ValidationError(f"{_quote(value)} is no boolean: send true or false.")


class Text(fields.Field[str]):
    """A string or null; if it is stored, of at most `limit` characters and without NUL."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(allow_none=True)
        self.limit = limit

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(f"{_quote(value)} is no string: send a string or null.")
        if self.limit is not None and len(value) > self.limit:
            raise ValidationError(
                f"The text has {len(value):,} characters: send at most {self.limit:,}."
            )
        if self.limit is not None and "\0" in value:
            raise ValidationError("The text holds a NUL character: send it without.")
        return value


class PositiveInteger(fields.Field[int]):
    """A number of the query that counts from 1; what is above the maximum means the maximum."""

    def __init__(self, *, default: int, maximum: int) -> None:
        super().__init__(load_default=default)
        self.maximum = maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        digits = value.lstrip("0")
        if not re.fullmatch("[0-9]+", digits):
            raise ValidationError(f"{_quote(value)} is no positive integer: send 1 or more.")
        return self.maximum if len(digits) > 9 else min(int(digits), self.maximum)


def _quote(value: Any) -> str:
    """Return a value as a message quotes it; arrays and objects only by their kind."""
    if isinstance(value, list | dict):
        return "An array" if isinstance(value, list) else "An object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


class ConversationUpdateSchema(Schema):
    """The keys of a PUT; those that it lacks stay lacking."""

    class Meta:
        unknown = EXCLUDE  # as the vendor does

    archived = Flag()
    business_unread = Flag()
    spam = Flag()
    deleted = Flag()
    campaign = Text(255)
    source_type = Text(255)
    mobile = Flag()
    follow_up = Flag()
    follow_up_date = Text()  # read as a time only where it is used (`followups.read_date`)
    follow_up_message = Text(10_000)
    complete_follow_up = Flag()

    @post_load
    def read_null_message(self, changes: Changes, **kwargs: Any) -> Changes:
        """Take null for the empty message."""
        if "follow_up_message" in changes:
            changes["follow_up_message"] = changes["follow_up_message"] or ""
        return changes


class MessagePageSchema(Schema):
    """The query of a list of messages."""

    class Meta:
        unknown = EXCLUDE

    page = PositiveInteger(default=1, maximum=10**9)
    per_page = PositiveInteger(default=20, maximum=100)
    last_update = fields.Function(
        deserialize=lambda value: value.lower() not in ("", "0", "false"), load_default=False
    )


# What goes out; where two fields show the same attribute, marshmallow wants one `dump_only`.


class Time(fields.DateTime):
    """A time to the second, in UTC: `2026-05-06T10:31:21Z`."""

    def _serialize(self, value: datetime | None, *args: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"


class ActionText(fields.String):
    """A time of a thread for people: `Today, 10:30 AM`."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> str:
        if value is None:
            return ""
        time, now = _local(value, obj), _local(obj.now, obj)
        day = {0: "Today", -1: "Yesterday"}.get((time.date() - now.date()).days, _date(time))
        return f"{day}, {_clock(time)}"


class FollowUpText(fields.String):
    """The state of a thread's follow-up for people: `Reminder set for tomorrow at 1:31 PM`."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> str:
        if not obj.follow_up:
            return ""
        if value is None:
            return "Marked for follow-up"
        time, now = _local(value, obj), _local(obj.now, obj)
        days = (time.date() - now.date()).days
        if value > obj.now:
            day = {0: "today", 1: "tomorrow"}.get(days, _date(time))
            return f"Reminder set for {day} at {_clock(time)}"
        day = {0: "today", -1: "yesterday"}.get(days, _date(time))
        return f"Reminder was due {day} at {_clock(time)}"


def _local(time: datetime, thread: Thread) -> datetime:
    return time.astimezone(thread.staff.business.zone)


def _date(time: datetime) -> str:
    return f"{time:%B} {time.day}, {time.year}"


def _clock(time: datetime) -> str:
    return f"{time.hour % 12 or 12}:{time:%M %p}"


MESSAGE_OF = {
    Direction.CLIENT_TO_BUSINESS: "client",
    Direction.BUSINESS_TO_CLIENT: "staff",
    Direction.INTERNAL: "system",
}


class LastMessageSchema(Schema):
    title = fields.String()
    text = fields.String()
    message_of = fields.Function(lambda message: MESSAGE_OF[message.direction])
    extra_data: fields.Constant[Json] = fields.Constant({})


class ClientSummarySchema(Schema):
    uid = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()


class ClientSchema(ClientSummarySchema):
    display_name = fields.String()
    phone = fields.String()
    spam = fields.Boolean()
    created_at = Time()


class StaffSchema(Schema):
    uid = fields.String()
    display_name = fields.String()


class SenderSchema(Schema):
    uid = fields.String()
    full_name = fields.String()
    display_name = fields.String()
    email = fields.String()


class ConversationSchema(Schema):
    """The vendor's representation of a conversation, from a thread."""

    uid = fields.String(attribute="conversation.uid")
    title = fields.String(attribute="conversation.title")
    follow_up = fields.Boolean()
    follow_up_date = Time(allow_none=True)
    follow_up_message = fields.String()
    follow_up_text = FollowUpText(attribute="follow_up_date", dump_only=True)
    business_unread = fields.Boolean(attribute="conversation.business_unread")
    spam = fields.Boolean(attribute="conversation.spam")
    archived = fields.Boolean(attribute="conversation.archived")
    sent = fields.Boolean(attribute="conversation.sent")
    received = fields.Boolean(attribute="conversation.received")
    deleted = fields.Boolean(attribute="conversation.is_deleted")
    matter_searchable = fields.Boolean(attribute="conversation.matter_searchable")
    last_user_action_at = Time(attribute="conversation.last_user_action_at", allow_none=True)
    last_user_action_at_h = ActionText(attribute="conversation.last_user_action_at", dump_only=True)
    last_client_action_at = Time(attribute="conversation.last_client_action_at", allow_none=True)
    last_client_action_at_h = ActionText(
        attribute="conversation.last_client_action_at", dump_only=True
    )
    last_message = fields.Nested(LastMessageSchema, allow_none=True)
    depth = fields.Constant("shallow")
    message_count = fields.Integer(attribute="conversation.message_count")
    client = fields.Nested(ClientSummarySchema, attribute="conversation.client")
    staff = fields.Nested(StaffSchema, attribute="conversation.staff")
    has_matter = fields.Boolean(attribute="conversation.has_matter")
    matter = fields.Dict(attribute="conversation.matter", allow_none=True)


class DeepConversationSchema(ConversationSchema):
    """The representation with the whole client and the conversation's source (`full_client`)."""

    depth = fields.Constant("deep")
    client = fields.Nested(ClientSchema, attribute="conversation.client")
    require_attention = fields.Boolean(attribute="conversation.business_unread", dump_only=True)
    source = fields.String(attribute="conversation.source", allow_none=True)
    source_data = fields.Dict(attribute="conversation.source_data")
    source_type = fields.String(attribute="conversation.source_type", allow_none=True)
    source_type_h = fields.String(attribute="conversation.source_type_h", allow_none=True)
    sourceable_type = fields.String(attribute="conversation.sourceable_type", allow_none=True)
    sourceable_id = fields.String(attribute="conversation.sourceable_id", allow_none=True)


class MessageTime(fields.DateTime):
    """A time of a message in its business's zone, to the millisecond and with the offset."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> str:
        return _business_time(value, obj).isoformat(timespec="milliseconds")


class MessageTimeText(fields.String):
    """A time of a message for people: `Feb 10, 1:19 pm`."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> str:
        time = _business_time(value, obj)
        return f"{time:%b} {time.day}, {_clock(time).lower()}"


def _business_time(time: datetime, message: Message) -> datetime:
    return time.astimezone(message.conversation.business.zone)


class MessageSchema(Schema):
    """The vendor's representation of a message."""

    uid = fields.String()
    text = fields.String()
    sub_type = fields.Constant("text")
    data: fields.Constant[Json] = fields.Constant([])
    message_description = fields.String(attribute="title", dump_only=True)
    appointment_title = fields.Constant(None)
    title = fields.String()
    mail_delivered = fields.Constant(False)
    mail_sent = fields.Boolean()
    mail_read = fields.Constant(False)
    direction = fields.String()
    created_at = MessageTime()
    created_at_h = MessageTimeText(attribute="created_at", dump_only=True)
    updated_at = MessageTime()
    conversation_uid = fields.String(attribute="conversation.uid")
    message_of = fields.Constant("message")
    message_type = fields.Function(
        lambda message: "system" if message.direction is Direction.INTERNAL else "user"
    )
    messageable = fields.Constant(None)
    documents: fields.Constant[Json] = fields.Constant([])
    attachments = fields.Constant(None)
    trust = fields.Constant(False)
    channels = fields.List(fields.String())
    channel_uid = fields.String(attribute="conversation.channel_uid")
    staff = fields.Nested(SenderSchema, allow_none=True)
    subject = fields.String(attribute="title", dump_only=True)
    was_read = fields.Constant(False)
    external_data: fields.Constant[Json] = fields.Constant({})
