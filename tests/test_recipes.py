"""The recipes of docs/testing.md work unchanged; its calls run with the other documents'."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import pytest

from sandboxes.lifecycle import NAME
from support.commands import check_run, needs
from support.constants import JANE, ROOT, UID
from support.documents import find_blocks
from support.servers import Server, find_free_port
from support.stored import Stored

EXAMPLE = ROOT / "tests" / "playwright"
find_recipe = partial(find_blocks, "docs/testing.md")


def test_playwright_recipe_equals_the_example() -> None:
    files = [without_indents(path.read_text()) for path in EXAMPLE.glob("*.ts")]
    blocks = find_recipe("ts", "Playwright")
    assert len(blocks) == 4
    for block in blocks:
        assert any(without_indents(block) in file for file in files), block


def without_indents(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


@pytest.mark.long
@needs("node", "npm", "chromium")
def test_playwright_example_passes_twice_and_leaves_no_data(server: Server, stored: Stored) -> None:
    ports = {"MOCK_PORT": str(server.port), "PAGE_PORT": str(find_free_port())}
    if not (EXAMPLE / "node_modules").exists():
        check_run("npm", "install", "--no-audit", "--no-fund", cwd=EXAMPLE)
    check_run("npm", "run", "types", cwd=EXAMPLE)
    for _ in range(2):  # without CI it starts no server of its own
        assert "7 passed" in check_run("npm", "test", cwd=EXAMPLE, CI="", **ports)
    assert stored.row("SELECT name FROM sandbox") == {"name": "default"}
    assert not (EXAMPLE / "package-lock.json").exists()


@needs("curl")
def test_the_curl_recipe_passes_and_leaves_no_sandbox(server: Server, stored: Stored) -> None:
    [script] = find_recipe("bash", "curl")
    assert script.count("http://127.0.0.1:8000") == 1
    script = script.replace("http://127.0.0.1:8000", server.url)
    assert check_run("bash", "-c", script, cwd=ROOT) == ""
    with pytest.raises(AssertionError):
        check_run("bash", "-c", script.replace('"archived": true', '"archived": false'), cwd=ROOT)
    assert stored.row("SELECT name FROM sandbox") == {"name": "default"}


@pytest.mark.long
def test_pytest_recipe_passes_with_modules_of_the_same_names(tmp_path: Path) -> None:
    fixtures, test = find_recipe("python", "pytest")
    folder = 'Path(__file__).parents[1] / "conversations"'
    assert folder in fixtures
    (tmp_path / "conftest.py").write_text(fixtures.replace(folder, f"Path({str(ROOT)!r})"))
    (tmp_path / "test_inbox.py").write_text(test)
    for name in ("app.py", "models.py"):
        (tmp_path / name).write_text("NAME = 'ours'\n")
    (tmp_path / "test_app.py").write_text(
        "import app, models\ndef test_names(mock): assert app.NAME == models.NAME == 'ours'\n"
    )
    before = find_left_behind()
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error")
    assert "2 passed" in check_run(*command, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert find_left_behind() == before


def find_left_behind() -> set[Path]:
    """Return the databases that a server may have left."""
    return {*(ROOT / "instance").iterdir(), *Path(tempfile.gettempdir()).glob("*/conversations.db")}


@pytest.mark.long
@needs("node")
@pytest.mark.parametrize("spec", ["inbox.cy.js", "Ann & Bo (2)/büro.cy.ts", "x" * 100])
def test_cypress_recipe_names_a_sandbox_for_each_spec(tmp_path: Path, spec: str) -> None:
    [code] = find_recipe("js", "Cypress")
    [expression] = re.findall(r"const sandbox = (.*);", code)
    script = f"const Cypress = {json.dumps({'spec': {'name': spec}})}; console.log({expression})"
    assert NAME.fullmatch(check_run("node", "--eval", script, cwd=tmp_path).removesuffix("\n"))


def install(package: str, folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    check_run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", package, cwd=folder)


@pytest.mark.long
@needs("node", "npm")
def test_vitest_recipe_passes(server: Server, tmp_path: Path) -> None:
    [code] = find_recipe("ts", "Vitest")
    assert "http://127.0.0.1:8000" in code
    (tmp_path / "inbox.test.ts").write_text(code.replace("http://127.0.0.1:8000", server.url))
    install("vitest@4.1.12", tmp_path)
    assert "1 passed" in check_run("npx", "vitest", "run", "--no-color", cwd=tmp_path)


class Upstream(BaseHTTPRequestHandler):
    """The rest of vcita: it responds with the request's path and token."""

    def do_GET(self) -> None:
        shown = {"upstream": self.path, "token": self.headers["Authorization"]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(shown).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def vite(server: Server, tmp_path: Path) -> Iterator[str]:
    """Start the recipe's Vite in front of the mock server and another one; return its address."""
    [config] = find_recipe("js", "Alongside the rest of vcita")
    assert "'http://127.0.0.1:8000'" in config
    (tmp_path / "vite.config.js").write_text(config.replace("http://127.0.0.1:8000", server.url))
    install("vite@8.4.0", tmp_path)
    port = find_free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as upstream:
        Thread(target=upstream.serve_forever).start()
        process = subprocess.Popen(
            ["node_modules/.bin/vite", "--host=127.0.0.1", f"--port={port}", "--strictPort"],
            cwd=tmp_path,
            env=os.environ | {"VCITA": f"http://127.0.0.1:{upstream.server_port}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert any(str(port) in line for line in process.stdout)  # when it listens
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.communicate()
        upstream.shutdown()


def ask(url: str, body: Any = None) -> Any:
    """Send a request of the app, with the token of its vcita account; return the JSON."""
    headers = {"Authorization": "Bearer real", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers), timeout=30) as response:
        return json.loads(response.read())


@pytest.mark.long
@needs("node", "npm")
def test_proxy_recipe_routes_each_request(vite: str) -> None:
    assert ask(f"{vite}/v2/conversations/{UID}")["uid"] == UID
    assert len(ask(f"{vite}/v2/conversations?folder=inbox")["data"]) > 1
    message = {"client_id": JANE, "text": "Hi", "direction": "business_to_client"}
    assert ask(f"{vite}/platform/v1/messages", {"message": message})["status"] == "OK"
    assert ask(f"{vite}/v2/conversations/{UID}/messages?per_page=100")[-1]["text"] == "Hi"
    assert ask(f"{vite}/platform/v1/conversations")["status"] == "OK"
    assert ask(f"{vite}/platform/v1/clients/{JANE}/conversations")["status"] == "OK"
    for path in (
        "/platform/v1/clients",
        f"/platform/v1/clients/{JANE}",
        "/v2/settings?full=1",
        "/v3/scheduling/appointments",
        "/business/payments/v1/invoices",
    ):
        assert ask(vite + path) == {"upstream": path, "token": "Bearer real"}
