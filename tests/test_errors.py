"""Every error response: its status, its body, and that nothing is stored."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.exceptions import HTTPException

from database.connections import CommitOutcomeUnknown, db, get_connection
from support.apps import Call, Caller, check_error, errors_of
from support.constants import ASSIGNED, CYCLE, CYCLE_BACK, NEIGHBOURS, ONE, UID
from support.stored import Stored

pytestmark = pytest.mark.database  # the errors of the database

UNKNOWN = (404, "invalid", "id", "Invalid conversation_uid")
FORBIDDEN = "You are not authorized to perform this action."
LOST = (
    "The database was lost during the commit, so the outcome is unknown."
    " Check the data before you retry the request."
)


BEARER = "The header Authorization must be Bearer, a space and a token."
UNKNOWN_TOKEN = "The token is unknown."
NAME = "The name after @ must be 1 to 64 of A-Z a-z 0-9 . _ -; FLASK_SANDBOXES=0 allows none."


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, None),
        ("", None),
        *((each, BEARER) for each in ("Bearer", "Bearer ", "Basic demo-owner", "demo-owner")),
        *((f"Bearer {each}", UNKNOWN_TOKEN) for each in ("nobody", "\u00ff\u00fe", "x" * 5000)),
        ("Bearer demo-owner demo-owner", UNKNOWN_TOKEN),
        ("Bearer demo-expired", "The token has expired."),
        ("Bearer demo-directory", "The token belongs to no staff member."),
        ("Bearer demo-owner@a b", NAME),
        ("Bearer nobody@x", "The sandbox is unknown; only the demo's staff tokens create one."),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_invalid_token_gets_401_with_the_reason(
    owner: Caller, stored: Stored, header: str | None, reason: str | None, method: str
) -> None:
    headers = {"Origin": "http://localhost:3000"}
    headers |= {} if header is None else {"Authorization": header}
    with stored.unchanged():
        response = owner.client.open(ONE, method=method, json={"archived": True}, headers=headers)
    check_error(response, 401, "unauthorized", None, "401 Unauthorized")
    challenge = f'Bearer error="invalid_token", error_description="{reason}"'
    assert response.headers["WWW-Authenticate"] == (challenge if reason else "Bearer")
    assert "WWW-Authenticate" in response.headers["Access-Control-Expose-Headers"].split(", ")
    assert owner.entries()[0]["error"] == f"401 Unauthorized: {reason or BEARER}"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_authorization_scheme_ignores_case(app: Flask, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} demo-owner"}
    assert app.test_client().get(ONE, headers=headers).status_code == 200


@pytest.mark.parametrize("frozen_at", ["2026-05-05 07:30", "1999-12-31 23:00", "2100-01-01 00:00"])
def test_token_expiry_uses_real_time(owner: Caller, stored: Stored, frozen_at: str) -> None:
    stored.freeze(frozen_at)
    digest = sha256(b"demo-owner").hexdigest()
    for hours, status in ((1, 200), (0, 401), (-1, 401)):
        expires_at = f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%d %H:%M:%S.%f}"
        stored.rows("UPDATE access_token SET expires_at = ? WHERE digest = ?", expires_at, digest)
        assert owner.get(ONE).status_code == status


@pytest.mark.parametrize(
    "uid",
    ["nothing", NEIGHBOURS, CYCLE, CYCLE_BACK, "%00", f"{UID}%00", UID.upper(), "%ff%fe"]
    + ["x" * 3000, "1", str(2**63), "9" * 400, "%27%20OR%201=1"],
)
def test_unknown_uids_get_404(owner: Caller, stored: Stored, uid: str) -> None:
    path = f"/v2/conversations/{uid}"
    with stored.unchanged():
        for method in ("GET", "PUT"):
            check_error(owner.ask(method, path, {"archived": True}), *UNKNOWN)
    response = owner.get(f"{path}/messages?page=0")
    assert (response.status_code, response.json) == (404, {"error": "Couldn't find Conversation"})
    response = owner.get(f"/platform/v1/clients/{uid}/conversations?page=0")
    check_error(response, 404, "invalid", "client_id", "Invalid client_id")


def test_wrong_methods_get_405(owner: Caller) -> None:
    response = owner.ask("DELETE", ONE)
    message = "The method DELETE is not allowed; this route accepts GET, HEAD, OPTIONS, PUT."
    check_error(response, 405, "method_not_allowed", None, message)
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PUT"}


@pytest.mark.parametrize(
    ("status", "message"),
    [(402, "Payment Required"), (416, "Requested Range Not Satisfiable"), (499, "499")],
)
def test_other_statuses_have_their_phrase_or_number(app: Flask, status: int, message: str) -> None:
    class Other(HTTPException):
        code = status

    def fail() -> str:
        raise Other

    app.add_url_rule("/other", view_func=fail)
    response: Any = app.test_client().get("/other")
    assert (response.status_code, response.content_type) == (status, "application/json")
    assert response.json["errors"] == [{"code": "http_error", "message": message}]


@pytest.mark.parametrize(
    "header",
    [{"Range": "bytes=999999-"}, {"Range": "x"}, {"If-Match": '"x"', "Range": "bytes=0-1"}],
)
@pytest.mark.parametrize("path", ["/", "/page/main.js", "/docs/tour.md", "/docs/docs.js", ONE])
def test_routes_ignore_range_and_if_match(owner: Caller, path: str, header: dict[str, str]) -> None:
    with owner.get(path) as plain, owner.ask("GET", path, **header) as response:
        assert (response.status_code, response.data) == (200, plain.data)


def test_each_invalid_field_has_an_entry(owner: Caller) -> None:
    wrong = {"archived": "maybe", "campaign": 5, "follow_up_message": "x" * 10_001}
    response = owner.put(UID, follow_up=True, follow_up_date="2020-01-01", **wrong)
    assert [(error["field"], error["message"]) for error in errors_of(response)] == [
        ("archived", 'It must be a boolean (true or false), not "maybe".'),
        ("campaign", "It must be a string or null, not 5."),
        ("follow_up_message", "It must have at most 10,000 characters."),
    ]


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (None, "null"),
        ("\x1a", r'"\u001a"'),  # the placeholder for the value
        ("{input}", '"{input}"'),
        ("x" * 100, f'"{"x" * 59}…"'),
        ([True], "an array"),
        ({"a": 1}, "an object"),
        (1.5, "1.5"),
    ],
)
def test_message_quotes_the_invalid_value(owner: Caller, value: object, quoted: str) -> None:
    message = f"It must be a boolean (true or false), not {quoted}."
    check_error(owner.put(UID, {"archived": value}), 422, "invalid", "archived", message)


def test_errors_have_a_fixed_order(call: Call, assigned: Caller, stored: Stored) -> None:
    """401, then 400, 413 or 415, then 404, then 403, then 422."""
    with stored.unchanged():
        assert call("nobody").send("nothing", b"[", None).status_code == 401
        for uid in ("nothing", UID):
            assert assigned.send(uid, b"[").status_code == 400
        past = {"follow_up": True, "follow_up_date": "2020-01-01"}
        for fields in ({"archived": "maybe"}, past):
            check_error(assigned.put("nothing", fields), *UNKNOWN)
            check_error(assigned.put(UID, fields), 403, "forbidden", None, FORBIDDEN)
            assert assigned.put(ASSIGNED, fields).status_code == 422


def test_500_reveals_no_internals_and_logs_them(
    app: Flask, owner: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False
    monkeypatch.setitem(app.view_functions, "v2.get_conversation", lambda uid: 1 / 0)
    message = "The server failed to respond. See its log."
    check_error(owner.get(ONE), 500, "internal_error", None, message)
    assert "ZeroDivisionError: division by zero" in caplog.text
    assert f"GET {ONE} 500 " in caplog.messages[-1]


@pytest.mark.parametrize("by_driver", [True, False], ids=["driver", "SQLAlchemy"])
def test_invalid_statement_gets_500_not_503(
    app: Flask, caplog: pytest.LogCaptureFixture, by_driver: bool
) -> None:
    def fail() -> str:
        connection = get_connection()
        driver: Any = connection.connection.driver_connection
        if by_driver:
            driver.execute("SELECT FROM WHERE")
        connection.execute(sa.text("SELECT FROM WHERE"))
        return ""

    app.testing = False
    app.add_url_rule("/mistake", view_func=fail)
    check_error(app.test_client().get("/mistake"), 500, "internal_error")
    assert "syntax error" in caplog.text and "Traceback" in caplog.text
    assert "reason=" not in caplog.messages[-1]


def test_503_says_if_the_outcome_is_unknown(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def lose() -> str:
        get_connection()
        raise CommitOutcomeUnknown("The server was lost.")

    app.add_url_rule("/lost", view_func=lose)
    for _ in range(20):  # more often than there may be connections
        response = app.test_client().get("/lost")
        check_error(response, 503, "unavailable", None, LOST)
        assert response.headers["Retry-After"] == "1"
    assert "GET /lost 503 " in caplog.messages[-1]
    assert caplog.messages[-1].endswith("reason=The server was lost.")


def test_exhausted_pool_gets_503(
    app: Flask, owner: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        pool: Any = db.engine.pool
        monkeypatch.setattr(pool, "_timeout", 0.01)
        in_use = []
        with pytest.raises(sa.exc.TimeoutError):
            while True:
                in_use.append(db.engine.connect())
    assert len(in_use) == 15
    response = owner.get(ONE)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert caplog.messages[-1].endswith("reason=all connections are in use")
    for connection in in_use:
        connection.close()
    assert owner.get(ONE).status_code == 200
