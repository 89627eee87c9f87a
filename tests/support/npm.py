"""The packages of npm that tests need: those of one package.json, installed once."""

from fcntl import LOCK_EX, flock
from pathlib import Path

from support.commands import run_in
from support.constants import ROOT

FOLDER = ROOT / "tests"


def install_packages() -> None:
    """Install what `tests/package.json` names, unless it is there."""
    wanted, installed = FOLDER / "package.json", FOLDER / "node_modules" / ".package-lock.json"
    with wanted.open() as locked:
        flock(locked, LOCK_EX)  # two processes of pytest-xdist may come at once
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            run("npm", "install", "--no-audit", "--no-fund", cwd=FOLDER)


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    """Run a command; fail with its output unless it succeeds, else return that."""
    result = run_in(cwd, *command, **environ)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
