"""Times as vcita's Ruby reads them: Date._parse extracts the parts, Time.new builds the time.

Ruby looks for a weekday, then for a time of day, then for the first date format that matches, and
blanks each match before the next search. The tests compare with Ruby's own results.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

ISO_UTC = re.compile(r"([12]\d{3})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", re.ASCII)
MAX_BYTES = 128  # bytes of UTF-8; Ruby refuses more
MAX_DIGITS = 9  # digits; a longer one fits no part of a time

Parts = dict[str, str]  # year, month, day, yday, hour, …, zone and era, if the text has them


def parse_time(text: str, now: datetime) -> datetime:
    """Return the time that vcita's Ruby reads in a text, as aware UTC.

    Parts above the text's largest one come from `now` in UTC; a time without a zone is UTC. Raises
    only ValueError: if Ruby finds no valid time, if `datetime` does not support it, and for the few
    texts that Ruby's own parsers read differently (`'27`, `12.5`) or wrongly (31 February, 24:00).
    """
    if usual := ISO_UTC.fullmatch(text):  # 20 times as fast as the general case
        with suppress(ValueError):  # for a time that does not exist, such as 24:00:00
            return datetime(*map(int, usual.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"A time has at most {MAX_BYTES} bytes.")
    text, _ = _extract(WEEKDAY, NOISE.sub(" ", text))
    text, clock = _extract(CLOCK, text)
    found = _read_clock(clock) if clock else {}
    for form, read in DATE_FORMS:
        text, date = _extract(form, text)
        if date:
            found |= read(date)
            break
    if BEFORE_CHRIST.search(text):
        found["era"] = "bc"
    if number := LONE_NUMBER.fullmatch(text):
        found |= _assign_lone_number(number[1], found)
    try:
        return _make_time(found, now.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("The time is before the year 1 or after the year 9999.") from error


def _extract(pattern: re.Pattern[str], text: str) -> tuple[str, re.Match[str] | None]:
    match = pattern.search(text)
    return (f"{text[: match.start()]} {text[match.end() :]}" if match else text), match


def _make_time(found: Parts, now: datetime) -> datetime:
    _check_parts(found)
    year = _read_year(found["year"]) if "year" in found else now.year
    if "yday" in found:
        day = datetime(year, 1, 1) + timedelta(days=_read_number(found["yday"]) - 1)
        if day.year != year:
            raise ValueError("The year has no such day.")
        is_real = True
    else:
        month = _read_number(found["month"]) if "month" in found else now.month
        number = _read_number(found.get("day", "1" if "month" in found else str(now.day)))
        if not 1 <= number <= 31:
            raise ValueError("No month has such a day.")
        day = datetime(year, month, 1) + timedelta(days=number - 1)  # 30 February is 2 March
        is_real = day.month == month
    hour, minute, second = (
        _read_number(found.get(part, "0")) for part in ("hour", "minute", "second")
    )
    if (hour, minute, second) > (24, 0, 0) or minute > 59 or second > 60:
        raise ValueError("No day has such a time.")
    clock = timedelta(
        hours=hour,
        minutes=minute,
        seconds=second,
        microseconds=int(found.get("fraction", "")[:6].ljust(6, "0")),
    ) - _read_offset(found.get("zone", "z"))
    if not is_real and clock // timedelta(days=1):
        raise ValueError("The month has no such day, and Ruby errs about the one that it means.")
    return (day + clock).replace(tzinfo=UTC)


def _read_offset(zone: str) -> timedelta:
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
        return timedelta(hours=_read_number(hours) + int(decimals) / 10 ** len(decimals))
    if not minutes and len(hours) > 2:
        digits = hours.zfill(len(hours) + len(hours) % 2)
        hours, minutes, seconds = digits[:2], digits[2:4], digits[4:6]
    return timedelta(
        hours=_read_number(hours),
        minutes=_read_number(minutes or "0"),
        seconds=_read_number(seconds or "0"),
    )


def _read_number(digits: str) -> int:
    """Return a number in a time; raise ValueError if it is too long."""
    if len(digits) > MAX_DIGITS:
        raise ValueError("A number is too large for a time.")
    return int(digits)


def _check_parts(found: Parts) -> None:
    """Raise ValueError for parts that are no time, or that Ruby and Rails complete differently."""
    if found.keys().isdisjoint(("month", "day", "yday", "hour")):
        raise ValueError("The text has neither a day nor an hour.")
    if "hour" not in found and not found.keys().isdisjoint(("minute", "second", "fraction")):
        raise ValueError("The text has minutes or seconds without an hour.")
    if "year" in found and found.keys().isdisjoint(("month", "yday")):
        raise ValueError("The text has a year without a month.")
    if "year" in found and found.get("era", "").lower().startswith("b"):
        raise ValueError("The time is before Christ.")


def _read_year(text: str) -> int:
    year = _read_number(text)
    if text.isdigit() and len(text) <= 2:
        year += 1900 if year >= 69 else 2000
    return year


def _read_parts(match: re.Match[str]) -> Parts:
    found = {part: text for part, text in match.groupdict().items() if text}
    if found.get("month", "").lower() in MONTHS:
        found["month"] = MONTHS[found["month"].lower()]
    return found


def _read_clock(match: re.Match[str]) -> Parts:
    parts = CLOCK_PARTS.match(match["clock"])
    found = _read_parts(parts) if parts else {}
    if half := found.pop("half", ""):
        found["hour"] = str(_read_number(found["hour"]) % 12 + (12 if half in "pP" else 0))
    if match["zone"]:
        found["zone"] = match["zone"]
    return found


def _read_date(match: re.Match[str]) -> Parts:
    """Identify year, month and day: an apostrophe or a third digit marks the year."""
    found = _read_parts(match)
    year, month, day = (found.pop(part, "") for part in ("year", "month", "day"))
    if year and not day:
        year, month, day = "", year, month
    if not year and _marks_year(day):
        year, day = day, ""
    if (number := SIGNED_NUMBER.search(year)) and number.end() < len(year):
        year, day = day, number[0]  # in "6 May 7th" the ordinal is the day
    if _marks_year(month):
        year, month, day = month, day, year
    if _marks_year(day):
        year, day = day, year
    numbers = {
        "year": SIGNED_NUMBER.search(year),
        "month": NUMBER.search(month),
        "day": NUMBER.search(day),
    }
    return found | {part: number[0] for part, number in numbers.items() if number}


def _marks_year(text: str) -> bool:
    return text.startswith("'") or len(text) > 2


def _read_japanese_date(match: re.Match[str]) -> Parts:
    year = JAPANESE_ERAS[match["initial"].lower()] + _read_number(match["year"])
    return {"year": str(year), "month": match["month"], "day": match["day"]}


def _read_digits(match: re.Match[str]) -> Parts:
    """Split a run of digits by its length; before a fraction it is a time of day."""
    digits, time, fraction, zone = match.group("digits", "time", "fraction", "zone")
    is_clock = fraction is not None and not time
    found = _split(digits, CLOCK_LAYOUTS if is_clock else DATE_LAYOUTS)
    if time and len(time) in TIME_LAYOUTS:
        found |= _split(time, TIME_LAYOUTS if fraction is None else CLOCK_LAYOUTS)
    if match["sign"] == "-" and "year" in found:
        found["year"] = "-" + found["year"]
    if fraction is not None:
        found["fraction"] = fraction
    if zone and zone.startswith("["):
        zone = zone[1:-1].split(":")[0]
        zone = "+" + zone if zone[0].isdigit() else zone
    if zone:
        found["zone"] = zone
    return found


def _split(digits: str, layouts: dict[int, str]) -> Parts:
    """Split digits into parts of two, or three for a day of the year; the first gets the rest."""
    found: Parts = {}
    if len(digits) in layouts:
        first, *others = layouts[len(digits)].split()
        for part in reversed(others):
            width = 3 if part == "yday" else 2
            digits, found[part] = digits[:-width], digits[-width:]
        found[first] = digits
    return found


def _assign_lone_number(number: str, found: Parts) -> Parts:
    """Read a remaining number as the day of a time, or as the hour of a day."""
    if "hour" in found and "day" not in found and 1 <= int(number) <= 31:
        return {"day": number}
    if "day" in found and "hour" not in found and int(number) <= 24:
        return {"hour": number}
    return {}


def _pattern(source: str) -> re.Pattern[str]:
    r"""Compile a pattern as Ruby does: \d and \D refer to ASCII digits only."""
    return re.compile(source.replace(r"\d", "[0-9]").replace(r"\D", "[^0-9]"), re.IGNORECASE)


MONTH_NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
MONTHS = {name: str(number) for number, name in enumerate(MONTH_NAMES.split("|"), start=1)}
MONTH = rf"(?P<month>{MONTH_NAMES})"
ERA = r"(?P<era>c(?:e|\.e\.)|b(?:ce|\.c\.e\.)|a(?:d|\.d\.)|b(?:c|\.c\.))?"
JAPANESE_ERAS = {"m": 1867, "t": 1911, "s": 1925, "h": 1988, "r": 2018}

DATE_LAYOUTS = {
    2: "day",
    3: "yday",
    4: "month day",
    5: "year yday",
    6: "year month day",
    7: "year yday",
    8: "year month day",
    10: "year month day hour",
    12: "year month day hour minute",
    14: "year month day hour minute second",
}
TIME_LAYOUTS = {2: "hour", 4: "hour minute", 6: "hour minute second"}
# Before a fraction, the digits end with seconds. Their first part may have one digit, a year four.
LAST_PARTS = DATE_LAYOUTS[14].split()
CLOCK_LAYOUTS = {n: " ".join(LAST_PARTS[-((n + 1) // 2) :]) for n in (*range(2, 9), 10, 12, 14)}

NOISE = re.compile(r"(?:[^\w\-+',./:@\[\]]|_)+")
NUMERIC = re.compile(
    r"(?:gmt|utc)?(?P<sign>[-+])(?P<hours>[0-9]+)"
    r"(?::(?P<minutes>[0-9]+)(?::(?P<seconds>[0-9]+))?|[,.](?P<decimals>[0-9]+))?"
)
NUMBER = _pattern(r"\d+")
SIGNED_NUMBER = _pattern(r"[-+]?\d+")
LONE_NUMBER = _pattern(r" *(\d{1,2}) *")
BEFORE_CHRIST = _pattern(r"\b(?:bce?\b|b\.c\.)")
WEEKDAY = _pattern(r"\b(?:sun|mon|tue|wed|thu|fri|sat)[^-/0-9 ]*")
CLOCK = _pattern(
    r"(?P<clock>(?:\d+ *: *\d+(?: *: *\d+(?:[,.]\d*)?)?|\d+ *h(?: *\d+m?(?: *\d+s?)?)?)"
    r"(?: *[ap](?:m\b|\.m\.))?|\d+ *[ap](?:m\b|\.m\.))"
    r"(?: *(?P<zone>(?:gmt|utc?)?[-+]\d+(?:[,.:]\d+(?::\d+)?)?"
    r"|(?:[^\W0-9_]|[. ])+(?:standard|daylight) time\b|[^\W0-9_]+(?: dst)?\b))?"
)
CLOCK_PARTS = _pattern(
    r"(?P<hour>\d+)h?"
    r"(?: *:? *(?P<minute>\d+)m?(?: *:? *(?P<second>\d+)(?:[,.](?P<fraction>\d+))?s?)?)?"
    r"(?: *(?P<half>[ap])(?:m\b|\.m\.))?"
)
# In Ruby's order: the first match is the date.
DATE_SOURCES: list[tuple[str, Callable[[re.Match[str]], Parts]]] = [
    # 6th May 2026
    (
        rf"(?P<day>'?\d+)[^-0-9 ]* *{MONTH}[^-0-9 ']*"
        rf"(?: *{ERA} *(?P<year>'?-?\d+(?:(?:st|nd|rd|th)\b)?))?",
        _read_date,
    ),
    # May 6th, 2026
    (
        rf"\b{MONTH}[^-0-9 ']* *(?P<day>'?\d+)[^-0-9 ']*(?: *,? *{ERA} *(?P<year>'?-?\d+))?",
        _read_date,
    ),
    # 2026-05-06
    (r"(?P<year>'?[-+]?\d+)-(?P<month>\d+)-(?P<day>'?-?\d+)", _read_date),
    # R8.05.06
    (r"\b(?P<initial>[mtshr])(?P<year>\d+)\.(?P<month>\d+)\.(?P<day>\d+)", _read_japanese_date),
    # 6-May-2026
    (rf"(?P<day>'?-?\d+)-{MONTH}[^-/.]*-(?P<year>'?-?\d+)", _read_date),
    # May-6-2026
    (rf"\b{MONTH}[^-/.]*-(?P<day>'?-?\d+)(?:-(?P<year>'?-?\d+))?", _read_date),
    # 2026/05/06
    (r"(?P<year>'?-?\d+)/ *(?P<month>'?\d+)(?:\D *(?P<day>'?-?\d+))?", _read_date),
    # 6.5.2026
    (r"(?P<year>'?-?\d+)\. *(?P<month>'?\d+)\. *(?P<day>'?-?\d+)", _read_date),
    # 2026-W19-3: a week is found, but it is no part of a time
    (r"\b(?:\d{2}|\d{4})?-?w\d{2}(?:-?\d)?\b", _read_parts),
    (r"-w-\d\b", _read_parts),
    # --05-06
    (r"--(?P<month>\d{2})?-(?P<day>\d{2})\b", _read_parts),
    # --0506
    (r"--(?P<month>\d{2})(?P<day>\d{2})?\b", _read_parts),
    # 2026-126
    (r"(?<![,.])\b(?P<year>\d{2}|\d{4})-(?P<yday>\d{3})\b", _read_parts),
    # -126
    (r"(?<!\d)\b-(?P<yday>\d{3})\b", _read_parts),
    # '26
    (r"'(?P<year>\d+)\b", _read_parts),
    # May
    (rf"\b{MONTH}[^ ]*", _read_parts),
    # 6th
    (r"(?P<day>\d+)(?:st|nd|rd|th)\b", _read_parts),
    # 20260506T103121
    (
        r"(?P<sign>[-+]?)(?P<digits>\d{2,14})"
        r"(?: *t? *(?P<time>\d{2,6})?(?:[,.](?P<fraction>\d*))?)?"
        r"(?: *(?P<zone>z\b|[-+]\d{1,4}\b|\[[-+]?\d[^\]]*\]))?",
        _read_digits,
    ),
]
DATE_FORMS = [(_pattern(source), read) for source, read in DATE_SOURCES]
# The names that Ruby knows, by offset; the longer ones precede "standard time" or "daylight time".
OFFSETS: dict[str, timedelta] = {}
for line in Path(__file__).with_name("zones.txt").read_text().splitlines():
    OFFSETS |= dict.fromkeys(line[7:].split(", "), _read_offset(line[:6]))
