"""Every error response: its status, its body, and that nothing is stored."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.exceptions import HTTPException

from database import connections
from database.backend import CommitOutcomeUnknown
from database.connections import db, get_connection
from support.apps import open_app
from support.callers import Caller
from support.constants import ASSIGNED, CYCLE, CYCLE_BACK, MERGED_TWICE, NEIGHBOURS, UID
from support.stored import Stored

UNKNOWN = [{"code": "invalid", "field": "id", "message": "Invalid conversation_uid"}]
UNAUTHORIZED = [{"code": "unauthorized", "message": "401 Unauthorized"}]
FORBIDDEN = [{"code": "forbidden", "message": "You are not authorized to perform this action."}]


def body(errors: list[dict[str, str]]) -> dict[str, Any]:
    return {"success": False, "errors": errors}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nobody",
        "Bearer demo-owner demo-owner",
        "Bearer \u00ff\u00fe",
        "Basic demo-owner",
        "demo-owner",
        "Bearer demo-directory",
        "Bearer demo-expired",
        "Bearer " + "x" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_401(app: Flask, stored: Stored, header: str | None, method: str) -> None:
    before = stored.everything()
    response = app.test_client().open(
        f"/v2/conversations/{UID}",
        method=method,
        json={"archived": True},
        headers={} if header is None else {"Authorization": header},
    )
    assert (response.status_code, response.json) == (401, body(UNAUTHORIZED))
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert stored.everything() == before


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_known_in_any_case(app: Flask, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} demo-owner"}
    assert app.test_client().get(f"/v2/conversations/{UID}", headers=headers).status_code == 200


@pytest.mark.parametrize(("hours", "status"), [(1, 200), (0, 401), (-1, 401)])
@pytest.mark.parametrize("frozen_at", ["2026-05-05 07:30", "1999-12-31 23:00", "2100-01-01 00:00"])
def test_a_token_expires_by_the_real_time_whatever_the_clock_says(
    call: Callable[[str], Caller], stored: Stored, frozen_at: str, hours: int, status: int
) -> None:
    stored.freeze(frozen_at)
    expires_at = datetime.now(UTC) + timedelta(hours=hours)
    digest = sha256(b"demo-owner").hexdigest()
    stored.rows(
        "UPDATE access_token SET expires_at = ? WHERE digest = ?",
        f"{expires_at:%Y-%m-%d %H:%M:%S.%f}",
        digest,
    )
    assert call("demo-owner").get(f"/v2/conversations/{UID}").status_code == status


@pytest.mark.parametrize(
    "uid",
    [
        "nothing",
        NEIGHBOURS,
        CYCLE,
        CYCLE_BACK,
        "%00",
        f"{UID}%00",
        "89M2PNABGOZDVD9F",
        "%ff%fe",
        "x" * 3000,
        "1",
        str(2**63),
        "9" * 400,
        "%27%20OR%201=1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_404_of_a_uid(owner: Caller, stored: Stored, uid: str, method: str) -> None:
    before = stored.everything()
    response = owner.client.open(
        f"/v2/conversations/{uid}", method=method, json={"archived": True}, headers=owner.headers
    )
    assert (response.status_code, response.json) == (404, body(UNKNOWN))
    assert stored.everything() == before


def test_404_of_a_chain_of_merges_that_leaves_the_business(owner: Caller, stored: Stored) -> None:
    target = stored.conversation(NEIGHBOURS)["id"]
    stored.rows("UPDATE conversation SET merged_into_id = ? WHERE uid = ?", target, UID)
    assert owner.get(f"/v2/conversations/{UID}").json == body(UNKNOWN)


def test_404_of_a_missing_target(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE conversation SET merged_into_id = 987654 WHERE uid = ?", UID)
    assert owner.put(MERGED_TWICE, {}).json == body(UNKNOWN)


@pytest.mark.parametrize("path", ["/x", "/v2", "/v2x", "/__admin/x", "/docs/v2/x"])
def test_404_of_a_route(app: Flask, path: str) -> None:
    response = app.test_client().get(path)
    message = "This server has no such route; /docs/ lists those that it has."
    assert response.status_code == 404
    assert response.json == body([{"code": "not_found", "message": message}])


def test_405(owner: Caller) -> None:
    response = owner.client.delete(f"/v2/conversations/{UID}", headers=owner.headers)
    assert response.status_code == 405
    assert response.json == body(
        [
            {
                "code": "method_not_allowed",
                "message": "This route takes GET, HEAD, OPTIONS, PUT, not DELETE.",
            }
        ]
    )
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PUT"}


def test_a_preflight_needs_no_token(app: Flask) -> None:
    assert app.test_client().options(f"/v2/conversations/{UID}").status_code == 200


@pytest.mark.parametrize(
    ("status", "message"),
    [(402, "Payment Required"), (416, None), (428, None), (451, None), (499, "499"), (599, "599")],
)
def test_every_other_status_has_its_phrase_or_its_number(
    app: Flask, status: int, message: str | None
) -> None:
    class Other(HTTPException):
        code = status

    def fail() -> str:
        raise Other

    app.add_url_rule("/other", view_func=fail)
    response = app.test_client().get("/other")
    errors = [{"code": "http_error", "message": message or HTTPStatus(status).phrase}]
    assert (response.status_code, response.json) == (status, body(errors))


@pytest.mark.parametrize(
    "header",
    [
        {"Range": "bytes=999999-"},
        {"Range": "x"},
        {"If-Match": '"x"'},
        {"If-Match": "*", "Range": "bytes=0-1"},
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/page/main.js",
        "/docs/",
        "/docs/tour.md",
        "/docs/swagger-ui.css",
        "/openapi.json",
        f"/v2/conversations/{UID}",
    ],
)
def test_no_route_takes_a_range_or_a_condition(
    owner: Caller, path: str, header: dict[str, str]
) -> None:
    with owner.get(path) as plain, owner.ask("GET", path, **header) as response:
        assert (response.status_code, response.data) == (200, plain.data)


WRONG_FIELDS: dict[str, list[Any]] = {
    "archived": [None, 2, -1, 1.0, 0.0, "yes", "on", "", " true", [], {}, [True], 2**70],
    "business_unread": [None, "y"],
    "spam": [None, "no"],
    "deleted": [None, "2026-05-05"],
    "mobile": [None, "t"],
    "follow_up": [None, "maybe", 10**30],
    "complete_follow_up": [None, "done"],
    "campaign": [1, True, [], {}, 1.5, "x" * 256, "a\0b"],
    "source_type": [0, False, ["x"], "é" * 256, "\0"],
    "follow_up_message": [1, False, [], {"text": "x"}, "x" * 10_001, "\0"],
    "follow_up_date": [1778063481, 0, 10**30, False, [], {}, 1.5],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG_FIELDS.items() for value in values],
)
def test_wrong_values(owner: Caller, stored: Stored, field: str, value: Any) -> None:
    before = stored.everything()
    response = owner.put(UID, {"mobile": True, field: value})
    assert response.status_code == 422
    [error] = response.json["errors"]
    assert (error["code"], error["field"]) == ("invalid", field)
    assert error["message"].endswith(".")
    assert stored.everything() == before


def test_each_wrong_field_has_an_entry(owner: Caller) -> None:
    response = owner.put(
        UID,
        archived="maybe",
        campaign=5,
        follow_up=True,
        follow_up_date="2020-01-01",
        follow_up_message="x" * 10_001,
    )
    assert response.json == body(
        [
            {
                "code": "invalid",
                "field": "archived",
                "message": 'It must be a boolean (true or false), not "maybe".',
            },
            {
                "code": "invalid",
                "field": "campaign",
                "message": "It must be a string or null, not 5.",
            },
            {
                "code": "invalid",
                "field": "follow_up_message",
                "message": "It must have at most 10,000 characters.",
            },
        ]
    )


@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("2026-05-05T07:30:00Z", "Time has already passed."),
        ("2020-01-01", "Time has already passed."),
        ("next week", "Invalid time."),
        ("", "Invalid time."),
        ("9999-12-31T23:00:00Z", "Invalid time."),
        ("1" * 129, "Invalid time."),
        ("2026-05-06" * 100_000, "Invalid time."),
    ],
    ids=lambda text: text[:24],
)
def test_wrong_dates(owner: Caller, stored: Stored, date: str, message: str) -> None:
    before = stored.everything()
    response = owner.put(UID, follow_up=True, follow_up_date=date, spam=True)
    errors = [{"code": "invalid", "field": "follow_up_date", "message": message}]
    assert (response.status_code, response.json) == (422, body(errors))
    assert stored.everything() == before


class TestOrder:
    """401, then 400, 413 or 415, then 404, then 403, then 422."""

    def test_401_comes_before_an_unreadable_body(self, call: Callable[[str], Caller]) -> None:
        assert call("nobody").send("nothing", b"[", None).status_code == 401

    def test_an_unreadable_body_comes_before_404_and_403(self, assigned: Caller) -> None:
        assert assigned.send("nothing", b"[").status_code == 400
        assert assigned.send(UID, b"[").status_code == 400

    @pytest.mark.parametrize(
        "fields", [{"archived": "maybe"}, {"follow_up": True, "follow_up_date": "2020-01-01"}]
    )
    def test_404_and_403_come_before_422(
        self, assigned: Caller, stored: Stored, fields: dict[str, Any]
    ) -> None:
        before = stored.everything()
        assert assigned.put("nothing", fields).json == body(UNKNOWN)
        response = assigned.put(UID, fields)
        assert (response.status_code, response.json) == (403, body(FORBIDDEN))
        assert assigned.put(ASSIGNED, fields).status_code == 422
        assert stored.everything() == before


def test_500_says_nothing_about_the_inside(
    app: Flask, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.testing = False
    monkeypatch.setitem(app.view_functions, "v2.get_conversation", lambda uid: 1 / 0)
    response = owner.get(f"/v2/conversations/{UID}")
    assert (response.status_code, response.json) == (
        500,
        body(
            [
                {
                    "code": "internal_error",
                    "message": "The server failed to respond; its log says why.",
                }
            ]
        ),
    )


def test_503_when_the_lock_is_held_too_long(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WRITE_TIMEOUT", 0.05)
    before = stored.everything()
    with open_app(stored.path) as app:
        owner = Caller(app, "demo-owner")
        with stored.locked():
            response = owner.put(UID, archived=True)
            assert owner.get(f"/v2/conversations/{UID}").status_code == 200  # reading goes on
        assert stored.everything() == before
        assert owner.put(UID, archived=True).status_code == 200
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    [error] = response.json["errors"]
    assert error["code"] == "unavailable"
    assert "nothing was stored" in error["message"]


@pytest.mark.parametrize("field", ["client_id", "conversation_uid", "staff_id"])
def test_a_nul_in_a_uid_is_an_unknown_uid(owner: Caller, stored: Stored, field: str) -> None:
    client = stored.row("SELECT uid FROM client WHERE first_name = 'Jane'")["uid"]
    fields = {"client_id": client, "text": "x", "direction": "business_to_client"}
    response = owner.post({"message": fields | {field: "a\0b"}})
    assert response.status_code == 404
    assert response.json["errors"][0]["field"] == field


@pytest.mark.parametrize("by_driver", [True, False], ids=["driver", "SQLAlchemy"])
def test_a_wrong_statement_is_our_mistake_and_no_503(
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
    response = app.test_client().get("/mistake")
    assert response.status_code == 500
    assert response.json and response.json["errors"][0]["code"] == "internal_error"
    assert "syntax error" in caplog.text and "Traceback" in caplog.text
    assert "reason=" not in caplog.messages[-1]


def test_an_unknown_outcome_is_a_503_that_says_so(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def lose() -> str:
        get_connection()
        raise CommitOutcomeUnknown("The server was lost.")

    app.add_url_rule("/lost", view_func=lose)
    for _ in range(20):  # more often than there may be connections
        response = app.test_client().get("/lost")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.json and response.json["errors"] == [
            {
                "code": "unavailable",
                "message": "The database was lost while it stored the request, so the outcome is"
                " unknown. Read before you repeat the request.",
            }
        ]
    assert "GET /lost 503 " in caplog.messages[-1]
    assert caplog.messages[-1].endswith("reason=The server was lost.")


def test_503_when_all_connections_are_in_use(
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
    response = owner.get(f"/v2/conversations/{UID}")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert caplog.messages[-1].endswith("reason=all connections are in use")
    for connection in in_use:
        connection.close()
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200
