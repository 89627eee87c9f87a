"""The log has a line for each request, and nothing of tokens and bodies."""

import re

import pytest
from flask import Flask

from support.callers import Caller
from support.constants import UID

SECRET = "tell nobody"


def test_a_line_has_method_path_status_time_and_business(
    owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner.put(UID, follow_up=True, follow_up_message=SECRET)
    owner.get(f"/v2/conversations/{UID}?full_client=true")
    put, get = caplog.messages
    form = rf" /v2/conversations/{UID} 200 \d+\.\d ms 4bq7ahdt1mfc0zkw"
    assert re.fullmatch(f"PUT{form}", put)
    assert re.fullmatch(f"GET{form}", get)


@pytest.mark.parametrize(
    ("path", "token", "shown"),
    [
        ("/v2/conversations", "unknown", "GET /v2/conversations 401"),
        ("/nowhere", "demo-owner", "GET /nowhere 404"),
        ("/v2/conversations/a%0Ab", "demo-owner", "GET /v2/conversations/a%0Ab 404"),
        ("/v2/conversations/%C3%A9", "demo-owner", "GET /v2/conversations/%C3%A9 404"),
    ],
)
def test_errors_have_their_line_too(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str, token: str, shown: str
) -> None:
    Caller(app, token).get(path)
    [line] = caplog.messages
    assert line.startswith(f"{shown} ")


def test_no_token_and_no_body_is_in_the_log(
    app: Flask, owner: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner.put(UID, follow_up=True, follow_up_message=SECRET)
    owner.put(UID, follow_up=SECRET)
    owner.send(UID, SECRET.encode())
    Caller(app, "stolen-token").get("/v2/conversations")
    assert len(caplog.messages) == 4
    assert not re.search(f"{SECRET}|demo-owner|stolen-token", caplog.text)


def test_the_trace_of_an_error_is_in_the_log_only(
    app: Flask,
    owner: Caller,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_values: object) -> None:
        raise RuntimeError(SECRET)

    app.testing = False
    monkeypatch.setitem(app.view_functions, "v2.show_conversation", fail)
    response = owner.get(f"/v2/conversations/{UID}")
    assert response.status_code == 500
    assert SECRET not in response.text
    assert f"RuntimeError: {SECRET}" in caplog.text
    assert caplog.messages[-1].startswith(f"GET /v2/conversations/{UID} 500 ")
