"""The Playwright example passes in parallel and again, against one server, without a reset."""

import shutil

import pytest

from support.browser import CHROMIUM
from support.constants import ROOT
from support.npm import run
from support.servers import Server, find_free_port
from support.stored import Stored

EXAMPLE = ROOT / "tests" / "playwright"


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="The Playwright tests need node and npm.")
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"The Playwright tests need {CHROMIUM}.")
def test_the_playwright_tests_pass_twice_and_leave_nothing(server: Server, stored: Stored) -> None:
    ports = {"MOCK_PORT": str(server.port), "PAGE_PORT": str(find_free_port())}
    if not (EXAMPLE / "node_modules").exists():
        run("npm", "install", "--no-audit", "--no-fund", cwd=EXAMPLE)
    run("npm", "run", "types", cwd=EXAMPLE)
    for _ in range(2):  # without CI it starts no server of its own
        assert "12 passed" in run("npm", "test", cwd=EXAMPLE, CI="", **ports)
    assert stored.row("SELECT name FROM sandbox") == {"name": "default"}
    assert not (EXAMPLE / "package-lock.json").exists()
