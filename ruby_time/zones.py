"""The offsets of time zones, as vcita's Ruby reads them."""

import re
from datetime import timedelta
from pathlib import Path

NUMERIC = re.compile(
    r"(?:gmt|utc)?(?P<sign>[-+])(?P<hours>[0-9]+)"
    r"(?::(?P<minutes>[0-9]+)(?::(?P<seconds>[0-9]+))?|[,.](?P<decimals>[0-9]+))?"
)
MAX_DIGITS = 9  # digits; a longer one fits no part of a time


def read_offset(zone: str) -> timedelta:
    """Return a zone's offset from UTC, or 0 for an unknown name; raise ValueError from a day on."""
    name = " ".join(zone.lower().split())
    summer = timedelta(hours=name.endswith((" daylight time", " dst")))
    for suffix in (" standard time", " daylight time", " dst"):
        name = name.removesuffix(suffix)
    if name in OFFSETS:
        return OFFSETS[name] + summer
    match = NUMERIC.match(name)
    if not match:
        return timedelta()
    offset = _read_size(match)
    if offset >= timedelta(days=1):
        raise ValueError("No zone is a day or more from UTC.")
    return -offset if match["sign"] == "-" else offset


def _read_size(match: re.Match[str]) -> timedelta:
    """Return hours with minutes and seconds or decimals after them, or two digits for each."""
    hours, minutes, seconds, decimals = match.group("hours", "minutes", "seconds", "decimals")
    if decimals:
        return timedelta(hours=read_number(hours) + int(decimals) / 10 ** len(decimals))
    if not minutes and len(hours) > 2:
        digits = hours.zfill(len(hours) + len(hours) % 2)
        hours, minutes, seconds = digits[:2], digits[2:4], digits[4:6]
    return timedelta(
        hours=read_number(hours),
        minutes=read_number(minutes or "0"),
        seconds=read_number(seconds or "0"),
    )


def read_number(digits: str) -> int:
    """Return a number in a time; raise ValueError if it is too long."""
    if len(digits) > MAX_DIGITS:
        raise ValueError("A number is too large for a time.")
    return int(digits)


# The names that Ruby knows, by offset; the longer ones precede "standard time" or "daylight time".
OFFSETS: dict[str, timedelta] = {}
for line in Path(__file__).with_name("zones.txt").read_text().splitlines():
    size = timedelta(hours=int(line[1:3]), minutes=int(line[4:6]))
    OFFSETS |= dict.fromkeys(line[7:].split(", "), -size if line[0] == "-" else size)
