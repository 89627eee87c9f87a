"""The types of fields: what each takes from a request, and how each shows a value."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields

from conversations.staff_conversation import Thread
from models import Message

# What comes in


class Flag(fields.Field[bool]):
    """A boolean as JSON has it, or as a form or a loosely typed client sends it."""

    default_error_messages = {"null": "null is no boolean: send true or false."}
    openapi = {
        "anyOf": [
            {"type": "boolean"},
            {"enum": [1, 0]},
            {"type": "string", "pattern": "^(1|0|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"},
        ]
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        text = value.lower() if isinstance(value, str) else value
        if isinstance(text, (bool, int, str)):
            if text in (True, "1", "true"):
                return True
            if text in (False, "0", "false"):
                return False
        raise ValidationError(f"{_quote(value)} is no boolean: send true or false.")


class Text(fields.Field[str]):
    """A string, or null if it is not required.

    What is stored has a limit, in characters, and no NUL.
    """

    default_error_messages = {
        "required": "It is missing: send a string.",
        "null": "null is no string: send a string.",
    }

    def __init__(
        self,
        limit: int | None = None,
        *,
        required: bool = False,
        empty: bool = True,
        choices: tuple[str, ...] = (),
    ) -> None:
        super().__init__(required=required, allow_none=not required)
        self.limit = limit
        self.empty = empty
        self.choices = choices
        self.openapi: dict[str, Any] = {"type": "string" if required else ["string", "null"]}
        if choices:
            self.openapi["enum"] = list(choices)
        if limit is not None:
            self.openapi |= {"maxLength": limit, "pattern": "^[^\\u0000]*$"}
        if not empty:
            self.openapi["minLength"] = 1

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            hint = "send a string" if self.required else "send a string or null"
            raise ValidationError(f"{_quote(value)} is no string: {hint}.")
        if self.choices and value not in self.choices:
            raise ValidationError(f"{_quote(value)} is unknown: send {' or '.join(self.choices)}.")
        if not value and not self.empty:
            raise ValidationError("The text is empty: send at least one character.")
        if self.limit is not None and len(value) > self.limit:
            raise ValidationError(
                f"The text has {len(value):,} characters: send at most {self.limit:,}."
            )
        if self.limit is not None and "\0" in value:
            raise ValidationError("The text holds a NUL character: send it without.")
        return value


class PositiveInteger(fields.Field[int]):
    """A number of the query that counts from 1; what is above the maximum means the maximum."""

    openapi = {"type": "integer", "minimum": 1}

    def __init__(self, *, default: int, maximum: int) -> None:
        super().__init__(load_default=default)
        self.maximum = maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        digits = value.lstrip("0")
        if not re.fullmatch("[0-9]+", digits):
            raise ValidationError(f"{_quote(value)} is no positive integer: send 1 or more.")
        return self.maximum if len(digits) > 9 else min(int(digits), self.maximum)


class Presence(fields.Field[bool]):
    """A mark of the query: set, unless it is empty, `0` or `false`."""

    openapi = {"type": "string"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        return str(value).lower() not in ("", "0", "false")


def _quote(value: Any) -> str:
    """Return a value as a message quotes it; arrays and objects only by their kind."""
    if isinstance(value, list | dict):
        return "An array" if isinstance(value, list) else "An object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


MONTHS = (
    "January February March April May June July August September October November December"
).split()

# What goes out: each has a method that shows a value


class Time(fields.DateTime):
    """A time to the second, in UTC: `2026-05-06T10:31:21Z`."""

    def show(self, value: datetime | None, _thread: Thread) -> str | None:
        return None if value is None else f"{value.isoformat()[:19]}Z"


class ActionText(fields.String):
    """A time of a thread for people: `Today, 10:30 AM`."""

    def show(self, value: datetime | None, thread: Thread) -> str:
        if value is None:
            return ""
        time, days = _local(value, thread)
        day = {0: "Today", -1: "Yesterday"}.get(days) or _date(time)
        return f"{day}, {_clock(time)}"


class FollowUpText(fields.String):
    """The state of a thread's follow-up for people: `Reminder set for tomorrow at 1:31 PM`."""

    def show(self, value: datetime | None, thread: Thread) -> str:
        if not thread.follow_up:
            return ""
        if value is None:
            return "Marked for follow-up"
        time, days = _local(value, thread)
        if value > thread.now:
            day = {0: "today", 1: "tomorrow"}.get(days) or _date(time)
            return f"Reminder set for {day} at {_clock(time)}"
        day = {0: "today", -1: "yesterday"}.get(days) or _date(time)
        return f"Reminder was due {day} at {_clock(time)}"


def _local(time: datetime, thread: Thread) -> tuple[datetime, int]:
    """Return a time in the business's zone, and how many days after its today that is."""
    zone = thread.staff.business.zone
    local = time.astimezone(zone)
    return local, local.toordinal() - _today(thread.now, zone)


@lru_cache(maxsize=1)  # a list has one now for all that it shows
def _today(now: datetime, zone: ZoneInfo) -> int:
    return now.astimezone(zone).toordinal()


def _date(time: datetime) -> str:
    return f"{MONTHS[time.month - 1]} {time.day}, {time.year}"


def _clock(time: datetime) -> str:
    return f"{time.hour % 12 or 12}:{time.minute:02} {'AM' if time.hour < 12 else 'PM'}"


class Word(fields.String):
    """The word for a value of an enumeration."""

    def __init__(self, words: dict[Any, str], **options: Any) -> None:
        super().__init__(metadata={"enum": list(dict.fromkeys(words.values()))}, **options)
        self.words = words

    def show(self, value: Any, _obj: Any) -> str:
        return self.words[value]


class PlatformTime(fields.DateTime):
    """A time to the millisecond, in UTC: `2025-08-05T06:56:33.583Z`."""

    def show(self, value: datetime | None, _thread: Thread) -> str | None:
        if value is None:
            return None
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class MessageTime(fields.DateTime):
    """A time of a message in its business's zone, to the millisecond and with the offset."""

    def show(self, value: datetime, message: Message) -> str:
        return _business_time(value, message).isoformat(timespec="milliseconds")


class MessageTimeText(fields.String):
    """A time of a message for people: `Feb 10, 1:19 pm`."""

    def show(self, value: datetime, message: Message) -> str:
        time = _business_time(value, message)
        return f"{time:%b} {time.day}, {_clock(time).lower()}"


def _business_time(time: datetime, message: Message) -> datetime:
    return time.astimezone(message.conversation.business.zone)


class Shape(Schema):
    """A schema of what goes out; its dump takes a tenth of the time of marshmallow's own.

    It is one expression, made of the fields; a loop over them would take twice as long.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        names: dict[str, Any] = {}
        items = []
        for key, field in self.dump_fields.items():
            value = f"obj.{field.attribute or key}"
            if isinstance(field, fields.Constant):
                names[f"{key}_constant"] = field.constant
                value = f"{key}_constant"
            elif isinstance(field, fields.Nested):
                names[f"dump_{key}"] = field.schema.dump
                value = f"None if {value} is None else dump_{key}({value})"
            elif show := getattr(field, "show", None):
                names[f"show_{key}"] = show
                value = f"show_{key}({value}, obj)"
            items.append(f"{key!r}: {value}")
        self._dump: Callable[[Any], dict[str, Any]] = eval(
            f"lambda obj: {{{', '.join(items)}}}", names
        )

    def dump(self, obj: Any, **_options: Any) -> dict[str, Any]:
        """Return what the fields show of an object."""
        return self._dump(obj)
