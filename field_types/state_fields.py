"""The fields that only states have: uids, times, tokens, and JSON that is stored as it is."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import ValidationError

from conversations.callers import digest_of
from field_types import error_texts as texts
from field_types.error_texts import MAX_BITS, MAX_DAYS, MAX_LEVELS, MAX_TOKEN
from field_types.request_fields import String

MAX_NAME = 500  # characters of a name, or of a part of it
MAX_UID = 255
RELATIVE_TIME = re.compile(r"([+-]\d{1,9}(?:\.\d{1,9})?)([dhm])", re.ASCII)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
TOKEN = re.compile(f"(?!sha256:)[!-?A-~]{{1,{MAX_TOKEN}}}")  # visible ASCII without @
DIGEST = re.compile("sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class TimeSpec:
    """A time of a state: an absolute one, or a number of days, hours or minutes from now."""

    absolute: datetime | None = None
    number: float = 0
    unit: str = "m"

    def resolve(self, now: datetime, zone: tzinfo) -> datetime:
        """Return the time; days before or after now are the zone's own, of 23 to 25 hours."""
        if self.absolute:
            return self.absolute
        if self.unit == "d":
            return (now.astimezone(zone) + timedelta(days=self.number)).astimezone(UTC)
        return now + timedelta(**{UNITS[self.unit]: self.number})


class Name(String):
    """A name that is not blank."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MAX_NAME, required=True, validate=[check_not_blank], **options)


class Uid(String):
    """A uid, which paths contain, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MAX_UID, validate=[check_not_blank, check_no_slash], **options)


class Time(String):
    """A time as ISO 8601 has it, in UTC if it names no zone, or one relative to now."""

    def __init__(self, **options: Any) -> None:
        super().__init__(post_load=parse_time_spec, **options)


def parse_time_spec(text: str) -> TimeSpec:
    """Return the time that a string means. Raises ValidationError."""
    if relative := RELATIVE_TIME.fullmatch(text):
        spec = TimeSpec(None, float(relative[1]), relative[2])
        if abs(timedelta(**{UNITS[spec.unit]: spec.number})) > timedelta(days=MAX_DAYS):
            raise ValidationError(texts.TOO_FAR)
        return spec
    try:
        read = datetime.fromisoformat(text)
        return TimeSpec((read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError):
        raise ValidationError(texts.NO_TIME) from None


def find_digest(token: str) -> str:
    """Return the digest of a token, or the one that it spells out. Raises ValidationError."""
    if digest := DIGEST.fullmatch(token.lower()):
        return digest[1]
    if not TOKEN.fullmatch(token):
        raise ValidationError(texts.NO_TOKEN)
    return digest_of(token)


@cache
def find_time_zones() -> set[str]:
    """Return the names of all time zones, except those that mean this machine's own."""
    return available_timezones() - {"Factory", "localtime"}


def check_time_zone(name: str) -> None:
    """Raise ValidationError for anything else than the IANA name of a time zone."""
    if name not in find_time_zones():
        raise ValidationError(texts.NO_TIME_ZONE)


def check_not_blank(text: str) -> None:
    """Raise ValidationError for a string of whitespace, or none."""
    if not text.strip():
        raise ValidationError(texts.BLANK)


def check_no_slash(text: str) -> None:
    """Raise ValidationError for a string that a part of a path can't be."""
    if "/" in text:
        raise ValidationError(texts.SLASH)


def check_json(value: Any, levels: int = MAX_LEVELS) -> None:
    """Raise ValidationError for JSON that could not be stored, or not be shown."""
    if isinstance(value, str) and "\0" in value:
        raise ValidationError(texts.NUL)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ValidationError(texts.TOO_LARGE)
    if isinstance(value, dict | list):
        if not levels:
            raise ValidationError(texts.TOO_DEEP)
        for each in value:
            check_json(each, levels - 1)
            if isinstance(value, dict):
                check_json(value[each], levels - 1)
