"""Fields without an effect: `X-Ignored` names them; `Prefer: handling=strict` refuses them."""

from typing import Any

import pytest
from flask import Flask

from support.apps import Caller, errors_of, open_app
from support.constants import CONTROLS, FOLLOWED, MESSAGE, NEIGHBOURS, ONE, ROUTES, UID, path_of
from support.stored import Stored

DATE = "2030-05-06T10:00:00Z"
NAMES = [f"name{number}" for number in range(30)]
POST = "/platform/v1/messages"
STRICT = "handling=strict"
PREFER_STRICT = {"Prefer": STRICT}
HEALTH = ("GET", "/__admin/health", None)


def check_messages(response: Any, expected: dict[str, str]) -> None:
    """Fail unless a 422 has an error for each of some fields, whose message has a part."""
    assert response.status_code == 422
    messages = {error["field"]: error["message"] for error in errors_of(response)}
    assert messages.keys() == expected.keys()
    assert [
        messages[field] for field, part in expected.items() if part not in messages[field]
    ] == []
    assert response.headers["Preference-Applied"] == STRICT


@pytest.mark.parametrize(("method", "rule", "body"), [*ROUTES, *CONTROLS, HEALTH])
def test_every_route_lists_ignored_fields(owner: Caller, method: str, rule: str, body: Any) -> None:
    path = path_of(rule)
    assert "X-Ignored" not in owner.ask(method, path, body).headers
    for prefer in ({}, {"Prefer": "handling=lenient"}):
        response = owner.ask(method, f"{path}?fodler=inbox", body, **prefer)
        is_admin = path.startswith("/__admin")  # always strict
        assert response.status_code in ((422,) if is_admin else (200, 201))
        assert response.headers["X-Ignored"] == "fodler"
        assert "Preference-Applied" not in response.headers
    response = owner.ask(method, f"{path}?fodler=inbox", body, **PREFER_STRICT)
    check_messages(response, {"fodler": "unknown"})


FOLLOW_UP = {"follow_up_date": DATE, "follow_up_message": "x", "complete_follow_up": True}
REMOVES = {"follow_up": True, "archived": True}
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
        ("PUT", FOLLOWED, {**FOLLOW_UP, **REMOVES}, "follow_up_date, follow_up_message"),
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
        ("PUT", ONE, {"follow_up_message": "x", "archived": 5}, "follow_up_message"),
        ("PUT", ONE, {"follow_up": 0, "archived": 5, "follow_up_date": None}, "follow_up_date"),
        ("PUT", ONE, {"follow_up": 1, "archived": 5, "follow_up_date": None}, None),  # can't tell
        ("PUT", ONE, {"follow_up": 5, "follow_up_date": None}, None),
    ],
)
def test_x_ignored_lists_ignored_fields(
    owner: Caller, method: str, path: str, body: Any, ignored: str | None
) -> None:
    path = path if path.startswith("/") else f"/v2/conversations/{path}"
    assert owner.ask(method, path, body).headers.get("X-Ignored") == ignored


def test_x_ignored_is_only_sent_once_query_and_body_are_loaded(app: Flask) -> None:
    options: dict[str, Any]
    for token, options, status in (
        ("nobody", {"json": {}}, 401),
        ("demo-owner", {"data": "{", "content_type": "application/json"}, 400),
        ("demo-owner", {"json": ["a"]}, 400),
        ("demo-owner", {"data": "a=1"}, 415),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        response = app.test_client().put(f"{ONE}?a=1", headers=headers, **options)
        assert response.status_code == status
        assert "X-Ignored" not in response.headers


def test_forbidden_conversation_lists_ignored_fields(assigned: Caller) -> None:
    for prefer in ({}, PREFER_STRICT):
        for uid, status in ((FOLLOWED, 403), (NEIGHBOURS, 404)):
            response = assigned.ask("PUT", f"/v2/conversations/{uid}", {"a": 1}, **prefer)
            assert (response.status_code, response.headers["X-Ignored"]) == (status, "a")


# Strict handling

CREATED = "when a follow-up is created or updated"
MISSPELLED = {"archived": True, "archvied": True}
TWO_WRONG = {"text": "string", "message": '"message" is unknown'}


@pytest.mark.parametrize(
    ("method", "path", "body", "errors"),
    [
        ("PUT", ONE, MISSPELLED, {"archvied": '"archvied" is unknown; did you mean "archived"?'}),
        ("PUT", ONE, {"followUp": 1}, {"followUp": 'unknown; did you mean "follow_up"?'}),
        ("PUT", ONE, {"zzz": 1}, {"zzz": '"zzz" is unknown.'}),
        ("PUT", f"{ONE}?full_cleint=1", {}, {"full_cleint": 'did you mean "full_client"?'}),
        ("GET", "/v2/conversations?folder=inbx", None, {"folder": 'did you mean "inbox"?'}),
        ("POST", POST, IN_MESSAGE, {"txet": 'mean "text"?', "clientId": 'mean "client_id"?'}),
        ("POST", POST, {"mesage": {}, "message": MESSAGE}, {"mesage": 'did you mean "message"?'}),
        ("PUT", ONE, {"follow_up_date": "soon"}, {"follow_up_date": 'without "follow_up"'}),
        ("PUT", ONE, {"follow_up": True, "complete_follow_up": 1}, {"complete_follow_up": CREATED}),
        ("PUT", ONE, {**REMOVES, "follow_up_message": "x"}, {"follow_up_message": "is removed."}),
        ("PUT", ONE, {"archived": 7, "zzz": 1}, {"archived": "boolean", "zzz": "unknown"}),
        ("POST", POST, {"message": {"zzz": 1}}, dict.fromkeys(["client_id", "text", "zzz"], "")),
        ("GET", "/v2/conversations?page=0&zzz=1", None, {"page": "positive", "zzz": "unknown"}),
        ("PUT", ONE, dict.fromkeys(NAMES), dict.fromkeys(NAMES[:20], "unknown")),
        ("PUT", ONE, {"a\nb": 1}, {"a\nb": '"a\\nb" is unknown'}),
        ("PUT", ONE, {"_schema": 1}, {"_schema": "unknown"}),  # marshmallow's own word
        ("PUT", ONE, {"\x1a": 1}, {"\x1a": r'"\u001a" is unknown.'}),  # the placeholder for values
        ("PUT", ONE, {"ARCHIVED": True}, {"ARCHIVED": 'mean "archived"?'}),
        ("PUT", ONE, {"x" * 80: True}, {"x" * 64: 'x…" is unknown.'}),
        ("PUT", "/__admin/faults", [{"status": 503, "tmies": 1}], {"tmies": 'mean "times"?'}),
        ("PUT", f"{ONE}?archived=1", {"archived": 5}, {"archived": '5. "archived" is unknown'}),
        ("POST", POST, {"message": {**MESSAGE, "text": 5, "message": 2}}, TWO_WRONG),
    ],
)
def test_strict_handling_explains_errors_and_stores_nothing(
    owner: Caller, stored: Stored, method: str, path: str, body: Any, errors: dict[str, str]
) -> None:
    with stored.unchanged():
        response = owner.ask(method, path, body, **PREFER_STRICT)
    check_messages(response, errors)
    assert response.headers["X-Ignored"]


def test_strict_handling_accepts_known_fields(owner: Caller, stored: Stored) -> None:
    response = owner.ask("PUT", ONE, {"archived": True}, **PREFER_STRICT)
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, STRICT)
    assert "X-Ignored" not in response.headers
    assert stored.conversation(UID)["archived"] == 1


APPLIES = ["handling=strict", "HANDLING=Strict", 'handling="stri\\ct"', "handling = strict"]
APPLIES += ["handling=strict; foo=bar", "respond-async, wait=10, handling=strict"]
APPLIES += ["handling=strict, handling=lenient", "handling\t=\tstrict", ";, =, handling=strict"]
LENIENT = "handling=lenient, handling=strict"
DOES_NOT = [LENIENT, "strict", "not-handling=strict", ""]
DOES_NOT += ['foo="a, handling=strict"', 'foo;bar="a, handling=strict"', '"handling=strict"']


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [*((each, True) for each in APPLIES), *((each, False) for each in DOES_NOT)],
)
def test_preference_is_parsed_by_rfc_7240(
    owner: Caller, stored: Stored, prefer: str, strict: bool
) -> None:
    response = owner.ask("PUT", ONE, {"archvied": True}, Prefer=prefer)
    assert response.status_code == (422 if strict else 200)
    assert response.headers.get("Preference-Applied") == (STRICT if strict else None)
    with open_app(stored.path, TESTING=True, STRICT=True) as app:
        owner = Caller(app, "demo-owner")
        response = owner.ask("PUT", ONE, {"archvied": True}, Prefer=prefer)
    assert response.status_code == (200 if prefer == LENIENT else 422)
    assert response.headers["X-Ignored"] == "archvied"
