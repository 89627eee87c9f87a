"""As many proxies as TRUSTED_PROXIES says are trusted, and no other client is."""

import json
import re
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from support.apps import Caller, open_app
from support.commands import find_tool, needs
from support.constants import UID
from support.documents import find_block
from support.servers import Server, find_free_port
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
def test_only_trusted_proxies_set_the_client(
    stored: Stored, caplog: Any, sent: dict[str, str], trusted: Any, expected: tuple[str, ...]
) -> None:
    server, address = expected
    listed, redirect = ask(stored, sent, TRUSTED_PROXIES=trusted)
    assert listed.status_code == 200
    assert listed.headers["Link"].startswith(f"<{server}/v2/conversations?")
    assert redirect.headers["Location"] == f"{server}/docs/"
    assert f" address={address} sandbox=default " in caplog.messages[0]


def test_line_has_the_address_of_the_client(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    for peer in ("127.0.0.1", "::1", ""):
        ask(stored, {}, peer)
    assert "address" not in caplog.text
    ask(stored, {"X-Forwarded-For": f'"a status=200 \xe9{"x" * 400}"'}, TRUSTED_PROXIES=1)
    assert f" address=a?status=200??{'x' * 286} sandbox=" in caplog.text


def test_gunicorn_handles_a_prefix_in_the_path(tmp_path: Path) -> None:
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
        plain, forged = (server.exchange(request.format(path, each)) for each in ("", headers))
        assert re.sub("Date: .*", "", plain) == re.sub("Date: .*", "", forged)
    output = server.stop()
    assert output.count(f"GET {PAGE} 200") == 2
    assert "203.0.113.7" not in output


# nginx, set up as docs/hosting.md says

NAME = "staging.example.com"
CLIENT = "127.0.0.2"  # an address of this machine that is not the usual one
EVIL = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
}
CONFIGURATION = """
daemon off;
user root;  # if root runs the tests
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


class Proxy:
    """An nginx of its own, in front of a server."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.server, self.port = server, find_free_port()
        openssl = find_block("docs/hosting.md", "sh", "openssl req")
        subprocess.run(["bash", "-c", openssl], cwd=folder, check=True, capture_output=True)
        self.certificate = folder / "staging.crt"
        block = find_block("docs/hosting.md", "nginx", "server {")
        for documented, ours in (
            ("listen 443 ", f"listen 127.0.0.1:{self.port} "),
            ("/etc/nginx/staging", str(folder / "staging")),
            ("http://127.0.0.1:8000/", f"{server.url}/"),
        ):
            assert documented in block
            block = block.replace(documented, ours)
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, server=block))
        nginx: list[Any] = [str(find_tool("nginx")), "-e", "stderr", "-p", folder]
        self.process = subprocess.Popen([*nginx, "-c", folder / "nginx.conf"])
        for _ in range(100):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.05)
        raise RuntimeError("nginx does not listen.")

    def ask(
        self, method: str, path: str, body: Any = None, token: str = "demo-owner", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request from another address over TLS; return the response's three parts."""
        headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        here = ("127.0.0.1", self.port)
        context = ssl.create_default_context(cafile=self.certificate)
        with socket.create_connection(here, timeout=30, source_address=(CLIENT, 0)) as plain:
            with context.wrap_socket(plain, server_hostname=NAME) as secure:
                connection = HTTPConnection(NAME, self.port)
                connection.sock = secure
                data = None if body is None else json.dumps(body)
                connection.request(method, path, data, headers | {"Connection": "close"})
                response = connection.getresponse()
                return response.status, dict(response.headers), response.read()


@pytest.fixture
def proxy(stored: Stored) -> Iterator[Proxy]:
    trusted = {"FLASK_TRUSTED_PROXIES": "1"}
    with tempfile.TemporaryDirectory() as folder, Server(stored.path, **trusted) as server:
        proxy = Proxy(Path(folder), server)
        yield proxy
        proxy.process.terminate()
        proxy.process.wait(timeout=10)


@pytest.mark.long
@needs("nginx", "openssl")
def test_server_works_behind_nginx_with_tls_under_a_prefix(proxy: Proxy) -> None:
    path = f"/vcita/v2/conversations/{UID}"
    status, _, body = proxy.ask("PUT", path, {"archived": True}, **EVIL)
    assert (status, json.loads(body)["archived"]) == (200, True)
    status, headers, body = proxy.ask("GET", "/vcita/v2/conversations?per_page=2", **EVIL)
    assert status == 200
    [link] = re.findall(r'<([^>]*)>; rel="next"', headers["Link"])
    origin = f"https://{NAME}:{proxy.port}"
    assert link == f"{origin}/vcita/v2/conversations?page=2&per_page=2"
    status, _, following = proxy.ask("GET", link.removeprefix(origin))
    assert status == 200
    assert json.loads(following)["data"][0] not in json.loads(body)["data"]
    status, headers, _ = proxy.ask("GET", "/vcita/docs", **EVIL)
    assert (status, headers["Location"]) == (308, f"https://{NAME}:{proxy.port}/vcita/docs/")
    for route in ("", "page/main.js", "docs/", "docs/tour.md", "__admin/sandbox"):
        assert proxy.ask("GET", f"/vcita/{route}")[0] == 200
    document = json.loads(proxy.ask("GET", "/vcita/openapi.json")[2])
    assert document["servers"] == [{"url": "/vcita"}]
    state = proxy.ask("GET", "/vcita/__admin/state")[2]
    large = json.loads(state)
    for conversation in large["businesses"][0]["conversations"][:20]:
        conversation["source_data"] = {"x": ["y" * 9_000] * 10}
    assert proxy.ask("PUT", "/vcita/__admin/state", large)[0] == 200  # of 1.8 MB
    assert proxy.ask("PUT", path, {"archived": "x" * 2**20})[0] == 413
    assert json.loads(proxy.ask("GET", "/vcita/nothing")[2])["errors"][0]["code"] == "not_found"
    output = proxy.server.stop()
    lines = re.findall(r" ms address=(\S+)", output)
    assert len(lines) >= 10 and set(lines) == {CLIENT}
    assert "evil" not in output and "203.0.113.7" not in output
