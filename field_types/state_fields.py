"""The types of the fields of a state, and what is said of a value that is wrong."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from itertools import islice
from typing import Any
from zoneinfo import available_timezones

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from conversations.callers import digest_of
from field_types.request_fields import explain_unknown, quote

LONGEST_UID = 255
LONGEST_TEXT = 10_000
LARGEST_INTEGER = 2**31 - 1
MOST_DAYS = 36_500  # between a relative time and now
ITEMS_AT_ONCE = 100  # between two moments at which other requests have their turn
RELATIVE_TIME = re.compile(r"([+-]\d{1,9}(?:\.\d{1,9})?)([dhm])", re.ASCII)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
MOST_MISTAKES = 100  # that are listed, of one object or array, and of a whole state
TOKEN = re.compile("[!-?A-~]+")  # visible ASCII without @
DIGEST = re.compile("sha256:([0-9a-f]{64})")
DEEPEST = 50  # levels of an object that is stored as it is
MOST_BITS = 63  # of an integer in it


@dataclass(frozen=True)
class Moment:
    """A time of a state: an absolute one, or so many days, hours or minutes from now."""

    absolute: datetime | None = None
    number: float = 0
    unit: str = "m"

    def find(self, now: datetime, zone: tzinfo) -> datetime:
        """Return the time; days before or after now are the zone's own, of 23 to 25 hours."""
        if self.absolute:
            return self.absolute
        if self.unit == "d":
            return (now.astimezone(zone) + timedelta(days=self.number)).astimezone(UTC)
        return now + timedelta(**{UNITS[self.unit]: self.number})


class StateSchema(Schema):
    """A part of a state: all its fields are known, and none is null unless it says so."""

    class Meta:
        unknown = EXCLUDE  # `refuse_unknown` says more

    error_messages = {"type": "It must be an object."}

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_unknown(self, _loaded: Any, sent: Any, **_options: Any) -> None:
        """Raise ValidationError for names that are no fields."""
        if not isinstance(sent, dict):
            return
        names = [field.data_key or name for name, field in self.fields.items()]
        if unknown := list(islice((name for name in sent if name not in names), MOST_MISTAKES)):
            raise ValidationError(
                {name: [explain_unknown(name, "unknown", names)] for name in unknown}
            )


class StateField(fields.Field[Any]):
    """A field of a state, whose errors are sentences."""

    default_error_messages = {"required": "It is required.", "null": "It must not be null."}


class Text(StateField):
    """A string without NUL."""

    openapi = {"type": "string"}

    def __init__(self, limit: int = LONGEST_TEXT, *, empty: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.limit, self.empty = limit, empty

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(f"It must be a string, not {quote(value)}.")
        if "\0" in value:
            raise ValidationError("It must not hold a NUL character.")
        if len(value) > self.limit:
            raise ValidationError(f"It must have at most {self.limit:,} characters.")
        if not self.empty and not value.strip():
            raise ValidationError("It must not be empty.")
        return value


class Uid(Text):
    """A uid, which stands in paths, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(LONGEST_UID, empty=False, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        uid = super()._deserialize(value)
        if "/" in uid:
            raise ValidationError("It must not hold a slash.")
        return uid


class Choice(StateField):
    """One of some words."""

    def __init__(self, words: type[StrEnum], **options: Any) -> None:
        super().__init__(**options)
        self.words = words
        self.openapi = {"type": "string", "enum": [str(word) for word in words]}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value not in list(self.words):
            known = ", ".join(f'"{word}"' for word in self.words)
            raise ValidationError(f"It must be one of {known}, not {quote(value)}.")
        return self.words(value)


class Boolean(StateField):
    """True or false."""

    openapi = {"type": "boolean"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(f"It must be a boolean (true or false), not {quote(value)}.")
        return value


class Count(StateField):
    """A number of things."""

    openapi = {"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int or not 0 <= value <= LARGEST_INTEGER:
            raise ValidationError(
                f"It must be an integer from 0 to {LARGEST_INTEGER:,}, not {quote(value)}."
            )
        return value


class Time(StateField):
    """A time as ISO 8601 has it, in UTC if it names no zone, or one relative to now."""

    openapi = {"type": "string"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Moment:
        if not isinstance(value, str):
            raise ValidationError(f"It must be a string with a time, not {quote(value)}.")
        if relative := RELATIVE_TIME.fullmatch(value):
            moment = Moment(None, float(relative[1]), relative[2])
            if abs(timedelta(**{UNITS[moment.unit]: moment.number})) > timedelta(days=MOST_DAYS):
                raise ValidationError(f"It must be within {MOST_DAYS:,} days of now.")
            return moment
        try:
            read = datetime.fromisoformat(value)
            return Moment((read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC))
        except (ValueError, OverflowError):
            raise ValidationError(
                'It must be a time such as "2026-05-05T07:30:00Z", or one relative to now such as'
                f' "-2h", "-3d" or "+30m", not {quote(value)}.'
            ) from None


class TimeZone(Text):
    """The IANA name of a time zone."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value)
        if name not in find_time_zones():
            example = 'such as "Asia/Jerusalem"'
            raise ValidationError(
                f"It must be the IANA name of a time zone, {example}, not {quote(value)}."
            )
        return name


class Token(StateField):
    """A token in clear, or `sha256:` and its digest; the digest is loaded."""

    openapi = {"type": "string"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if isinstance(value, str):
            if digest := DIGEST.fullmatch(value.lower()):
                return digest[1]
            is_clear = TOKEN.fullmatch(value) and not value.startswith("sha256:")
            if is_clear and len(value) <= LONGEST_UID:
                return digest_of(value)
        raise ValidationError(
            f"It must be a token of 1 to {LONGEST_UID} visible ASCII characters without @, or"
            ' "sha256:" and 64 hexadecimal digits.'
        )


class JsonObject(StateField):
    """An object that is stored as it is."""

    openapi = {"type": "object"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(f"It must be an object, not {quote(value)}.")
        _check_json(value, DEEPEST)
        return value


class Part(fields.Nested):
    """An object with fields of its own."""

    default_error_messages = StateField.default_error_messages


class Items(fields.List[Any]):
    """An array; while a long one is loaded, other requests have their turns."""

    default_error_messages = {
        "invalid": "It must be an array.",
        "required": "It is required: send an array.",
        "null": "It must be an array, not null.",
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        loaded: list[Any] = []
        errors: dict[int, Any] = {}
        for index, each in enumerate(value):
            give_way(index)
            try:
                loaded.append(self.inner.deserialize(each, **kwargs))
            except ValidationError as error:
                errors[index] = error.messages
                if len(errors) == MOST_MISTAKES:
                    break
        if errors:
            raise ValidationError(errors)
        return loaded


@cache
def find_time_zones() -> set[str]:
    """Return the names of all time zones, without those that stand for this machine's own."""
    return available_timezones() - {"Factory", "localtime"}


def give_way(index: int) -> None:
    """Let other requests have their turns, once in a while in a long loop."""
    if index % ITEMS_AT_ONCE == ITEMS_AT_ONCE - 1:
        time.sleep(0)


def name_paths(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Return the messages of wrong fields by their paths, as in `conversations[3].uid`."""
    if not isinstance(messages, dict):
        return {path: messages}
    flat: dict[str, list[str]] = {}
    for name, below in messages.items():
        if isinstance(name, int):
            inner = f"{path}[{name}]"
        elif name == "_schema":
            inner = path or "state"
        else:
            inner = f"{path}.{name}" if path else name
        flat |= name_paths(below, inner)
    return flat


def _check_json(value: Any, levels: int) -> None:
    """Raise ValidationError for what could not be stored, or not be shown."""
    if isinstance(value, str) and "\0" in value:
        raise ValidationError("It must not hold a NUL character.")
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ValidationError(f"It must not hold an integer of more than {MOST_BITS} bits.")
    if isinstance(value, dict | list):
        if not levels:
            raise ValidationError(f"It must not be nested deeper than {DEEPEST} levels.")
        for each in value:
            _check_json(each, levels - 1)
            if isinstance(value, dict):
                _check_json(value[each], levels - 1)
