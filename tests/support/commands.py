"""The commands as people type them, without the settings of the shell that runs the tests."""

import os
import subprocess
import sys
from pathlib import Path

from support.constants import ROOT

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
