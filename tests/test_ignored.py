"""What had no effect: `X-Ignored` names it, and `Prefer: handling=strict` makes it wrong."""

import json
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from support.apps import open_app
from support.constants import CONTROLS, FOLLOWED, JANE, NEIGHBOURS, UID
from support.stored import Stored
from web.record import parse_preferences

Send = Callable[..., Any]
DATE = "2030-05-06T10:00:00Z"
NAMES = [f"name{number}" for number in range(30)]
MESSAGE = {"client_id": JANE, "text": "Hi", "direction": "client_to_business"}
ONE = f"/v2/conversations/{UID}"
POST = "/platform/v1/messages"
ROUTES = [
    ("PUT", "/v2/conversations/<uid>", ONE, {}),
    ("GET", "/v2/conversations/<uid>", ONE, None),
    ("GET", "/v2/conversations", "/v2/conversations", None),
    ("GET", "/v2/conversations/<uid>/messages", f"{ONE}/messages", None),
    ("GET", "/platform/v1/conversations", "/platform/v1/conversations", None),
    (
        "GET",
        "/platform/v1/clients/<client_id>/conversations",
        f"/platform/v1/clients/{JANE}/conversations",
        None,
    ),
    ("POST", "/platform/v1/messages", POST, {"message": MESSAGE}),
    ("GET", "/__admin/health", "/__admin/health", None),
    *((method, path, path, body) for method, path, body in CONTROLS),
]


def make_send(app: Flask) -> Send:
    client = app.test_client()

    def send(
        method: str, path: str, body: Any = None, *prefer: str, token: str = "demo-owner"
    ) -> Any:
        headers = [("Authorization", f"Bearer {token}"), *(("Prefer", each) for each in prefer)]
        return client.open(path, method=method, json=body, headers=headers)

    return send


@pytest.fixture
def send(app: Flask) -> Send:
    return make_send(app)


@pytest.fixture
def send_to_strict(stored: Stored) -> Iterator[Send]:
    with open_app(stored.path, TESTING=True, STRICT=True) as app:
        yield make_send(app)


def errors_of(response: Any) -> dict[str, str]:
    """Return the messages of a response of 422, by field."""
    assert response.status_code == 422
    assert {error["code"] for error in response.json["errors"]} == {"invalid"}
    return {error["field"]: error["message"] for error in response.json["errors"]}


def test_every_route_is_tried(app: Flask) -> None:
    tried = {(method, rule) for method, rule, _, _ in ROUTES}
    assert tried == {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/v2", "/platform", "/__admin"))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@pytest.mark.parametrize(("method", "_", "path", "body"), ROUTES)
def test_every_route_names_what_it_ignored(
    send: Send, method: str, _: str, path: str, body: Any
) -> None:
    assert "X-Ignored" not in send(method, path, body).headers
    response = send(method, f"{path}?fodler=inbox", body)
    assert response.status_code in (200, 201, 204, 409)  # the default sandbox can't be deleted
    assert response.headers["X-Ignored"] == "fodler"
    assert "Preference-Applied" not in response.headers
    strict = send(method, f"{path}?fodler=inbox", body, "handling=strict")
    assert errors_of(strict).keys() == {"fodler"}
    assert strict.headers["Preference-Applied"] == "handling=strict"


FOLLOW_UP = {"follow_up_date": DATE, "follow_up_message": "x", "complete_follow_up": True}
IN_MESSAGE = {"message": MESSAGE | {"txet": 1, "clientId": 2}}


@pytest.mark.parametrize(
    ("method", "path", "body", "ignored"),
    [
        ("PUT", ONE, {"archvied": True, "archived": True, "followUp": 1}, "archvied, followUp"),
        ("PUT", f"{ONE}?b=&full_client=x&a", {"z": {"y": 1}, "a": 2, "b": 1}, "b, a, z"),
        ("GET", "/v2/conversations?z=1&folder=inbx&a=2&z=3", None, "z, folder, a"),
        ("GET", "/platform/v1/conversations?folder=Inbox", None, "folder"),
        ("GET", "/v2/conversations?folder=", None, None),
        ("GET", "/v2/conversations?folder=trash&page=1&per_page=9", None, None),
        ("GET", f"{ONE}/messages?page=1&per_page=9&last_update=1&folder=all", None, "folder"),
        ("POST", POST, {**IN_MESSAGE, "z": 1, "txet": 1}, "txet, clientId, z"),
        ("POST", POST, {"z": 1, "txet": 1, **IN_MESSAGE}, "z, txet, clientId"),
        ("POST", POST, {"message": MESSAGE | {"text": ""}, "uid": 1}, "uid"),
        ("PUT", ONE, FOLLOW_UP, "follow_up_date, follow_up_message, complete_follow_up"),
        ("PUT", ONE, {"archived": False, "complete_follow_up": 0}, "complete_follow_up"),
        ("PUT", ONE, {"follow_up": True, **FOLLOW_UP}, "complete_follow_up"),
        ("PUT", FOLLOWED, {"follow_up": "1", **FOLLOW_UP}, "complete_follow_up"),
        ("PUT", FOLLOWED, {**FOLLOW_UP, "follow_up": 0}, "follow_up_date, follow_up_message"),
        (
            "PUT",
            FOLLOWED,
            {**FOLLOW_UP, "archived": True, "follow_up": True},
            "follow_up_date, follow_up_message",
        ),
        ("PUT", FOLLOWED, {"follow_up": False, "complete_follow_up": True}, None),
        ("PUT", ONE, {"follow_up": True, "follow_up_date": None, "follow_up_message": ""}, None),
        ("PUT", f"{ONE}?full_client=1", {"spam": True, "mobile": 1, "campaign": None}, None),
        ("PUT", ONE, dict.fromkeys(NAMES), ", ".join(NAMES[:20])),
        ("PUT", f"{ONE}?b=1&a=1", dict.fromkeys(NAMES), ", ".join(["b", "a", *NAMES[:18]])),
        ("PUT", ONE, {"a" * 65: 1, "b" * 64: 1}, f"{'a' * 64}, {'b' * 64}"),
        ("PUT", ONE, {"a,b c": 1, "d\te\r\nf\0": 1, "\x7fé日🙂": 1}, "a?b?c, d?e??f?, ????"),
        ("PUT", ONE, {"": 1, " ": 1, "!~\"'": 1}, "?, !~\"'"),
        ("PUT", ONE, {"é": 1, "日": 1, "a": 1}, "?, a"),
        ("GET", f"{ONE}?=1", None, "?"),
        ("PUT", "nowhere", {"a": 1}, "a"),
        ("PUT", NEIGHBOURS, {"a": 1}, "a"),
        ("GET", "/v2/conversations/nowhere/messages?a=1", None, "a"),
        ("GET", "/platform/v1/clients/nobody/conversations?a=1", None, "a"),
        ("PUT", ONE, {"archived": "maybe", "archvied": True}, "archvied"),
        ("PUT", ONE, {"follow_up": True, "follow_up_date": "soon", "a": 1}, "a"),
        ("GET", "/v2/conversations?page=0&a=1", None, "a"),
    ],
)
def test_the_names_of_what_had_no_effect(
    send: Send, method: str, path: str, body: Any, ignored: str | None
) -> None:
    path = path if path.startswith("/") else f"/v2/conversations/{path}"
    assert send(method, path, body).headers.get("X-Ignored") == ignored


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "ignored"),
    [
        ("PUT", f"{ONE}?a=1", {"json": {}}, 200, "a"),
        ("POST", f"{POST}?a=1", {"json": {"message": MESSAGE}}, 201, "a"),
        ("PUT", f"/v2/conversations/{NEIGHBOURS}?a=1", {"json": {}}, 404, "a"),
        ("PUT", f"{ONE}?a=1", {"json": {"archived": 7}}, 422, "a"),
        ("PUT", f"{ONE}?a=1", {"json": {}, "headers": {"Authorization": "Bearer x"}}, 401, None),
        ("PUT", f"{ONE}?a=1", {"data": "{", "content_type": "application/json"}, 400, None),
        ("PUT", f"{ONE}?a=1", {"json": ["a"]}, 400, None),
        ("PUT", f"{ONE}?a=1", {"data": "a=1"}, 415, None),
    ],
)
def test_the_header_is_there_once_query_and_body_were_read(
    app: Flask, method: str, path: str, options: Any, status: int, ignored: str | None
) -> None:
    options = {"headers": {"Authorization": "Bearer demo-owner"}} | options
    response = app.test_client().open(path, method=method, **options)
    assert response.status_code == status
    assert response.headers.get("X-Ignored") == ignored


def test_a_conversation_that_is_not_allowed_names_it_too(send: Send) -> None:
    for prefer in ((), ("handling=strict",)):
        path = f"/v2/conversations/{FOLLOWED}"
        response = send("PUT", path, {"a": 1}, *prefer, token="demo-assigned")
        assert (response.status_code, response.headers["X-Ignored"]) == (403, "a")
        response = send("PUT", f"/v2/conversations/{NEIGHBOURS}", {"a": 1}, *prefer)
        assert (response.status_code, response.headers["X-Ignored"]) == (404, "a")


def test_what_is_ignored_changes_nothing(send: Send, stored: Stored) -> None:
    before = stored.everything()
    assert send("PUT", f"{ONE}?archived=1", {"archvied": True, "uid": "x"}).status_code == 200
    assert stored.everything() == before


# Strict handling


@pytest.mark.parametrize(
    ("method", "path", "body", "errors"),
    [
        (
            "PUT",
            ONE,
            {"archived": True, "archvied": True},
            {"archvied": '"archvied" is unknown; did you mean "archived"?'},
        ),
        (
            "PUT",
            ONE,
            {"followUp": 1},
            {"followUp": '"followUp" is unknown; did you mean "follow_up"?'},
        ),
        ("PUT", ONE, {"zzz": 1}, {"zzz": '"zzz" is unknown.'}),
        ("PUT", f"{ONE}?full_cleint=1", {}, {"full_cleint": 'did you mean "full_client"?'}),
        ("GET", "/v2/conversations?folder=inbx", None, {"folder": 'did you mean "inbox"?'}),
        ("POST", POST, IN_MESSAGE, {"txet": 'mean "text"?', "clientId": 'mean "client_id"?'}),
        ("POST", POST, {"mesage": {}, "message": MESSAGE}, {"mesage": 'did you mean "message"?'}),
        ("PUT", ONE, {"follow_up_date": "soon"}, {"follow_up_date": 'without "follow_up"'}),
        ("PUT", ONE, {"follow_up": True, "complete_follow_up": 1}, {"complete_follow_up": ""}),
        ("PUT", ONE, {"archived": 7, "zzz": 1}, {"archived": "boolean", "zzz": "unknown"}),
        ("POST", POST, {"message": {"zzz": 1}}, dict.fromkeys([*MESSAGE, "zzz"], "")),
        ("GET", "/v2/conversations?page=0&zzz=1", None, {"page": "positive", "zzz": "unknown"}),
        ("PUT", ONE, dict.fromkeys(NAMES), dict.fromkeys(NAMES[:20], "unknown")),
        ("PUT", ONE, {"a\nb": 1}, {"a\nb": '"a\\nb" is unknown'}),
        ("PUT", ONE, {"_schema": 1}, {"_schema": "unknown"}),  # marshmallow's own word
    ],
)
def test_strict_handling_says_why_and_stores_nothing(
    send: Send, stored: Stored, method: str, path: str, body: Any, errors: dict[str, str]
) -> None:
    before = stored.everything()
    response = send(method, path, body, "handling=strict")
    messages = errors_of(response)
    assert messages.keys() == errors.keys()
    assert [field for field, part in errors.items() if part not in messages[field]] == []
    assert response.headers["Preference-Applied"] == "handling=strict"
    assert response.headers["X-Ignored"]
    assert stored.everything() == before


def test_strict_handling_stores_what_is_all_known(send: Send, stored: Stored) -> None:
    response = send("PUT", ONE, {"archived": True}, "handling=strict")
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "handling=strict"
    assert "X-Ignored" not in response.headers
    assert stored.conversation(UID)["archived"] == 1


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [
        (["handling=strict"], True),
        (["HANDLING=Strict"], True),
        (['handling="strict"'], True),
        (["handling = strict"], True),
        (["handling=strict; foo=bar"], True),
        (["respond-async, wait=10, handling=strict"], True),
        (["return=minimal", "handling=strict"], True),
        (["handling=strict, handling=lenient"], True),
        (["handling=strict", "handling=lenient"], True),
        (["handling=lenient, handling=strict"], False),
        (["handling=lenient", "handling=strict"], False),
        (["handling=purple"], False),
        (["handling"], False),
        (["strict"], False),
        (["not-handling=strict"], False),
        (['foo="a, handling=strict"'], False),
        (['foo;bar="a, handling=strict"'], False),
        (['"handling=strict"'], False),
        (['handling="strict;x"'], False),
        (["handling\t=\tstrict"], True),
        ([";, =, handling=strict"], True),
        ([""], False),
        ([], False),
    ],
)
def test_the_preference_is_read_as_its_standard_has_it(
    send: Send, send_to_strict: Send, prefer: list[str], strict: bool
) -> None:
    response = send("PUT", ONE, {"archvied": True}, *prefer)
    assert response.status_code == (422 if strict else 200)
    assert response.headers.get("Preference-Applied") == ("handling=strict" if strict else None)
    is_lenient = bool(prefer) and prefer[0].startswith("handling=lenient")
    response = send_to_strict("PUT", ONE, {"archvied": True}, *prefer)
    assert response.status_code == (200 if is_lenient else 422)
    assert response.headers["X-Ignored"] == "archvied"


def test_pages_may_read_the_headers(app: Flask) -> None:
    headers = {"Authorization": "Bearer demo-owner", "Origin": "http://localhost:3000"}
    response = app.test_client().get(f"{ONE}?a=1", headers=headers)
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Ignored", "Preference-Applied"} <= set(exposed)


@pytest.mark.parametrize(
    ("names", "ignored"),
    [
        ([f"name{number}" for number in range(20_000)], NAMES[:20]),
        (["n" * 900_000], ["n" * 64]),
        (["a\r\nX-Evil: 1\r\n\r\n<script>"], ["a??X-Evil:?1????<script>"]),
        (["é" * 300_000, "\ud83d\ude42"], ["?" * 64, "?"]),
    ],
)
def test_a_hostile_body_makes_no_broken_header(
    send: Send, names: list[str], ignored: list[str]
) -> None:
    body = json.loads(json.dumps(dict.fromkeys(names, 1)))
    for prefer in ((), ("handling=strict",)):
        response = send("PUT", ONE, body, *prefer)
        assert response.status_code == (422 if prefer else 200)
        assert response.headers["X-Ignored"] == ", ".join(ignored)
        assert "X-Evil" not in response.headers
        assert len(response.data) < 10_000


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"follow_up_message": "x", "archived": 5}, "follow_up_message"),
        ({"follow_up": False, "archived": 5, "follow_up_date": None}, "follow_up_date"),
        ({"follow_up": True, "archived": 5, "follow_up_date": None}, None),  # can't be told
        ({"follow_up": 5, "follow_up_date": None}, None),
    ],
)
def test_fields_are_ignored_beside_wrong_ones(
    send: Send, fields: dict[str, Any], ignored: str | None
) -> None:
    response = send("PUT", ONE, fields)
    assert response.status_code == 422
    assert response.headers.get("X-Ignored") == ignored


@pytest.mark.parametrize(
    ("method", "path", "body", "errors"),
    [
        ("PUT", ONE, {"ARCHIVED": True}, {"ARCHIVED": 'mean "archived"?'}),
        ("PUT", ONE, {"x" * 80: True}, {"x" * 64: 'x…" is unknown.'}),
        ("PUT", f"{ONE}?archived=1", {"archived": 5}, {"archived": '5. "archived" is unknown'}),
        (
            "POST",
            POST,
            {"message": {**MESSAGE, "text": 5, "message": 2}},
            {"text": "string", "message": '"message" is unknown'},
        ),
    ],
)
def test_strict_handling_hides_no_error_behind_another(
    send: Send, method: str, path: str, body: Any, errors: dict[str, str]
) -> None:
    messages = errors_of(send(method, path, body, "handling=strict"))
    assert messages.keys() == errors.keys()
    assert {name for name, part in errors.items() if part not in messages[name]} == set()


@pytest.mark.parametrize("text", [r"\,\;;\"", "a=b,", ";", '"', "\\", " "])
def test_reading_preferences_takes_time_linear_in_their_length(text: str) -> None:
    def measure(times: int) -> float:
        return min(timeit.repeat(lambda: parse_preferences(text * times), number=1, repeat=5))

    assert measure(10_000) < 30 * measure(1_000)
