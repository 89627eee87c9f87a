"""The headers that tell browsers and caches what they may do, and requests of odd forms."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from support.apps import Call, Caller, check_error, open_app
from support.constants import MESSAGE, ONE, UID
from support.stored import Stored

PROTECTED = (ONE, "/v2/conversations", "/platform/v1/conversations")
OPEN = ("/openapi.json", "/docs/", "/docs/swagger-ui.css", "/__admin/health", "/nothing")


@pytest.mark.parametrize("path", PROTECTED + OPEN)
def test_responses_disable_sniffing_and_caching(call: Call, path: str) -> None:
    for token in ("demo-owner", "nobody"):
        with call(token).get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            if path in PROTECTED:
                assert response.headers["Cache-Control"] == "no-store"
    for archived in (True, "x"):
        assert call("demo-owner").put(UID, archived=archived).headers["Cache-Control"] == "no-store"


MISSING = ["x" * 300, "x" * 300 + ".md", "x\0", "../app.py", "nothing.js", "nothing.md", "bar.html"]
MISSING += ["page.py", "../page.py", "../models.py", "../../app.py", "../README.md"]


@pytest.mark.parametrize("folder", ["docs", "page"])
@pytest.mark.parametrize("name", MISSING)
def test_missing_file_gets_404(app: Flask, folder: str, name: str) -> None:
    for path in (f"/{folder}/{quote(name, safe='')}", f"/{folder}/{name}"):
        check_error(app.test_client().get(path), 404, "not_found")


def run_oddly(app: Flask, owner: Caller, **environ: str) -> tuple[str, dict[str, Any]]:
    """Send a GET with an odd environment; return the status and the body of the response."""
    usual: Any = EnvironBuilder("/", headers=[*owner.headers.items()]).get_environ()
    body, status, _ = run_wsgi_app(app, usual | environ)
    text = b"".join(body)
    return status, json.loads(text) if text.startswith(b"{") else {}


UNKNOWN = ["/x", "/v2", "/v2x", "/__admin/x", "/docs/v2/x", "//", "///", "//docs/"]


@pytest.mark.parametrize("path", [*UNKNOWN, "//v2/conversations", f"/v2//conversations/{UID}"])
def test_unknown_routes_get_404(app: Flask, owner: Caller, path: str) -> None:
    status, body = run_oddly(app, owner, PATH_INFO=path)
    assert (status, body["errors"][0]["code"]) == ("404 NOT FOUND", "not_found")
    assert body["errors"][0]["message"].startswith("This server has no such route; ")


@pytest.mark.parametrize("host", ["xn--a", "", "a b", "x" * 64, "_" * 64, "a..b", "a_b:65536", "["])
@pytest.mark.parametrize("path", [ONE, "/docs", "/docs/", "/docs/api.md", "/openapi.json"])
def test_odd_host_gets_a_response(app: Flask, owner: Caller, host: str, path: str) -> None:
    status, body = run_oddly(app, owner, PATH_INFO=path, HTTP_HOST=host)
    if status[:3] not in ("200", "308"):
        assert (status[:3], body["errors"][0]["code"]) == ("400", "bad_request")


HOSTS = ["localhost", "127.0.0.1", ".mock.example"]


@pytest.mark.parametrize("hosts", ["LocalHost, 127.0.0.1,.mock.example", HOSTS])
def test_untrusted_host_is_rejected(stored: Stored, hosts: Any) -> None:
    untrusted = ("evil.example", "localhost.evil.example", "mock.example.evil", "[::1]", "a\x1b b")
    with open_app(stored.path, TRUSTED_HOSTS=hosts) as app:
        owner = Caller(app, "demo-owner")
        for path in (ONE, "/__admin/health"):
            for host in ("localhost:8000", "127.0.0.1", "api.mock.example:443"):
                assert owner.ask("GET", path, Host=host).status_code == 200
            for host in untrusted:
                message = f"Host {host!r} is not trusted."
                response = owner.ask("GET", path, Host=host)
                check_error(response, 400, "bad_request", None, message)


LISTS = ("/v2/conversations", f"{ONE}/messages", "/platform/v1/conversations")


@pytest.mark.parametrize("path", [*LISTS, "/__admin/sandbox", "/__admin/health"])
def test_trailing_slash_is_ignored(owner: Caller, path: str) -> None:
    plain, slash, slashes = (owner.get(path + end) for end in ("", "/", "//"))
    assert (slash.status_code, slash.data) == (200, plain.data)
    check_error(slashes, 404, "not_found")


def test_trailing_slash_affects_no_write_or_rule(owner: Caller, stored: Stored) -> None:
    assert owner.put(f"{UID}/", campaign="x").status_code == 200
    assert stored.conversation(UID)["campaign"] == "x"
    rules = [{"status": 503, "path": "/v2/conversations"}]
    assert owner.ask("PUT", "/__admin/faults/", rules).status_code == 200
    assert owner.get("/v2/conversations/").status_code == 503


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "x"])
def test_upgrade_header_is_ignored(owner: Caller, protocol: str) -> None:
    response = owner.ask("GET", ONE, Upgrade=protocol, Connection="Upgrade")
    assert (response.status_code, response.json["uid"]) == (200, UID)


@pytest.mark.parametrize("now", ["1900-01-01", "9000-12-31 23:59"])
def test_first_and_last_year_get_a_response(owner: Caller, stored: Stored, now: str) -> None:
    stored.freeze(now)
    dates = ("tomorrow", "9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z")
    reads = [f"{ONE}?full_client=true", f"{ONE}/messages?last_update=true", f"{ONE}/messages"]
    reads += ["/v2/conversations?per_page=100", "/platform/v1/conversations?per_page=100"]
    responses = [owner.put(UID, follow_up=True, follow_up_message="x")]
    responses += [owner.put(UID, follow_up=True, follow_up_date=date) for date in dates]
    responses += [owner.post(**MESSAGE), *map(owner.get, reads)]
    assert {response.status_code for response in responses} <= {200, 201, 422}
    assert responses[0].status_code == responses[-1].status_code == 200
