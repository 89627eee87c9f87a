"""The access log has each request and its caller, and nothing of tokens and bodies."""

import json
import logging
import re
import sys
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest
from flask.logging import default_handler

from demo.startup import DatabaseUnavailable
from support.apps import Call, Caller, open_app
from support.constants import ONE, UID
from support.differences import check_same
from support.stored import Stored
from web import access_log
from web.access_log import CleanFormatter

SECRET = "tell nobody"
OWNER = "sandbox=default business=4bq7ahdt1mfc0zkw staff=5ya4gbwm2c3qoic8"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LIST = "/v2/conversations"
UNKNOWN = "401 _ code=unauthorized reason=The token is unknown."
NO_TOKEN = "The header Authorization must be Bearer, a space and a token."


def read(caplog: pytest.LogCaptureFixture) -> str:
    """Return the one line, without its time and with `_` for the milliseconds."""
    [line] = caplog.messages
    match = re.fullmatch(rf"{TIME} (.*?) \d+\.\d ms(.*)", line)
    assert match, line
    return f"{match[1]} _{match[2]}"


@pytest.mark.parametrize(
    ("path", "token", "line"),
    [
        (f"{ONE}?full_client=true", "demo-owner", f"{ONE}?full_client=true 200 _ {OWNER}"),
        (f"{LIST}/a%0Ab", "demo-owner", f"{LIST}/a%0Ab 404 _ {OWNER} code=invalid field=id"),
        (f"{LIST}/%C3%A9", "demo-owner", f"{LIST}/%C3%A9 404 _ {OWNER} code=invalid field=id"),
        (f"{ONE}/x", "demo-owner", f"{ONE}/x 404 _ code=not_found"),
        (ONE, "nobody", f"{ONE} {UNKNOWN}"),
        (ONE, "demo-expired", f"{ONE} 401 _ code=unauthorized reason=The token has expired."),
        ("/v2/%1B[2J%0d/demo%2Downer", "demo-owner", "/v2/%1B%5B2J%0D/*** 404 _ code=not_found"),
        (f"{ONE}?a=\x7f", "nobody", f"{ONE}?a=? {UNKNOWN}"),
        (LIST, "", f"{LIST} 401 _ code=unauthorized reason={NO_TOKEN}"),
        # Long parts are cut, and one that was made to take long does not.
        (f"/{'p' * 400}?{'q' * 400}", "", f"/{'p' * 299}?{'q' * 300} 404 _ code=not_found"),
        (f"/x?{'token' * 1600}", "", f"/x?{'token' * 60} 404 _ code=not_found"),
    ],
)
def test_line_names_the_caller_and_the_error(
    call: Call, caplog: pytest.LogCaptureFixture, path: str, token: str, line: str
) -> None:
    call(token).get(path)
    assert read(caplog) == f"GET {line}"


def test_json_line_has_the_same_fields(stored: Stored, caplog: pytest.LogCaptureFixture) -> None:
    with open_app(stored.path, TESTING=True, LOG_FORMAT="json") as app:
        Caller(app, "demo-owner").put(UID, archived=SECRET, spam=SECRET)
        Caller(app, "nobody").get(f"{LIST}?page=2")
    put, get = (json.loads(line) for line in caplog.messages)
    for line in (put, get):
        assert re.fullmatch(TIME, line["time"]) and isinstance(line["milliseconds"], float)
    business = {"business": "4bq7ahdt1mfc0zkw", "staff": "5ya4gbwm2c3qoic8"}
    expected = put | {"method": "PUT", "path": ONE, "query": "", "status": 422}
    expected |= {"sandbox": "default", **business, "code": "invalid", "field": "archived"}
    check_same(put, expected)
    expected = get | {"method": "GET", "path": LIST, "query": "page=2", "status": 401}
    check_same(get, expected | {"code": "unauthorized", "reason": "The token is unknown."})
    assert (len(put), len(get)) == (11, 8)


ODD = "a\n2026\r\x1b[31m\x7f\x85\u2028\u202e b"
AS_SHOWN = "a?2026??[31m????"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_values_cannot_break_or_forge_a_line(
    stored: Stored, caplog: Any, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    def fail(*_values: Any) -> None:
        raise DatabaseUnavailable(ODD)

    for table in ("business", "staff"):
        stored.rows(f"UPDATE {table} SET uid = ? || uid", ODD)
    headers = {"Authorization": "Bearer demo-owner", "Prefer": "handling=strict"}
    environ: Any = {"REMOTE_ADDR": ODD, "REQUEST_METHOD": "GET\n"}
    with open_app(stored.path, TESTING=True, LOG_FORMAT=log_format) as app:
        client = app.test_client()
        client.get(LIST, query_string={ODD: ""}, headers=headers)
        client.get(LIST, headers=headers, environ_overrides=environ)
        monkeypatch.setitem(app.view_functions, "v2.list_conversations", fail)
        client.get(LIST, headers=headers)
    lines = caplog.messages
    if log_format == "json":
        lines = [" ".join(map(str, json.loads(line).values())) for line in lines]
    assert all(line.isascii() and line.isprintable() for line in lines)
    word = AS_SHOWN + "?b"
    assert [line.count(word) for line in lines] == [3, 1, 2]  # uids and a field; an address; uids
    assert "GET? " in lines[1]
    assert lines[2].endswith(AS_SHOWN + " b")  # the reason


def test_server_errors_cannot_break_a_line() -> None:
    try:
        raise RuntimeError(ODD)
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "at %s", (ODD,), sys.exc_info())
    for handler in (default_handler, CleanFormatter()):
        first, second, *others = handler.format(record).split("\n")
        assert first.endswith("at a") and second == "    2026"
        assert others and all(line.startswith("    ") for line in others)
        assert all(line.isascii() and line.isprintable() for line in others)


def test_level_warning_skips_statuses_below_400(
    stored: Stored, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_app(stored.path, TESTING=True, LOG_LEVEL="warning") as app:
        owner = Caller(app, "demo-owner")
        owner.get("/v2/nothing")
        monkeypatch.delattr(access_log, "describe_request")
        assert (owner.get(ONE).status_code, owner.get("/docs").status_code) == (200, 308)
    assert read(caplog) == "GET /v2/nothing 404 _ code=not_found"


@pytest.mark.parametrize("token", ["demo-owner", "a+b/c==", "a%41b", "my token", "x"])
@pytest.mark.parametrize("spell", [str, quote, quote_plus])
def test_token_is_redacted_in_every_encoding(token: str, spell: Any) -> None:
    for escaped in (spell(token), "".join(f"%{ord(each):02x}" for each in token)):
        shown = access_log.redact(f"?a%3D{escaped}%26&{escaped}=1+2%20é", token)
        assert shown == "?a%3D***%26&***=1+2%20é"
    assert access_log.redact(f"z{token}z", token) == f"z{token}z"  # another word


@pytest.mark.parametrize("before", ["\n", "\t", "\x1f", "\u2028", "é", " "])
@pytest.mark.parametrize("token", ["demo-owner", "a+b/c==", "x"])
def test_token_is_redacted_after_an_escape_in_json(token: str, before: str) -> None:
    for text in (before, f'"{before}'):
        assert access_log.redact(json.dumps(text + token), token) == json.dumps(f"{text}***")


def test_log_has_no_secrets(owner: Caller, call: Call, caplog: pytest.LogCaptureFixture) -> None:
    owner.put(UID, follow_up=True, follow_up_message=SECRET)
    owner.put(UID, follow_up=SECRET)
    owner.send(UID, SECRET.encode())
    call("stolen-token").get(LIST)
    owner.get(f"{LIST}?access_token=stolen-token&page=1&Token=demo-owner")
    owner.get(f"{LIST}?%74oken=stolen-token")
    owner.ask("GET", f"{LIST}?demo%2Downer=1", Prefer="handling=strict")
    assert len(caplog.messages) == 7
    assert not re.search(f"{SECRET}|demo-owner|stolen-token", unquote(caplog.text))
    assert "?access_token=***&page=1&Token=*** 200" in caplog.text
