"""Behind nginx with TLS and under a prefix, set up as docs/hosting.md says."""

import json
import os
import re
import shutil
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

from support.constants import UID
from support.documents import find_block
from support.servers import Server, find_free_port
from support.stored import Stored
from support.tools import find_tool, needs

NAME = "staging.example.com"
CLIENT = "127.0.0.2"  # an address of this machine that is not the usual one
FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
}
CONFIGURATION = """
daemon off;
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

pytestmark = [pytest.mark.long, needs("nginx", "openssl")]


class Proxy:
    """An nginx of its own, in front of a server."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.port = find_free_port()
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
        options: dict[str, Any] = {}
        if os.getuid() == 0:  # who needs no privilege for this
            options = {"user": "nobody", "group": "nogroup"}
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "nobody", "nogroup")
        nginx: list[Any] = [str(find_tool("nginx")), "-e", "stderr", "-p", folder]
        self.process = subprocess.Popen([*nginx, "-c", folder / "nginx.conf"], **options)
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
def server(stored: Stored) -> Iterator[Server]:
    with Server(stored.path, FLASK_TRUSTED_PROXIES="1") as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(Path(folder), server)
        yield proxy
        proxy.process.terminate()
        proxy.process.wait(timeout=10)


def test_server_works_under_the_prefix(server: Server, proxy: Proxy) -> None:
    path = f"/vcita/v2/conversations/{UID}"
    status, _, body = proxy.ask("PUT", path, {"archived": True}, **FORGED)
    assert (status, json.loads(body)["archived"]) == (200, True)
    status, headers, body = proxy.ask("GET", "/vcita/v2/conversations?per_page=2", **FORGED)
    assert status == 200
    [link] = re.findall(r'<([^>]*)>; rel="next"', headers["Link"])
    origin = f"https://{NAME}:{proxy.port}"
    assert link == f"{origin}/vcita/v2/conversations?page=2&per_page=2"
    status, _, following = proxy.ask("GET", link.removeprefix(origin))
    assert status == 200
    assert json.loads(following)["data"][0] not in json.loads(body)["data"]
    status, headers, _ = proxy.ask("GET", "/vcita/docs", **FORGED)
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
    server.stop()
    lines = re.findall(r" ms address=(\S+)", server.output)
    assert len(lines) >= 10 and set(lines) == {CLIENT}
    assert "evil" not in server.output and "203.0.113.7" not in server.output
