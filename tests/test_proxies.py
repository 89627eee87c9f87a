"""What proxies say of a request is believed of so many as TRUSTED_PROXIES says, and of no other."""

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


def ask(stored: Stored, headers: dict[str, str], peer: str = "10.0.0.5", **config: Any) -> Any:
    """Return the responses of a list and of a redirect to a client that comes from an address."""
    with open_app(stored.path, TESTING=True, **config) as app:
        owner = Caller(app, "demo-owner")
        return [
            owner.client.get(
                path, headers=owner.headers | headers, environ_base={"REMOTE_ADDR": peer}
            )
            for path in (PAGE, "/docs")
        ]


def test_what_one_proxy_says_is_believed(stored: Stored, caplog: pytest.LogCaptureFixture) -> None:
    listed, redirect = ask(stored, SENT, TRUSTED_PROXIES=1)
    assert listed.status_code == 200
    assert listed.headers["Link"].startswith("<https://staging.example/vcita/v2/conversations?")
    assert redirect.headers["Location"] == "https://staging.example/vcita/docs/"
    assert " address=203.0.113.7 sandbox=default " in caplog.messages[0]


def test_of_two_proxies_the_outer_one_knows_the_client(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    listed, redirect = ask(stored, TWICE, TRUSTED_PROXIES="2")
    assert listed.headers["Link"].startswith("<https://staging.example/vcita/v2/conversations?")
    assert redirect.headers["Location"] == "https://staging.example/vcita/docs/"
    assert " address=203.0.113.7 " in caplog.messages[0]


def test_what_too_few_proxies_say_is_not_believed(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    listed, redirect = ask(stored, SENT, TRUSTED_PROXIES=2)
    assert listed.headers["Link"].startswith("<http://localhost/v2/conversations?")
    assert redirect.headers["Location"] == "http://localhost/docs/"
    assert " address=10.0.0.5 " in caplog.messages[0]


def test_without_proxies_what_a_client_says_changes_nothing(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    shown = [
        [(each.status_code, each.data, each.headers) for each in ask(stored, headers)]
        for headers in ({}, FORGED)
    ]
    assert shown[0] == shown[1]
    assert caplog.messages[0].count(" address=10.0.0.5 ") == 1
    for line in caplog.messages:
        assert "203.0.113.7" not in line and "vcita" not in line


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", ""])
def test_a_line_leaves_out_this_machine(
    stored: Stored, caplog: pytest.LogCaptureFixture, peer: str
) -> None:
    ask(stored, {}, peer)
    assert "address" not in caplog.messages[0]


def test_an_address_that_is_none_is_one_word(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    ask(stored, {"X-Forwarded-For": f'"a status=200 \xe9{"x" * 400}"'}, TRUSTED_PROXIES=1)
    assert f" address=a?status=200??{'x' * 286} sandbox=" in caplog.messages[0]


@pytest.mark.parametrize("path", ["/v2/conversations?per_page=2", "/__admin/sandbox", "/docs/"])
def test_gunicorn_can_keep_a_prefix_that_the_proxy_leaves_in_the_path(
    tmp_path: Path, path: str
) -> None:
    server = Server(tmp_path / "own.db", SCRIPT_NAME="/vcita", WEB_CONCURRENCY="1")
    try:
        assert server.get("demo-owner", f"/vcita{path}") == 200
        assert server.get("demo-owner", path) == 404
        assert server.get("demo-owner", f"/vcita-too{path}") == 404
    finally:
        assert "Traceback" not in server.stop()


def test_gunicorn_believes_no_client(server: Server) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in FORGED.items())
    headers += "SCRIPT_NAME: /vcita\r\nPATH_INFO: /nothing\r\n"
    request = "GET {} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
    request += "Authorization: Bearer demo-owner\r\n{}\r\n"
    for path in (PAGE, "/docs"):
        plain, forged = (
            [
                line
                for line in server.exchange(request.format(path, each)).splitlines()
                if not line.startswith("Date:")
            ]
            for each in ("", headers)
        )
        assert plain == forged
    output = server.stop()
    assert output.count(f"GET {PAGE} 200") == 2
    assert "203.0.113.7" not in output
