"""The field types of responses: how each serializes its value."""

from calendar import month_name
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from conversations.messages import display_name
from database.connections import Base
from database.statements import Row

MONTHS = tuple(month_name)  # from 1
DAYS = {-1: "yesterday", 0: "today", 1: "tomorrow"}
MAX_TIME = len("2025-08-05T09:56:33.583+03:00")
Serialize = Callable[[Any, Row], Any]  # from a value, and the row that has it


class ResponseSchema(Schema):
    """A response schema whose `dump` is a plain loop; marshmallow's takes four times as long.

    A field's method `serialize_value`, if it has one, converts the column's value.
    """

    tables: tuple[type[Base], ...] = ()  # their columns describe the fields that have no `doc`

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._constants, self._plain, self._converted = {}, [], []
        for name, field in self.fields.items():
            if isinstance(field, fields.Constant):
                self._constants[name] = field.constant
            else:
                self._constants[name] = None  # keeps the order of the fields
                column = field.attribute or name
                if serialize := _find_serializer(field):
                    self._converted.append((name, column, serialize))
                else:
                    self._plain.append((name, column))

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Make a field `dump_only`, so that two fields may show the same column."""
        field_obj.dump_only = True

    def dump(self, obj: Any, **_options: Any) -> dict[str, Any]:
        """Return the serialized fields of a row, or of an object with a method `to_row`."""
        row = obj if isinstance(obj, dict) else obj.to_row()
        dumped = dict(self._constants)
        for name, column in self._plain:
            dumped[name] = row[column]
        for name, column, serialize in self._converted:
            dumped[name] = serialize(row[column], row)
        return dumped


def _find_serializer(field: fields.Field[Any]) -> Serialize | None:
    """Return the function that serializes a field, or None if its value is shown unchanged."""
    if serialize := getattr(field, "serialize_value", None):
        return serialize  # type: ignore[no-any-return]
    if isinstance(field, fields.Nested):
        dump = field.schema.dump
        return lambda value, _row: None if value is None else dump(value)
    if isinstance(field, fields.List):
        each = _find_serializer(field.inner)
        return each and (lambda values, row: [each(value, row) for value in values])
    return None


def format_utc(time: datetime | None, timespec: str) -> str | None:
    """Return a UTC time in ISO 8601 with `Z`, to the second or a fraction of it."""
    return f"{time.isoformat(timespec=timespec)[:-6]}Z" if time else None  # Z for +00:00


# Lists repeat the same times; without a cache, formatting takes a fifth of an inbox request.
_format_known = lru_cache(maxsize=2_000)(format_utc)


class Time(fields.DateTime):
    """A time to the second, in UTC: `2026-05-06T10:31:21Z`."""

    timespec = "seconds"

    def serialize_value(self, value: datetime | None, _row: Row) -> str | None:
        return _format_known(value, self.timespec)


class PlatformTime(Time):
    """A time to the millisecond, in UTC: `2025-08-05T06:56:33.583Z`."""

    timespec = "milliseconds"


class MessageTime(fields.DateTime):
    """A message's time in its business's zone, to the millisecond with the offset."""

    def serialize_value(self, value: datetime, row: Row) -> str:
        shown = _in_zone(value, row["zone"]).isoformat(timespec="milliseconds")
        if len(shown) > MAX_TIME:  # offsets before standard time have seconds
            zone = datetime.fromisoformat(shown[:MAX_TIME]).tzinfo
            shown = value.astimezone(zone).isoformat(timespec="milliseconds")
        return shown


class MessageTimeText(fields.String):
    """A message's human-readable time: `Feb 10, 1:19 pm`."""

    def serialize_value(self, value: datetime, row: Row) -> str:
        time = _in_zone(value, row["zone"])
        return f"{time:%b} {time.day}, {_clock(time).lower()}"


class ActionText(fields.String):
    """An action's human-readable time: `Today, 10:30 AM`."""

    def serialize_value(self, value: datetime | None, row: Row) -> str:
        return _describe_action(value, row["zone"], _today(row["now"], row["zone"]))


class FollowUpText(fields.String):
    """The human-readable follow-up: `Reminder set for tomorrow at 1:31 PM`."""

    def serialize_value(self, value: datetime | None, row: Row) -> str:
        if value is None:
            return "Marked for follow-up" if row["follow_up"] else ""
        time = _in_zone(value, row["zone"])
        days = time.toordinal() - _today(row["now"], row["zone"])
        reminder = "Reminder set for" if value > row["now"] else "Reminder was due"
        return f"{reminder} {DAYS.get(days) or _date(time)} at {_clock(time)}"


class ClientName(fields.String):
    """The full name of a client."""

    def serialize_value(self, _value: Any, client: Row) -> str:
        return display_name(client)


class SourceTypeText(fields.String):
    """A human-readable source type: `Contact form`."""

    def serialize_value(self, value: str | None, _row: Row) -> str | None:
        return value and value.replace("_", " ").capitalize()


class EnumLabel(fields.String):
    """The label of a member of an enumeration."""

    def __init__(self, labels: dict[Any, str], **options: Any) -> None:
        super().__init__(validate=OneOf([*dict.fromkeys(labels.values())]), **options)
        self.labels = labels

    def serialize_value(self, value: Any, _row: Row) -> str:
        return self.labels[value]


@lru_cache(maxsize=2_000)
def _describe_action(value: datetime | None, zone: tzinfo, today: int) -> str:
    if value is None:
        return ""
    time = _in_zone(value, zone)
    days = time.toordinal() - today
    day = DAYS[days].capitalize() if days in (-1, 0) else _date(time)
    return f"{day}, {_clock(time)}"


@lru_cache(maxsize=1)  # a request has one `now`
def _today(now: datetime, zone: tzinfo) -> int:
    return _in_zone(now, zone).toordinal()


def _in_zone(time: datetime, zone: tzinfo) -> datetime:
    """Return a time in a zone, or unchanged if the zone's year would be 0 or 10000."""
    try:
        return time.astimezone(zone)
    except OverflowError:
        return time


def _date(time: datetime) -> str:
    return f"{MONTHS[time.month]} {time.day}, {time.year}"


def _clock(time: datetime) -> str:
    return f"{time.hour % 12 or 12}:{time.minute:02} {'AM' if time.hour < 12 else 'PM'}"
