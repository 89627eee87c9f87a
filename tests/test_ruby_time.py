"""Times against what vcita's Ruby reads, which stands in tests/data."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ruby_time.times import parse_time

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def rows(name: str) -> list[tuple[str, str]]:
    """Return the rows whose input is a string, as input and expected."""
    lines = (Path(__file__).parent / "data" / name).read_text().splitlines()[1:]
    pairs = [tuple(line.split("\t")) for line in lines]
    return [(json.loads(text), expected) for text, expected in pairs if text.startswith('"')]


def show(time: datetime) -> str:
    fraction = f".{time.microsecond:06}".rstrip("0") if time.microsecond else ""
    return f"{time:%Y-%m-%dT%H:%M:%S}{fraction}Z".rjust(20 + len(fraction), "0")


def check(text: str, expected: str | None, now: datetime = NOW) -> None:
    """Fail unless a text is read as a time, or as none."""
    if expected is None:
        with pytest.raises(ValueError):
            parse_time(text, now)
    else:
        time = parse_time(text, now)
        assert (show(time), time.utcoffset()) == (expected, timedelta(0))


@pytest.mark.parametrize(
    ("text", "expected"),
    rows("ruby_time_parse.tsv") + rows("ruby_time_more.tsv"),
    ids=lambda text: json.dumps(text)[:60],
)
def test_reads_what_ruby_reads(text: str, expected: str) -> None:
    check(text, None if expected == "error" else expected)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("'27", id="a year alone: Rails adds the month of now, Time.parse January"),
        pytest.param("'27 13:31", id="a year and a time"),
        pytest.param("12.5", id="seconds alone: Rails reads 00:00:12.5, Time.parse 12:00:12.5"),
        pytest.param("2026-02-31T22:00:00-05:00", id="31 February, where Ruby reads January"),
    ],
)
def test_reads_nothing_where_ruby_is_of_two_minds(text: str) -> None:
    check(text, None)


IN_AUGUST = datetime(2027, 8, 9, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("13:31", IN_AUGUST, "2027-08-09T13:31:00Z"),
        ("6th", IN_AUGUST, "2027-08-06T00:00:00Z"),
        ("May", IN_AUGUST, "2027-05-01T00:00:00Z"),
        ("May 6", IN_AUGUST, "2027-05-06T00:00:00Z"),
        ("126", IN_AUGUST.replace(year=2028), "2028-05-05T00:00:00Z"),
        ("13:31", IN_AUGUST.astimezone(timezone(timedelta(hours=3))), "2027-08-09T13:31:00Z"),
    ],
)
def test_completes_from_now_in_utc(text: str, now: datetime, expected: str) -> None:
    check(text, expected, now)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13:31 6", "2026-05-06T13:31:00Z"),  # a number beside a time is the day,
        ("6th 13", "2026-05-06T13:00:00Z"),  # and beside a day the hour,
        ("6th 24", "2026-05-07T00:00:00Z"),
        ("6th 25", "2026-05-06T00:00:00Z"),  # if there is such an hour,
        ("6th 13:31 7", "2026-05-06T13:31:00Z"),  # and neither where both are there
        ("13h31m20", "2026-05-01T13:31:20Z"),
        ("10:31:61", None),
        ("103121.", "2026-05-01T10:31:21Z"),
        ("10312.5", "2026-05-01T01:03:12.5Z"),
        ("0506103121.5", "2026-05-06T10:31:21.5Z"),
        ("260506103121.5", "2026-05-06T10:31:21.5Z"),
        ("M45.05.06", "1912-05-06T00:00:00Z"),
        ("xmay 6", None),  # no month begins inside a word
        ("2026-05-06 bcx", "2026-05-06T00:00:00Z"),
        ("2026-05-06 bc", None),
    ],
)
def test_reads_what_the_source_of_ruby_says(text: str, expected: str | None) -> None:
    """These follow date_parse.c; no Ruby has been asked."""
    check(text, expected)


def test_reads_nothing_longer_than_128_bytes() -> None:
    check("2026-05-06" + " " * 118, "2026-05-06T00:00:00Z")
    check("2026-05-06" + " " * 119, None)
    check("2026-05-06 " + "é" * 59, None)
