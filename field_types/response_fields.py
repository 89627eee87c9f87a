"""What a field of a response shows of the value that it stands for."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields

from conversations.messages import ConversationMessage, display_name
from conversations.staff_conversation import StaffConversation
from database.statements import Row

MONTHS = (
    "January February March April May June July August September October November December"
).split()
Show = Callable[[Any, Any], Any]  # from a value, and the object that has it


class ResponseSchema(Schema):
    """A schema of a response. Its dump is a plain loop: marshmallow's takes four times as long.

    A field's `attribute` is the path to its value: an attribute of the object that is dumped, or,
    as in `client.uid`, a column of a row that the object has. A field with a method `show` shows
    what that returns of the value and the object, and any other the value itself.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shown = [
            (name, *(field.attribute or name).partition(".")[::2], _find_show(field))
            for name, field in self.dump_fields.items()
        ]

    def dump(self, obj: Any, **_options: Any) -> dict[str, Any]:
        """Return what the fields show of an object."""
        dumped = {}
        for name, attribute, column, show in self.shown:
            value: Any = getattr(obj, attribute, None)
            if column:
                value = value[column]
            dumped[name] = value if show is None else show(value, obj)
        return dumped


class RowSchema(ResponseSchema):
    """A schema of a response that shows columns of one row."""

    def dump(self, obj: Any, **_options: Any) -> dict[str, Any]:
        """Return what the fields show of a row."""
        dumped = {}
        for name, column, _, show in self.shown:
            value = obj.get(column)
            dumped[name] = value if show is None else show(value, obj)
        return dumped


def _find_show(field: Any) -> Show | None:
    """Return what shows a field's value, or None where the value is shown as it is."""
    if isinstance(field, fields.Constant):
        return lambda _value, _obj: field.constant
    if isinstance(field, fields.Nested):
        dump = field.schema.dump
        return lambda value, _obj: None if value is None else dump(value)
    if isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
        dump_each = field.inner.schema.dump
        return lambda values, _obj: [dump_each(value) for value in values]
    show: Show | None = getattr(field, "show", None)
    return show


class Time(fields.DateTime):
    """A time to the second, in UTC: `2026-05-06T10:31:21Z`."""

    def show(self, value: datetime | None, _obj: Any) -> str | None:
        return None if value is None else f"{value.isoformat()[:19]}Z"


class PlatformTime(fields.DateTime):
    """A time to the millisecond, in UTC: `2025-08-05T06:56:33.583Z`."""

    def show(self, value: datetime | None, _obj: Any) -> str | None:
        if value is None:
            return None
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class MessageTime(fields.DateTime):
    """A time of a message in its business's zone, to the millisecond and with the offset."""

    def show(self, value: datetime, obj: ConversationMessage) -> str:
        return _in_zone(value, obj.zone).isoformat(timespec="milliseconds")


class MessageTimeText(fields.String):
    """A time of a message for people: `Feb 10, 1:19 pm`."""

    def show(self, value: datetime, obj: ConversationMessage) -> str:
        time = _in_zone(value, obj.zone)
        return f"{time:%b} {time.day}, {_clock(time).lower()}"


class ActionText(fields.String):
    """A time of an action for people: `Today, 10:30 AM`."""

    def show(self, value: datetime | None, obj: StaffConversation) -> str:
        if value is None:
            return ""
        time, days = _local(value, obj)
        day = {0: "Today", -1: "Yesterday"}.get(days) or _date(time)
        return f"{day}, {_clock(time)}"


class FollowUpText(fields.String):
    """The follow-up for people: `Reminder set for tomorrow at 1:31 PM`."""

    def show(self, value: datetime | None, obj: StaffConversation) -> str:
        if not obj.follow_up:
            return ""
        if value is None:
            return "Marked for follow-up"
        time, days = _local(value, obj)
        if value > obj.caller.now:
            day = {0: "today", 1: "tomorrow"}.get(days) or _date(time)
            return f"Reminder set for {day} at {_clock(time)}"
        day = {0: "today", -1: "yesterday"}.get(days) or _date(time)
        return f"Reminder was due {day} at {_clock(time)}"


class ClientName(fields.String):
    """The whole name of a client."""

    def show(self, _value: Any, client: Row) -> str:
        return display_name(client)


class SourceTypeText(fields.String):
    """A source type for people: `Contact form`."""

    def show(self, value: str | None, _obj: Any) -> str | None:
        return value and value.replace("_", " ").capitalize()


class IsSet(fields.Boolean):
    """Whether there is a value."""

    def show(self, value: Any, _obj: Any) -> bool:
        return value is not None


class Word(fields.String):
    """The word for a member of an enumeration."""

    def __init__(self, words: dict[Any, str], **options: Any) -> None:
        super().__init__(**options)
        self.words = words
        self.openapi = {"enum": list(dict.fromkeys(words.values()))}

    def show(self, value: Any, _obj: Any) -> str:
        return self.words[value]


def _local(time: datetime, obj: StaffConversation) -> tuple[datetime, int]:
    """Return a time in the business's zone, and how many days after its today that is."""
    local = _in_zone(time, obj.caller.zone)
    return local, local.toordinal() - _today(obj.caller.now, obj.caller.zone)


@lru_cache(maxsize=1)  # a request has one now for all that it shows
def _today(now: datetime, zone: tzinfo) -> int:
    return _in_zone(now, zone).toordinal()


def _in_zone(time: datetime, zone: tzinfo) -> datetime:
    """Return a time in a zone, or as it is where the zone's year would be 0 or 10000."""
    try:
        return time.astimezone(zone)
    except OverflowError:
        return time


def _date(time: datetime) -> str:
    return f"{MONTHS[time.month - 1]} {time.day}, {time.year}"


def _clock(time: datetime) -> str:
    return f"{time.hour % 12 or 12}:{time.minute:02} {'AM' if time.hour < 12 else 'PM'}"
