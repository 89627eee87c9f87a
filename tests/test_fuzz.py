"""Any string as a time, and any body as a request: each gets its result or a proper error."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruby_time.times import parse_time
from support.callers import Caller
from support.constants import CONVERSATION_FIELDS, JANE, MERGED_TWICE, UID
from support.stored import Stored

UPDATE_FIELDS = (
    "archived business_unread spam deleted campaign source_type mobile follow_up follow_up_date"
    " follow_up_message complete_follow_up"
).split()
MESSAGE_FIELDS = (
    "client_id text direction conversation_uid conversation_title staff_id channels"
).split()
CODES = {400: "bad_request", 404: "invalid", 413: "payload_too_large", 422: "invalid"}

TIME_SETTINGS = settings(
    max_examples=1000, derandomize=True, database=None, deadline=timedelta(seconds=2)
)
BODY_SETTINGS = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Texts for a time


def read_inputs() -> list[str]:
    """Return the texts of the tests' tables."""
    tables = sorted((Path(__file__).parent / "data").glob("ruby_time_*.tsv"))
    lines = [line for table in tables for line in table.read_text().splitlines()[1:]]
    values = [json.loads(line.split("\t")[0]) for line in lines]
    return [value for value in values if isinstance(value, str)]


INPUTS = read_inputs()
PIECES = st.sampled_from(
    ["0", "1", "12", "31", "99", "2026", "20260506", "-", "/", ":", ".", ",", "+", "'", "(", ")"]
    + [" ", "\t", "\n", "\0", "T", "Z", "W19", "H", "GMT", "UTC", "EST", "DST", "am", "p.m.", "BC"]
    + ["May", "january", "Wed", "th", "st", "+0300", "-99:99", "١", "é", "½", "９", "\ud800"]
)


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """Draw two known texts, spliced, with some pieces put in or over what was there."""
    first, second = draw(st.sampled_from(INPUTS)), draw(st.sampled_from(INPUTS))
    text = first
    if draw(st.booleans()):
        text = first[: draw(st.integers(0, len(first)))] + second[len(second) // 2 :]
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 3))
        text = text[:start] + draw(st.one_of(PIECES, st.characters())) + text[end:]
    return text


TEXTS = st.one_of(
    st.text(st.characters()),
    st.text("0123456789-/:.,+TZ '", max_size=140),
    st.lists(PIECES, max_size=40).map("".join),
    st.builds(lambda piece, times: piece * times, PIECES, st.integers(0, 200)),
    mutated_texts(),
)
NOWS = st.datetimes(timezones=st.just(UTC))


@TIME_SETTINGS
@given(text=TEXTS, now=NOWS)
def test_any_text_is_a_time_or_a_value_error(text: str, now: datetime) -> None:
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
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-5, 5).map(lambda digit: digit * 10**4298),
    st.floats(),
    st.text(st.characters(), max_size=300),
    st.sampled_from(["", "\0", "a\0b", "\ud800", "\udfff\ud800", "1", "true", "2026-06-01", UID]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=4),
    ),
    max_leaves=8,
)
FLAGS = st.sampled_from([True, False, 1, 0, "1", "false"])
RIGHT_TEXTS = st.text(max_size=20).filter(lambda text: "\0" not in text)
ENCODINGS = st.sampled_from(["utf-16", "utf-32", "utf-8-sig"])
RIGHT_UPDATES = st.fixed_dictionaries(
    {},
    optional={field: FLAGS for field in UPDATE_FIELDS}
    | {field: RIGHT_TEXTS for field in ("campaign", "source_type", "follow_up_message")}
    | {"follow_up_date": st.sampled_from([None, "2026-06-01", "tomorrow"])},
)
RIGHT_MESSAGES = st.fixed_dictionaries(
    {
        "client_id": st.just(JANE),
        "text": RIGHT_TEXTS,
        "direction": st.sampled_from(["client_to_business", "business_to_client"]),
    },
    optional={
        "conversation_uid": st.sampled_from([UID, MERGED_TWICE, None]),
        "conversation_title": RIGHT_TEXTS,
        "channels": RIGHT_TEXTS,
    },
)


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def damaged(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """Draw a body with some bytes put in or over what was there."""
    body = draw(bodies)
    start = draw(st.integers(0, len(body)))
    end = start + draw(st.integers(0, 3))
    return body[:start] + draw(st.binary(max_size=4)) + body[end:]


def bodies(
    fields: list[str], right: st.SearchStrategy[Any], pattern: str
) -> st.SearchStrategy[bytes]:
    """Return bodies from right to unreadable; the pattern has a %s where the object goes."""

    def place(text: str) -> bytes:
        return (pattern % text).encode()

    known = st.sampled_from(fields)
    anything = st.dictionaries(st.one_of(known, st.text(st.characters())), VALUES)
    mixed = st.builds(lambda start, end: start | end, right, anything)
    readable = st.one_of(right, mixed, anything).map(lambda value: place(json.dumps(value)))
    return st.one_of(
        readable,
        damaged(readable),
        VALUES.map(dump),
        VALUES.map(lambda value: place(json.dumps(value))),
        st.binary(),
        st.builds(lambda body, name: body.decode().encode(name), readable, ENCODINGS),
        st.builds(
            lambda field, depth, closed, pair: place(
                f'{{"{field}": {pair[0] * depth}1{pair[1] * depth * closed}}}'
            ),
            st.one_of(known, st.just("unknown")),
            st.one_of(st.integers(1, 1_100), st.integers(1, 90_000)),
            st.booleans(),
            st.sampled_from([("[", "]"), ('{"a":', "}")]),
        ),
        st.builds(
            lambda field, digits, sign: place(f'{{"{field}": {sign}{"9" * digits}}}'),
            st.one_of(known, st.just("unknown")),
            st.one_of(st.integers(1, 40), st.integers(4_290, 4_310), st.integers(1, 90_000)),
            st.sampled_from(["", "-", "1.", "1e", "1e-"]),
        ),
    )


def check_error_response(response: Any, statuses: set[int]) -> None:
    """Check the form of an error response."""
    assert response.status_code in statuses
    assert response.content_type == "application/json"
    body = json.loads(response.data)
    assert body.keys() == {"success", "errors"}
    assert body["success"] is False
    assert body["errors"]
    for error in body["errors"]:
        assert error["code"] == CODES[response.status_code]
        assert error.keys() == {"code", "message"} | (
            {"field"} if response.status_code != 400 else set()
        )
        assert all(value and isinstance(value, str) for value in error.values())


@BODY_SETTINGS
@given(body=bodies(UPDATE_FIELDS, RIGHT_UPDATES, "%s"))
def test_any_update_gets_a_conversation_or_an_error(
    owner: Caller, stored: Stored, body: bytes
) -> None:
    before = stored.everything()
    response = owner.send(UID, body)
    if response.status_code == 200:
        assert list(json.loads(response.data)) == CONVERSATION_FIELDS
    else:
        check_error_response(response, {400, 422})
        assert stored.everything() == before


@BODY_SETTINGS
@given(body=bodies(MESSAGE_FIELDS, RIGHT_MESSAGES, '{"message": %s}'))
def test_any_message_is_added_or_gets_an_error(owner: Caller, stored: Stored, body: bytes) -> None:
    before = stored.everything()
    response = owner.client.post(
        "/platform/v1/messages",
        headers=owner.headers,
        data=body,
        content_type="application/json",
    )
    if response.status_code == 201:
        assert list(json.loads(response.data)["data"]) == ["id", "uid", "conversation_uid"]
    else:
        check_error_response(response, {400, 404, 422})
        assert stored.everything() == before
