"""The headers that tell browsers and caches what they may do, and requests of odd forms."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from support.apps import open_app
from support.callers import Caller
from support.constants import JANE, UID
from support.stored import Stored

PROTECTED = (f"/v2/conversations/{UID}", "/v2/conversations", "/platform/v1/conversations")
OPEN = ("/openapi.json", "/docs/", "/docs/swagger-ui.css", "/__admin/health", "/nothing")


@pytest.mark.parametrize("path", PROTECTED + OPEN)
def test_no_browser_guesses_what_a_response_is(owner: Caller, path: str) -> None:
    with owner.get(path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("token", ["demo-owner", "nobody"])
def test_no_cache_keeps_what_a_token_protects(
    call: Callable[[str], Caller], token: str, path: str
) -> None:
    assert call(token).get(path).headers["Cache-Control"] == "no-store"


def test_no_cache_keeps_the_response_to_a_change(owner: Caller) -> None:
    for response in (owner.put(UID, archived=True), owner.put(UID, archived="x")):
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/docs/", "/docs/swagger-ui.css"])
def test_the_documentation_loads_nothing_from_elsewhere(app: Flask, path: str) -> None:
    with app.test_client().get(path) as response:
        headers = response.headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "connect-src 'self'", "frame-ancestors 'self'"} <= set(policy)
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "http" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("folder", ["docs", "page"])
@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".md", "x\0", "../app.py", "nothing.js"])
def test_a_file_that_there_is_not_is_an_unknown_route(app: Flask, folder: str, name: str) -> None:
    response = app.test_client().get(f"/{folder}/{quote(name, safe='')}")
    assert response.status_code == 404
    assert (response.json or {})["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["//", "///", "//docs/", "//v2/conversations", f"/v2//conversations/{UID}"]
)
def test_two_slashes_are_an_unknown_route(app: Flask, owner: Caller, path: str) -> None:
    environ: Any = EnvironBuilder("/", headers=[*owner.headers.items()]).get_environ()
    body, status, _ = run_wsgi_app(app, environ | {"PATH_INFO": path})
    assert status == "404 NOT FOUND"
    [error] = json.loads(b"".join(body))["errors"]
    assert error["code"] == "not_found"
    assert error["message"].startswith("This server has no such route; ")


@pytest.mark.parametrize("host", ["xn--a", "", "a b/c", "x" * 5000, "[", "localhost:port"])
@pytest.mark.parametrize("path", [f"/v2/conversations/{UID}", "/docs/", "/openapi.json"])
def test_an_odd_host_is_no_failure(app: Flask, owner: Caller, host: str, path: str) -> None:
    environ: Any = EnvironBuilder(path, headers=[*owner.headers.items()]).get_environ()
    body, status, _ = run_wsgi_app(app, environ | {"HTTP_HOST": host})
    assert status == "200 OK" or (status[:3] == "400" and b'"code":"bad_request"' in b"".join(body))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("localhost:8000", 200), ("127.0.0.1", 200), ("api.mock.example:443", 200)),
        *(("evil.example", 400), ("localhost.evil.example", 400), ("mock.example.evil", 400)),
        *(("[::1]", 400), ("a\x1b b", 400)),
    ],
)
@pytest.mark.parametrize(
    "hosts", ["LocalHost, 127.0.0.1,.mock.example", ("localhost", "127.0.0.1", ".mock.example")]
)
def test_a_request_that_names_an_untrusted_host_is_refused(
    stored: Stored, hosts: Any, host: str, status: int
) -> None:
    with open_app(stored.path, TRUSTED_HOSTS=hosts) as app:
        caller = Caller(app, "demo-owner")
        for path in (f"/v2/conversations/{UID}", "/", "/__admin/health", "/nothing"):
            environ = {"HTTP_HOST": host}
            response: Any = caller.client.get(
                path, headers=caller.headers, environ_overrides=environ
            )
            with response:
                assert response.status_code == (
                    404 if (path, status) == ("/nothing", 200) else status
                )
                if status == 400:
                    [error] = response.json["errors"]
                    assert error == {
                        "code": "bad_request",
                        "message": f"Host {host!r} is not trusted.",
                    }


@pytest.mark.parametrize(
    "path",
    [
        "/v2/conversations",
        f"/v2/conversations/{UID}/messages",
        "/platform/v1/conversations",
        "/__admin/sandbox",
        "/__admin/health",
    ],
)
def test_a_slash_at_the_end_of_a_path_changes_nothing(
    owner: Caller, stored: Stored, path: str
) -> None:
    responses = [owner.get(path + slash) for slash in ("", "/", "//")]
    assert [response.status_code for response in responses] == [200, 200, 404]
    assert responses[0].data == responses[1].data


def test_a_slash_at_the_end_changes_no_write(owner: Caller, stored: Stored) -> None:
    assert owner.put(f"{UID}/", campaign="x").status_code == 200
    assert stored.conversation(UID)["campaign"] == "x"
    assert (
        owner.ask(
            "PUT", "/__admin/faults/", [{"status": 503, "path": "/v2/conversations"}]
        ).status_code
        == 200
    )
    assert owner.get("/v2/conversations/").status_code == 503


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "x"])
def test_another_protocol_is_not_spoken(owner: Caller, protocol: str) -> None:
    headers = owner.headers | {"Upgrade": protocol, "Connection": "Upgrade"}
    response: Any = owner.client.get(f"/v2/conversations/{UID}", headers=headers)
    assert (response.status_code, response.json["uid"]) == (200, UID)


MESSAGE = {"client_id": JANE, "text": "x", "direction": "client_to_business"}


@pytest.mark.parametrize("now", ["0001-01-01", "0001-01-02", "9999-12-30 22", "9999-12-31 23:59"])
def test_the_first_and_the_last_year_are_no_failure(
    owner: Caller, stored: Stored, now: str
) -> None:
    stored.freeze(now)
    responses: list[Any] = [
        owner.put(UID, follow_up=True, follow_up_message="x"),
        owner.put(UID, follow_up=True, follow_up_date="tomorrow"),
        owner.put(UID, follow_up=True, follow_up_date="9999-12-31T23:00:00Z"),
        owner.put(UID, follow_up=True, follow_up_date="0001-01-01T00:00:00Z"),
        owner.post(**MESSAGE),
        owner.get(f"/v2/conversations/{UID}?full_client=true"),
        owner.get(f"/v2/conversations/{UID}/messages?last_update=true"),
        owner.get(f"/v2/conversations/{UID}/messages"),
        owner.get("/v2/conversations?per_page=100"),
        owner.get("/platform/v1/conversations?per_page=100"),
    ]
    assert {response.status_code for response in responses} <= {200, 201, 422}
    assert responses[0].status_code == responses[-1].status_code == 200
