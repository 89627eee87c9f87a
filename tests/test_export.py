"""What people made outlives an upgrade: every sandbox goes out into a file, and in again."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sandboxes.files import file_of, find_files
from support.apps import open_app
from support.callers import Caller
from support.commands import BIN, ENVIRONMENT
from support.constants import FOLLOWED, ROOT, UID
from support.databases import ENGINE
from support.states import FIXED, HELLO
from support.stored import Stored

STRANGE = ("Worker", "worker", ".", "..", "A.B_c-9", ".git", "x" * 64, "X" * 64)


def command(app: Flask, *arguments: str | Path) -> Any:
    return app.test_cli_runner().invoke(args=[str(each) for each in arguments])


def state_of(app: Flask, token: str) -> bytes:
    response = Caller(app, token).get("/__admin/state")
    assert response.status_code == 200
    return bytes(response.data)


def make_sandboxes(app: Flask) -> None:
    """Change the default sandbox, and make others: of a strange name, and with a stopped clock."""
    assert Caller(app, "demo-owner").put(UID, campaign="spring", spam=True).status_code == 200
    assert Caller(app, "demo-owner@Ann.Lee").put(FOLLOWED, follow_up=False).status_code == 200
    frozen = Caller(app, "demo-owner@frozen")
    assert frozen.ask("POST", "/__admin/reset", {"now": FIXED}).status_code == 200
    assert frozen.put(UID, follow_up=True, follow_up_date="2026-05-06T10:31Z").status_code == 200


SANDBOXES = {
    "default": "demo-owner",
    "Ann.Lee": "demo-owner@Ann.Lee",
    "frozen": "demo-owner@frozen",
}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Flask]:
    """Give an application on a new database."""
    with open_app(tmp_path / "other.db", TESTING=True) as app:
        yield app
    ENGINE.drop(tmp_path / "other.db")


def test_every_sandbox_goes_out_and_in_again(app: Flask, other: Flask, tmp_path: Path) -> None:
    make_sandboxes(app)
    before = {name: state_of(app, token) for name, token in SANDBOXES.items()}
    folder = tmp_path / "a" / "new folder"
    result = command(app, "export", folder)
    assert result.exit_code == 0, result.output
    assert f"{folder} has the state of 3 sandboxes of " in result.output
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {
        "default.json": before["default"],
        "+ann.+lee.json": before["Ann.Lee"],
        "frozen.json": before["frozen"],
    }
    result = command(other, "import", folder)
    assert result.exit_code == 0, result.output
    for name, token in SANDBOXES.items():
        assert f"The sandbox {name} has the content of {folder}" in result.output
        assert state_of(other, token) == before[name]
    clock = Caller(other, "demo-owner@frozen").get("/__admin/clock").json
    assert clock == {"now": "2026-05-05T07:30:00.000Z", "frozen": True}
    assert Caller(other, "demo-owner@Ann.Lee").get("/__admin/clock").json["frozen"] is False


def test_each_name_has_a_file_of_its_own_that_is_not_hidden(tmp_path: Path) -> None:
    files = {name: file_of(tmp_path, name) for name in STRANGE}
    assert len({path.name.lower() for path in files.values()}) == len(STRANGE)
    for name, path in files.items():
        assert path.parent == tmp_path and not path.name.startswith(".")
        path.touch()
        assert (name, path) in find_files(tmp_path)
    for other in ("no name.json", "notes.txt", "Upper.json", "+-a.json"):
        (tmp_path / other).touch()
    assert sorted(name for name, _ in find_files(tmp_path)) == sorted(STRANGE)


def test_an_export_needs_an_empty_folder(app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    assert command(app, "export", folder).exit_code == 0
    before = (folder / "default.json").stat()
    result = command(app, "export", folder)
    assert result.exit_code == 1
    assert f"Nothing was exported: {folder} is not empty." in result.output
    assert (folder / "default.json").stat() == before
    result = command(app, "export", folder / "default.json" / "inside")
    assert result.exit_code == 1
    assert "can't be made: Not a directory." in result.output


def test_each_sandbox_is_imported_all_or_nothing(app: Flask, tmp_path: Path) -> None:
    make_sandboxes(app)
    folder = tmp_path / "export"
    command(app, "export", folder)
    broken = json.loads((folder / "frozen.json").read_text())
    broken["businesses"][1]["conversations"][0]["staff"] = "nobody"
    (folder / "frozen.json").write_text(json.dumps(broken))
    (folder / "worse.json").write_text("{")
    (folder / "mine.json").write_text(json.dumps({"conversations": [HELLO]}))
    frozen = Caller(app, "demo-owner@frozen")
    frozen.put(UID, archived=True)
    before = state_of(app, "demo-owner@frozen")
    result = command(app, "import", folder)
    assert result.exit_code == 1
    assert "The sandbox frozen was not imported. The file" in result.output
    assert "businesses[1].conversations[0].staff: No staff member" in result.output
    assert "The sandbox worse was not imported. The file" in result.output
    assert result.output.endswith("Error: Of 5 sandboxes 2 were not imported.\n")
    assert state_of(app, "demo-owner@frozen") == before
    [shown] = Caller(app, "demo-owner@mine").get("/v2/conversations").json["data"]
    assert shown["uid"] == HELLO["uid"]


def test_an_import_makes_no_more_sandboxes_than_there_may_be(
    app: Flask, stored: Stored, tmp_path: Path
) -> None:
    make_sandboxes(app)
    command(app, "export", tmp_path / "export")
    Caller(app, "demo-owner@frozen").ask("DELETE", "/__admin/sandbox")
    app.config["SANDBOXES"] = 1
    result = command(app, "import", tmp_path / "export")
    assert result.exit_code == 1
    assert "The sandbox Ann.Lee has the content" in result.output
    assert (
        "The sandbox frozen was not imported. FLASK_SANDBOXES allows 1 besides default, and there"
        " are as many; let it allow more." in result.output
    )
    names = [row["name"] for row in stored.rows("SELECT name FROM sandbox ORDER BY name")]
    assert sorted(names) == ["Ann.Lee", "default"]


def test_an_import_names_the_files_that_it_leaves_out(app: Flask, tmp_path: Path) -> None:
    make_sandboxes(app)
    command(app, "export", tmp_path / "export")
    (tmp_path / "export" / "Frozen.json").write_text("{}")
    result = command(app, "import", tmp_path / "export")
    assert result.exit_code == 0
    [line] = [line for line in result.output.splitlines() if "Frozen.json" in line]
    assert line.endswith("Frozen.json is left out: no export names the file of a sandbox so.")


def test_a_folder_without_an_export_changes_nothing(
    app: Flask, stored: Stored, tmp_path: Path
) -> None:
    before = stored.everything()
    (tmp_path / "empty").mkdir()
    result = command(app, "import", tmp_path / "empty")
    assert result.exit_code == 1
    assert "has no file of a sandbox, such as default.json" in result.output
    assert stored.everything() == before


OLDER = {
    "a column less": "ALTER TABLE conversation DROP COLUMN source",
    "a column less that has a default": "ALTER TABLE collaborator DROP COLUMN unread",
    "a table less": "DROP TABLE journal_entry",
}


@pytest.mark.parametrize("change", OLDER.values(), ids=list(OLDER))
def test_a_database_of_an_older_version_is_exported_and_stays_as_it_is(
    stored: Stored, tmp_path: Path, change: str
) -> None:
    with open_app(stored.path, TESTING=True) as app:
        make_sandboxes(app)
        expected = {name: json.loads(state_of(app, token)) for name, token in SANDBOXES.items()}
    stored.rows(change)
    for state in expected.values():
        for business in state["businesses"]:
            for conversation in business["conversations"]:
                conversation["source"] = None if "source" in change else conversation["source"]
                for collaborator in conversation["collaborators"]:
                    collaborator["unread"] = "unread" not in change and collaborator["unread"]
    before = stored.everything()
    with open_app(stored.path) as app:
        result = command(app, "export", tmp_path / "export")
        assert result.exit_code == 0, result.output
        assert stored.everything() == before
        for name, state in expected.items():
            assert json.loads(file_of(tmp_path / "export", name).read_text()) == state
        assert command(app, "reset").exit_code == 0
        result = command(app, "import", tmp_path / "export")
        assert result.exit_code == 0, result.output
        for name, token in SANDBOXES.items():
            assert json.loads(state_of(app, token)) == expected[name]
    stored.check_integrity()


def test_an_export_names_what_only_another_version_knows(stored: Stored, tmp_path: Path) -> None:
    stored.rows("ALTER TABLE client ADD COLUMN fax text")
    stored.rows("CREATE TABLE diary (day text)")
    before = stored.everything()
    with open_app(stored.path) as app:
        result = command(app, "export", tmp_path / "export")
    assert result.exit_code == 0, result.output
    assert "This version does not know, and leaves out: client.fax, diary.\n" in result.output
    assert stored.everything() == before


def test_what_has_to_have_a_value_can_not_be_exported(stored: Stored, tmp_path: Path) -> None:
    stored.rows("ALTER TABLE conversation DROP COLUMN channel_uid")
    before = stored.everything()
    with open_app(stored.path) as app:
        result = command(app, "export", tmp_path / "export")
    assert result.exit_code == 1
    assert (
        "can't read it: the table conversation lacks channel_uid, which has no default. Go back to"
        " the version that made it" in result.output
    )
    assert stored.everything() == before


def test_another_program_s_database_is_not_exported(stored: Stored, tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    ENGINE.url(path)
    Stored(path).rows("CREATE TABLE recipe (title text)")
    with open_app(path) as app:
        result = command(app, "export", tmp_path / "export")
    ENGINE.drop(path)
    assert result.exit_code == 1
    assert "another program's, with the tables recipe" in result.output


# An upgrade, to a version that has one field more


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Make a version of this server whose conversations have a priority (CONTRIBUTING.md)."""
    folder = tmp_path / "newer"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "bench", "docs", "instance")
    shutil.copytree(ROOT, folder, ignore=ignored)
    for file, field, added in (
        ("models.py", "    channel_uid: Mapped[str]", "Mapped[str | None]"),
        ("states/schema.py", "    channel_uid = Uid(", "Text(20, allow_none=True)"),
    ):
        text = (folder / file).read_text()
        assert text.count(field) == 1
        sign = ":" if file == "models.py" else " ="
        text = text.replace(field, f"    priority{sign} {added}\n{field}")
        (folder / file).write_text(text)
    return folder


@pytest.mark.long
def test_an_upgrade_keeps_what_people_made(stored: Stored, tmp_path: Path, newer: Path) -> None:
    with open_app(stored.path, TESTING=True) as app:
        make_sandboxes(app)
        before = {name: state_of(app, token) for name, token in SANDBOXES.items()}
    url = ENGINE.url(stored.path)

    def run_newer(*arguments: str | Path, status: int = 0) -> str:
        ran = subprocess.run(
            [BIN / "flask", "--app", "app", *arguments],
            cwd=newer,
            env=ENVIRONMENT | {"FLASK_SQLALCHEMY_DATABASE_URI": url, "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == status, ran.stderr
        return ran.stdout + ran.stderr

    told = run_newer("seed", status=1)
    assert "the columns of the table conversation differ (priority)" in told
    steps = re.findall(r"'flask --app app (export|reset|import)", told)
    assert steps[:3] == ["export", "reset", "import"]
    run_newer("export", tmp_path / "export")
    for step in steps[1:3]:
        run_newer(step, *([tmp_path / "export"] if step == "import" else []))
    run_newer("seed")
    run_newer("export", tmp_path / "again")
    for name, state in before.items():
        again = file_of(tmp_path / "again", name).read_bytes()
        assert again == file_of(tmp_path / "export", name).read_bytes()
        assert again.count(b'"priority": null,') == again.count(b'"channel_uid"') > 30
        assert b"".join(re.split(rb' *"priority": null,\n', again)) == state
