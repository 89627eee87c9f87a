"""The Playwright example passes in parallel and again, against one server, without a reset."""

import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from support.constants import ROOT
from support.servers import Server
from support.stored import Stored

EXAMPLE = ROOT / "tests" / "playwright"
CHROMIUM = Path("/usr/bin/chromium")


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="The Playwright tests need node and npm.")
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The Playwright tests need {CHROMIUM}.")
def test_the_playwright_tests_pass_twice_and_leave_nothing(server: Server, stored: Stored) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        page_port = str(listener.getsockname()[1])
    ports = {"MOCK_PORT": str(server.port), "PAGE_PORT": page_port}
    not_ci = {"CI": ""}  # where it would start a server of its own

    def run(*command: str) -> str:
        result = subprocess.run(
            command,
            cwd=EXAMPLE,
            env=os.environ | ports | not_ci,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    if not (EXAMPLE / "node_modules").exists():
        run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
    run("npm", "run", "types")
    for _ in range(2):
        assert "12 passed" in run("npm", "test")
    assert stored.row("SELECT name FROM sandbox") == {"name": "default"}
