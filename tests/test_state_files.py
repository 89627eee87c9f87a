"""States in files: loaded by a command, and seeded by a start."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from support.apps import fail, open_app, succeed
from support.callers import Caller
from support.commands import run
from support.databases import ENGINE
from support.documents import read
from support.states import FIXED, HELLO, SHORT, inside, put_state
from support.stored import Stored

LIST = "/v2/conversations"


def write(folder: Path, state: Any) -> str:
    path = folder / "state.json"
    path.write_text(state if isinstance(state, str) else json.dumps(state))
    return str(path)


def test_a_command_loads_a_file(app: Flask, tmp_path: Path) -> None:
    path = write(tmp_path, SHORT)
    for arguments, token in (([], "demo-owner"), (["--sandbox", "mine"], "demo-owner@mine")):
        succeed(app, "load", path, *arguments)
        [shown] = Caller(app, token).get(LIST).json["data"]
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
    with stored.unchanged():
        assert says in fail(app, "load", write(tmp_path, content))


def test_a_start_seeds_the_default_sandbox_from_a_file(tmp_path: Path) -> None:
    state = write(tmp_path, SHORT | {"now": FIXED})
    with open_app(tmp_path / "own.db", TESTING=True, STATE=state) as app:
        owner, mine = Caller(app, "demo-owner"), Caller(app, "demo-owner@w")
        assert [len(each.get(LIST).json["data"]) for each in (owner, mine)] == [1, 25]
        owner.put(HELLO["uid"], archived=True)
        shown = owner.ask("POST", "/__admin/reset").json
        assert (shown["folders"]["all"], shown["folders"]["archived"]) == (1, 0)
        assert shown["now"] == "2026-05-05T07:30:00.000Z"
        assert mine.ask("POST", "/__admin/reset").json["folders"]["all"] > 1


@pytest.mark.parametrize("content", [None, "{", {"conversations": [{}]}])
def test_a_start_with_a_wrong_file_stops_with_a_message(tmp_path: Path, content: Any) -> None:
    state = str(tmp_path / "missing.json") if content is None else write(tmp_path, content)
    settings = {"FLASK_STATE": state}
    settings |= {"FLASK_SQLALCHEMY_DATABASE_URI": ENGINE.url(tmp_path / "own.db")}
    result = run("flask", "--app", "app", "reset", **settings)
    assert result.returncode == 1
    assert "FLASK_STATE is wrong. The file" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_examples_of_the_documentation_can_be_loaded(owner: Caller) -> None:
    parts = read("docs/state.md").split("```json\n")[1:]
    assert parts
    for part in parts:
        response = put_state(owner, json.loads(part.partition("```")[0]))
        assert response.status_code == 200, response.json
