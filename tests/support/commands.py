"""Commands as people type them, without the settings of the shell, and the programs they need."""

import os
import shutil
import subprocess
import sys
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from support.constants import ROOT

TESTS = ROOT / "tests"
TOOLS = ("curl", "node", "npm", "nginx", "openssl", "chromium")
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("HOST", "PORT", "WEB_CONCURRENCY", "PYTHONDONTWRITEBYTECODE")
    and not name.startswith(("FLASK_", "COVERAGE_"))  # each server in coverage would take seconds
}


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's own Python in its folder."""
    return run_in(ROOT, BIN / command[0], *command[1:], **environ)


def run_in(folder: Path, *command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT | environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def install_packages() -> None:
    """Install what `tests/package.json` names, unless it is there."""
    wanted, installed = TESTS / "package.json", TESTS / "node_modules" / ".package-lock.json"
    with wanted.open() as locked:
        flock(locked, LOCK_EX)  # two processes of pytest-xdist may come at once
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            check_run("npm", "install", "--no-audit", "--no-fund", cwd=TESTS)


def check_run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command; fail with its output unless it succeeds, else return that."""
    result = run_in(cwd, *command, **environ)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def find_tool(name: str) -> str | None:
    """Return the path of a program, or None if it is missing."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def needs(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped where one of some programs is missing."""
    missing = [name for name in names if find_tool(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"It needs {' and '.join(missing)}.")
