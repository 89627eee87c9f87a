"""The calls that the documentation shows give the responses that it shows."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from support.documents import DOCUMENTS, read
from support.servers import Server
from support.tools import needs

CALL = re.compile(r"```sh\n(curl .*?)\n```\n```json\n(.*?)\n```", re.DOTALL)
SCRIPT = re.compile(r"```sh\n(curl .*?)\n```\n```\n(.*?)\n```", re.DOTALL)
TIMES = re.compile(r'("(?:last_\w+_(?:at|action)|created_at|updated_at)(?:_h)?":)"[^"]*"')
NEW_UID = re.compile(r'("id":\d+,)?("uid":)"\w+"(?=,"(?:text|conversation_uid)")')
WITH_CALLS = [document for document in DOCUMENTS if CALL.search(document.read_text())]


def pattern_of(response: str) -> str:
    """Make a pattern of a response: `…` stands for anything; times, new ids and new uids vary."""
    response = NEW_UID.sub('…"uid":"…"', TIMES.sub(r'\1"…"', response))
    return ".*".join(re.escape(part) for part in response.split("…"))


def test_the_readme_the_tour_and_the_reference_have_calls() -> None:
    assert {"README.md", "tour.md", "api.md"} <= {document.name for document in WITH_CALLS}


@needs("curl")
@pytest.mark.parametrize("document", WITH_CALLS, ids=lambda path: path.name)
def test_every_call_gives_its_response(server: Server, document: Path) -> None:
    text = document.read_text()
    calls = CALL.findall(text)
    assert len(calls) == text.count("\n```json\n")
    for command, expected in calls:
        check_call(server, command, expected)


@needs("curl")
def test_the_calls_with_states_give_their_responses(server: Server) -> None:
    scripts = SCRIPT.findall(read("docs/state.md"))
    assert scripts
    for script, expected in scripts:
        check_call(server, script, expected)


def check_call(server: Server, command: str, expected: str) -> None:
    """Run a line, or several, and fail unless the output is what the document says."""
    assert "http://127.0.0.1:8000/" in command
    if "/__admin/requests" in command:
        time.sleep(0.2)  # in which any process stores what it has
    result = subprocess.run(
        ["bash", "-c", command.replace("http://127.0.0.1:8000", server.url)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    expected = expected.replace("http://127.0.0.1:8000", server.url)
    is_expected = re.fullmatch(pattern_of(expected), result.stdout.strip(), re.DOTALL)
    assert is_expected, f"\n{command}\n{result.stdout}"
