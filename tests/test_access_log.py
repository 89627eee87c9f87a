"""The log says who did what, and has nothing of tokens and bodies."""

import json
import logging
import re
import sys
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.logging import default_handler

from demo.startup import DatabaseUnavailable
from support.apps import open_app
from support.callers import Caller
from support.constants import UID
from support.stored import Stored
from web import access_log
from web.access_log import CleanFormatter

SECRET = "tell nobody"
OWNER = "sandbox=default business=4bq7ahdt1mfc0zkw staff=5ya4gbwm2c3qoic8"


def read(caplog: pytest.LogCaptureFixture) -> str:
    """Return the one line, without its time and with `_` for the milliseconds."""
    [line] = caplog.messages
    match = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*?) \d+\.\d ms(.*)", line)
    assert match, line
    return f"{match[1]} _{match[2]}"


@pytest.mark.parametrize(
    ("path", "token", "line"),
    [
        (f"{UID}?full_client=true", "demo-owner", f"{UID}?full_client=true 200 _ {OWNER}"),
        ("a%0Ab", "demo-owner", f"a%0Ab 404 _ {OWNER} code=invalid field=id"),
        ("%C3%A9", "demo-owner", f"%C3%A9 404 _ {OWNER} code=invalid field=id"),
        (f"{UID}/x", "demo-owner", f"{UID}/x 404 _ code=not_found"),
        (UID, "nobody", f"{UID} 401 _ code=unauthorized reason=unknown"),
        (UID, "demo-expired", f"{UID} 401 _ code=unauthorized reason=expired"),
        (UID, "demo-directory", f"{UID} 401 _ code=unauthorized reason=no staff member"),
        ("a%1B[2J%0d/demo%2Downer", "demo-owner", "a%1B%5B2J%0D/*** 404 _ code=not_found"),
        (f"{UID}?a=\x7f", "nobody", f"{UID}?a=? 401 _ code=unauthorized reason=unknown"),
    ],
)
def test_a_line_says_who_did_what_and_what_was_wrong(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str, token: str, line: str
) -> None:
    Caller(app, token).get(f"/v2/conversations/{path}")
    assert read(caplog) == f"GET /v2/conversations/{line}"


def test_a_line_tells_a_missing_token(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    app.test_client().get("/v2/conversations")
    assert read(caplog) == "GET /v2/conversations 401 _ code=unauthorized reason=missing"


def test_a_line_names_the_first_wrong_field(
    owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner.put(UID, archived="x", spam="y")
    line = f"PUT /v2/conversations/{UID} 422 _ {OWNER} code=invalid field=archived"
    assert read(caplog) == line


def test_long_paths_and_queries_are_cut(owner: Caller, caplog: pytest.LogCaptureFixture) -> None:
    owner.get(f"/{'p' * 400}?{'q' * 400}")
    assert read(caplog) == f"GET /{'p' * 299}?{'q' * 300} 404 _ code=not_found"


def test_a_query_that_was_made_to_take_long_does_not(
    owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner.get(f"/nothing?{'token' * 1600}")
    assert read(caplog) == f"GET /nothing?{'token' * 60} 404 _ code=not_found"


def test_a_line_of_json_has_the_same(stored: Stored, caplog: pytest.LogCaptureFixture) -> None:
    with open_app(stored.path, TESTING=True, LOG_FORMAT="json") as app:
        Caller(app, "demo-owner").put(UID, archived=SECRET)
        Caller(app, "nobody").get("/v2/conversations?page=2")
    put, get = (json.loads(line) for line in caplog.messages)
    for line in (put, get):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
        assert isinstance(line.pop("milliseconds"), float)
    assert put == {
        "method": "PUT",
        "path": f"/v2/conversations/{UID}",
        "query": "",
        "status": 422,
        "sandbox": "default",
        "business": "4bq7ahdt1mfc0zkw",
        "staff": "5ya4gbwm2c3qoic8",
        "code": "invalid",
        "field": "archived",
    }
    assert get == {
        "method": "GET",
        "path": "/v2/conversations",
        "query": "page=2",
        "status": 401,
        "code": "unauthorized",
        "reason": "unknown",
    }


ODD = "a\n2026\r\x1b[31m\x7f\x85\u2028\u202e b"
AS_SHOWN = "a?2026??[31m????"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_value_breaks_a_line_or_hides_in_it(
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    log_format: str,
) -> None:
    def fail(*_values: Any) -> None:
        raise DatabaseUnavailable(ODD)

    for table in ("business", "staff"):
        stored.rows(f"UPDATE {table} SET uid = ? || uid", ODD)
    headers = {"Authorization": "Bearer demo-owner", "Prefer": "handling=strict"}
    environ: Any = {"REMOTE_ADDR": ODD, "REQUEST_METHOD": "GET\n"}
    with open_app(stored.path, TESTING=True, LOG_FORMAT=log_format) as app:
        client = app.test_client()
        client.get("/v2/conversations", query_string={ODD: ""}, headers=headers)
        client.get("/v2/conversations", headers=headers, environ_overrides=environ)
        monkeypatch.setitem(app.view_functions, "v2.list_conversations", fail)
        client.get("/v2/conversations", headers=headers)
    lines = caplog.messages
    if log_format == "json":
        lines = [" ".join(map(str, json.loads(line).values())) for line in lines]
    assert all(line.isascii() and line.isprintable() for line in lines)
    word = AS_SHOWN + "?b"
    assert [line.count(word) for line in lines] == [3, 1, 2]  # uids and a field; an address; uids
    assert "GET? " in lines[1]
    assert lines[2].endswith(AS_SHOWN + " b")  # the reason


def test_no_error_of_the_server_breaks_a_line() -> None:
    try:
        raise RuntimeError(ODD)
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "at %s", (ODD,), sys.exc_info())
    for handler in (default_handler, CleanFormatter()):
        lines = handler.format(record).split("\n")
        assert lines[0].endswith("at a") and lines[1] == "    2026"
        assert all(line.startswith("    ") for line in lines[1:])
        assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_log_of_warnings_leaves_out_what_went_well(
    stored: Stored, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_app(stored.path, TESTING=True, LOG_LEVEL="warning") as app:
        owner = Caller(app, "demo-owner")
        owner.get("/v2/nothing")
        monkeypatch.setattr(access_log, "describe_request", None)  # which nothing calls any more
        assert owner.get(f"/v2/conversations/{UID}").status_code == 200
        assert app.test_client().get("/docs").status_code == 308
    assert read(caplog) == "GET /v2/nothing 404 _ code=not_found"


def test_no_token_and_no_body_is_in_the_log(
    app: Flask, owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner.put(UID, follow_up=True, follow_up_message=SECRET)
    owner.put(UID, follow_up=SECRET)
    owner.send(UID, SECRET.encode())
    Caller(app, "stolen-token").get("/v2/conversations")
    owner.get("/v2/conversations?access_token=stolen-token&page=1&Token=demo-owner")
    owner.get("/v2/conversations?%74oken=stolen-token")
    owner.get("/v2/conversations?x=a%3Ddemo%2downer%26&demo-owner=1&%64emo-owner=1")
    owner.ask("GET", "/v2/conversations?demo%2Downer=1", Prefer="handling=strict")
    assert len(caplog.messages) == 8
    assert not re.search(f"{SECRET}|demo-owner|stolen-token", unquote(caplog.text))
    assert "?access_token=***&page=1&Token=*** 200" in caplog.text


def test_the_trace_of_an_error_is_in_the_log_only(
    app: Flask,
    owner: Caller,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_values: Any) -> None:
        raise RuntimeError(SECRET)

    app.testing = False
    monkeypatch.setitem(app.view_functions, "v2.get_conversation", fail)
    response = owner.get(f"/v2/conversations/{UID}")
    assert response.status_code == 500
    assert SECRET not in response.text
    assert f"RuntimeError: {SECRET}" in caplog.text
    assert f"GET /v2/conversations/{UID} 500 " in caplog.messages[-1]
