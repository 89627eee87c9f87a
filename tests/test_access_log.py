"""The log says who did what, and has nothing of tokens and bodies."""

import json
import re
from typing import Any

import pytest
from flask import Flask

from support.apps import open_app
from support.callers import Caller
from support.constants import UID
from support.stored import Stored

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


def test_no_token_and_no_body_is_in_the_log(
    app: Flask, owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner.put(UID, follow_up=True, follow_up_message=SECRET)
    owner.put(UID, follow_up=SECRET)
    owner.send(UID, SECRET.encode())
    Caller(app, "stolen-token").get("/v2/conversations")
    owner.get("/v2/conversations?access_token=stolen-token&page=1&Token=demo-owner")
    owner.get("/v2/conversations?%74oken=stolen-token")
    assert len(caplog.messages) == 6
    assert not re.search(f"{SECRET}|demo-owner|stolen-token", caplog.text)
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
