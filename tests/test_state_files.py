"""States in files: loaded by a command, and seeded by a start."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from support.apps import open_app
from support.callers import Caller
from support.commands import run
from support.constants import ROOT
from support.databases import ENGINE
from support.states import FIXED, HELLO, SHORT, inside, put_state
from support.stored import Stored


def write(folder: Path, state: Any) -> str:
    path = folder / "state.json"
    path.write_text(state if isinstance(state, str) else json.dumps(state))
    return str(path)


def test_a_command_loads_a_file(app: Flask, tmp_path: Path) -> None:
    runner = app.test_cli_runner()
    path = write(tmp_path, SHORT)
    for arguments, token in (([], "demo-owner"), (["--sandbox", "mine"], "demo-owner@mine")):
        result = runner.invoke(args=["load", path, *arguments])
        assert result.exit_code == 0, result.output
        [shown] = Caller(app, token).get("/v2/conversations").json["data"]
        assert shown["uid"] == HELLO["uid"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (inside({"staff": "nobody"}), "conversations[0].staff: No staff member"),
        ("{", "is not JSON"),
        ("[]", "is not a state"),
    ],
)
def test_a_file_that_holds_no_state_changes_nothing(
    app: Flask, stored: Stored, tmp_path: Path, content: Any, says: str
) -> None:
    before = stored.everything()
    result = app.test_cli_runner().invoke(args=["load", write(tmp_path, content)])
    assert result.exit_code == 1
    assert says in result.output
    assert stored.everything() == before


def test_a_start_seeds_the_default_sandbox_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    state = write(tmp_path, SHORT | {"now": FIXED})
    with open_app(path, TESTING=True, STATE=state) as app:
        owner = Caller(app, "demo-owner")
        assert len(owner.get("/v2/conversations").json["data"]) == 1
        assert len(Caller(app, "demo-owner@w").get("/v2/conversations").json["data"]) == 25
        owner.put(HELLO["uid"], archived=True)
        shown = owner.ask("POST", "/__admin/reset").json
        assert (shown["folders"]["all"], shown["folders"]["archived"]) == (1, 0)
        assert shown["now"] == "2026-05-05T07:30:00.000Z"
        shown = Caller(app, "demo-owner@w").ask("POST", "/__admin/reset").json
        assert shown["folders"]["all"] > 1


@pytest.mark.parametrize("content", [None, "{", {"conversations": [{}]}])
def test_a_start_with_a_wrong_file_stops_with_a_sentence(tmp_path: Path, content: Any) -> None:
    state = str(tmp_path / "missing.json") if content is None else write(tmp_path, content)
    database = ENGINE.url(tmp_path / "own.db")
    result = run(
        "flask", "--app", "app", "reset", FLASK_STATE=state, FLASK_SQLALCHEMY_DATABASE_URI=database
    )
    assert result.returncode == 1
    assert "FLASK_STATE is wrong. The file" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_example_of_the_documentation_can_be_loaded(owner: Caller) -> None:
    text = (ROOT / "docs" / "state.md").read_text()
    examples = [part.partition("```")[0] for part in text.split("```json\n")[1:]]
    assert examples
    for example in examples:
        response = put_state(owner, json.loads(example))
        assert response.status_code == 200, response.json
