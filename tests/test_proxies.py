"""As many proxies as TRUSTED_PROXIES says are trusted, and no other client is."""

from pathlib import Path
from typing import Any

import pytest

from support.apps import open_app
from support.callers import Caller
from support.servers import Server
from support.stored import Stored

SENT = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "staging.example",
    "X-Forwarded-Prefix": "/vcita",
}
FORGED = SENT | {
    "Forwarded": "for=203.0.113.7;proto=https;host=staging.example",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Ssl": "on",
    "X-Real-Ip": "203.0.113.7",
    "X-Script-Name": "/vcita",
}
TWICE = {name: f"forged, {value}, {value}-inner" for name, value in SENT.items()}
PAGE = "/v2/conversations?per_page=2"
OUTSIDE = ("https://staging.example/vcita", "203.0.113.7")
INSIDE = ("http://localhost", "10.0.0.5")


def ask(stored: Stored, headers: dict[str, str], peer: str = "10.0.0.5", **config: Any) -> Any:
    """Return the responses of a list and of a redirect to a client that comes from an address."""
    with open_app(stored.path, TESTING=True, **config) as app:
        owner = Caller(app, "demo-owner")
        options: Any = {"headers": owner.headers | headers, "environ_base": {"REMOTE_ADDR": peer}}
        return [owner.client.get(path, **options) for path in (PAGE, "/docs")]


@pytest.mark.parametrize(
    ("sent", "trusted", "expected"),
    [(SENT, 1, OUTSIDE), (TWICE, "2", OUTSIDE), (SENT, 2, INSIDE), (FORGED, 0, INSIDE)],
    ids=["one proxy", "two proxies", "too few", "none"],
)
def test_only_trusted_proxies_say_where_the_client_is(
    stored: Stored, caplog: Any, sent: dict[str, str], trusted: Any, expected: tuple[str, ...]
) -> None:
    server, address = expected
    listed, redirect = ask(stored, sent, TRUSTED_PROXIES=trusted)
    assert listed.status_code == 200
    assert listed.headers["Link"].startswith(f"<{server}/v2/conversations?")
    assert redirect.headers["Location"] == f"{server}/docs/"
    assert f" address={address} sandbox=default " in caplog.messages[0]


def test_without_proxies_a_client_s_headers_change_nothing(stored: Stored, caplog: Any) -> None:
    plain, forged = (
        [(each.status_code, each.data, each.headers) for each in ask(stored, headers)]
        for headers in ({}, FORGED)
    )
    assert plain == forged
    assert "203.0.113.7" not in caplog.text and "vcita" not in caplog.text


def test_the_address_in_a_line(stored: Stored, caplog: pytest.LogCaptureFixture) -> None:
    for peer in ("127.0.0.1", "::1", ""):
        ask(stored, {}, peer)
    assert "address" not in caplog.text
    ask(stored, {"X-Forwarded-For": f'"a status=200 \xe9{"x" * 400}"'}, TRUSTED_PROXIES=1)
    assert f" address=a?status=200??{'x' * 286} sandbox=" in caplog.text


def test_gunicorn_can_keep_a_prefix_that_the_proxy_leaves_in_the_path(tmp_path: Path) -> None:
    options = {"SCRIPT_NAME": "/vcita", "WEB_CONCURRENCY": "1"}
    with Server(tmp_path / "own.db", **options) as server:
        for path in (PAGE, "/__admin/sandbox", "/docs/"):
            assert server.get("demo-owner", f"/vcita{path}") == 200
            assert server.get("demo-owner", path) == 404
            assert server.get("demo-owner", f"/vcita-too{path}") == 404
        assert "Traceback" not in server.stop()


def test_gunicorn_trusts_no_client(server: Server) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in FORGED.items())
    headers += "SCRIPT_NAME: /vcita\r\nPATH_INFO: /nothing\r\n"
    request = "GET {} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
    request += "Authorization: Bearer demo-owner\r\n{}\r\n"
    for path in (PAGE, "/docs"):
        plain, forged = (
            server.exchange(request.format(path, each)).splitlines() for each in ("", headers)
        )
        assert [line for line in plain if not line.startswith("Date:")] == [
            line for line in forged if not line.startswith("Date:")
        ]
    output = server.stop()
    assert output.count(f"GET {PAGE} 200") == 2
    assert "203.0.113.7" not in output
