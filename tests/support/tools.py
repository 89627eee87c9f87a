"""The programs that some tests need, and how a test says so."""

import os
import shutil

import pytest

NAMES = ("curl", "node", "npm", "nginx", "openssl", "chromium")


def find_tool(name: str) -> str | None:
    """Return the path of a program, or None if it is missing."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def needs(*names: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped where one of some programs is missing."""
    missing = [name for name in names if find_tool(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"It needs {' and '.join(missing)}.")
