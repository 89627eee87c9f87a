"""The README is true: its commands are run as they stand, and its answers are what comes back."""

import re
import shutil
import subprocess

import pytest
from flask import Flask

from conftest import ROOT, Server

README = (ROOT / "README.md").read_text()
TOUR = re.findall(r"```sh\n(curl .*?)\n```\n```json\n(.*?)\n```", README, re.DOTALL)
TIMES = re.compile(r'("(?:last_\w+_(?:at|action)|created_at|updated_at)(?:_h)?":)"[^"]*"')
NEW_UID = re.compile(r'("uid":)"\w+"(?=,"(?:text|conversation_uid)")')


def pattern_of(answer: str) -> str:
    """Make a pattern of an answer: `…` stands for anything, and times and new uids vary."""
    answer = NEW_UID.sub(r'\1"…"', TIMES.sub(r'\1"…"', answer))
    return ".*".join(re.escape(part) for part in answer.split("…"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="The README's commands need curl.")
def test_the_tour_gives_its_answers(server: Server) -> None:
    assert len(TOUR) == README.count("```json") == README.count("\ncurl ")
    for command, expected in TOUR:
        assert "http://127.0.0.1:8000/" in command
        result = subprocess.run(
            ["bash", "-c", command.replace("http://127.0.0.1:8000", server.url)],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert re.fullmatch(pattern_of(expected), result.stdout.strip()), (command, result.stdout)


def test_each_route_is_listed(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule == "/docs/<path:path>":
            continue
        path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert f"| `{method} {path}` |" in README


def test_each_file_is_described() -> None:
    for path in ROOT.glob("*.py"):
        assert f"`{path.name}`" in README
