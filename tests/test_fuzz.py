"""Any string as a time, and any body as a request: each gets its result or a proper error."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruby_time.times import parse_time
from schemas import ConversationUpdateSchema, NewMessageSchema
from support.apps import Caller, errors_of
from support.constants import MERGED_TWICE, MESSAGE, ONE, UID
from support.stored import Stored

Bodies = st.SearchStrategy[bytes]
CODES = {400: "bad_request", 404: "invalid", 413: "payload_too_large", 422: "invalid"}

# Texts for a time


def read_inputs() -> list[str]:
    """Return the texts of the tests' tables."""
    tables = sorted((Path(__file__).parent / "data").glob("ruby_time_*.tsv"))
    lines = [line for table in tables for line in table.read_text().splitlines()[1:]]
    values = [json.loads(line.split("\t")[0]) for line in lines]
    return [value for value in values if isinstance(value, str)]


INPUTS = st.sampled_from(read_inputs())
PIECES = st.sampled_from(
    ["0", "1", "12", "31", "99", "2026", "20260506", "-", "/", ":", ".", ",", "+", "'", "(", ")"]
    + [" ", "\t", "\n", "\0", "T", "Z", "W19", "H", "GMT", "UTC", "EST", "DST", "am", "p.m.", "BC"]
    + ["May", "january", "Wed", "th", "st", "+0300", "-99:99", "١", "é", "½", "９", "\ud800"]
)
PLACES = st.integers(0, 40)
SPLICED = st.builds(  # two known texts, with a piece between them
    lambda first, start, piece, second, end: first[:start] + piece + second[end:],
    *(INPUTS, PLACES, PIECES | st.characters(), INPUTS, PLACES),
)
TEXTS = st.one_of(
    st.text(st.characters()),
    st.text("0123456789-/:.,+TZ '", max_size=140),
    st.lists(PIECES, max_size=40).map("".join),
    st.builds(lambda piece, times: piece * times, PIECES, st.integers(0, 200)),
    SPLICED,
)


@settings(max_examples=1000, derandomize=True, database=None, deadline=timedelta(seconds=2))
@given(text=TEXTS, now=st.datetimes(timezones=st.just(UTC)))
def test_parse_time_raises_only_value_error(text: str, now: datetime) -> None:
    try:
        time = parse_time(text, now)
    except ValueError:
        return
    assert time.utcoffset() == timedelta(0)
    assert len(text.encode()) <= 128
    if time.year >= 1000:
        assert parse_time(time.isoformat(), now) == time


# Bodies

LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=300)),
    st.integers(-5, 5).map(lambda digit: digit * 10**4298),
    st.sampled_from(["", "\0", "a\0b", "\ud800", "\udfff\ud800", "1", "true", "2026-06-01", UID]),
)
KEYS = st.text(st.characters(), max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
FLAGS = st.sampled_from([True, False, 1, 0, "1", "false"])
RIGHT_TEXTS = st.text(max_size=20).filter(lambda text: "\0" not in text)
RIGHT_UPDATES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(ConversationUpdateSchema().fields, FLAGS)
    | dict.fromkeys(("campaign", "source_type", "follow_up_message"), RIGHT_TEXTS)
    | {"follow_up_date": st.sampled_from([None, "2026-06-01", "tomorrow"])},
)
RIGHT_MESSAGES = st.fixed_dictionaries(
    {name: st.just(value) for name, value in MESSAGE.items()} | {"text": RIGHT_TEXTS},
    optional=dict.fromkeys(("conversation_title", "channels"), RIGHT_TEXTS)
    | {"conversation_uid": st.sampled_from([UID, MERGED_TWICE, None])},
)


@st.composite
def damaged(draw: st.DrawFn, bodies: Bodies) -> bytes:
    """Draw a body with some bytes put in or over what was there."""
    body = draw(bodies)
    start = draw(st.integers(0, len(body)))
    return body[:start] + draw(st.binary(max_size=4)) + body[start + draw(st.integers(0, 3)) :]


def bodies(names: list[str], right: st.SearchStrategy[Any], pattern: str) -> Bodies:
    """Return bodies from right to unreadable; the pattern has a %s where the object goes."""
    known = st.sampled_from([*names, "unknown"])
    anything = st.dictionaries(known | st.text(st.characters()), VALUES)
    mixed = st.builds(lambda start, end: start | end, right, anything)
    readable = st.one_of(right, mixed, anything, VALUES).map(json.dumps)
    placed = readable.map(lambda text: (pattern % text).encode())
    return st.one_of(placed, damaged(placed), st.binary())


def check_any_body(caller: Caller, stored: Stored, method: str, path: str, body: bytes) -> Any:
    """Return the JSON of a response to a body, or None for a proper error with nothing stored."""
    before = stored.everything()
    response = caller.send_to(method, path, body)
    if response.status_code in (200, 201):
        return json.loads(response.data)
    for error in errors_of(response):
        assert error["code"] == CODES[response.status_code]
        field = set() if response.status_code == 400 else {"field"}
        assert error.keys() == {"code", "message"} | field
        assert all(value and isinstance(value, str) for value in error.values())
    assert stored.everything() == before
    return None


BODY_SETTINGS = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@BODY_SETTINGS
@given(body=bodies([*ConversationUpdateSchema().fields], RIGHT_UPDATES, "%s"))
def test_random_update_gets_200_or_an_error(owner: Caller, stored: Stored, body: bytes) -> None:
    shown = check_any_body(owner, stored, "PUT", ONE, body)
    assert shown is None or shown["uid"] == UID


@BODY_SETTINGS
@given(body=bodies([*NewMessageSchema().fields], RIGHT_MESSAGES, '{"message": %s}'))
def test_random_message_gets_201_or_an_error(owner: Caller, stored: Stored, body: bytes) -> None:
    shown = check_any_body(owner, stored, "POST", "/platform/v1/messages", body)
    assert shown is None or list(shown["data"]) == ["id", "uid", "conversation_uid"]
