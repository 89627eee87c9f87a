"""What people made outlives an upgrade: each sandbox is dumped into a file, and loaded from it."""

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

from support.apps import fail, open_app, run_command, succeed
from support.callers import Caller
from support.commands import BIN, ENVIRONMENT, run
from support.constants import FOLLOWED, ROOT, UID
from support.databases import ENGINE
from support.states import FIXED, HELLO
from support.stored import Stored

pytestmark = pytest.mark.database  # snapshots, and other versions

STRANGE = {
    "Worker": "+worker.json",
    "worker": "worker.json",
    ".": "+..json",
    "..": "+...json",
    "A.B_c-9": "+a.+b_c-9.json",
    ".git": "+.git.json",
    "x.json": "x.json.json",
    "x" * 64: "x" * 64 + ".json",
    "X" * 64: "+x" * 64 + ".json",
}
EXPORTED = ROOT / "tests" / "data" / "exported_by_0.5.0"
SANDBOXES = {
    "default": "demo-owner",
    "Ann.Lee": "demo-owner@Ann.Lee",
    "frozen": "demo-owner@frozen",
}
SHORT = json.dumps({"conversations": [HELLO]})


def state_of(app: Flask, token: str) -> bytes:
    response = Caller(app, token).get("/__admin/state")
    assert response.status_code == 200
    return bytes(response.data)


def make_sandboxes(app: Flask) -> dict[str, bytes]:
    """Change the default sandbox, and make others: of a strange name, and with a frozen clock.

    Returns the state of each.
    """
    assert Caller(app, "demo-owner").put(UID, campaign="spring", spam=True).status_code == 200
    assert Caller(app, "demo-owner@Ann.Lee").put(FOLLOWED, follow_up=False).status_code == 200
    frozen = Caller(app, "demo-owner@frozen")
    assert frozen.ask("POST", "/__admin/reset", {"now": FIXED}).status_code == 200
    assert frozen.put(UID, follow_up=True, follow_up_date="2026-05-06T10:31Z").status_code == 200
    return {name: state_of(app, token) for name, token in SANDBOXES.items()}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Flask]:
    """Give an application on a new database."""
    with open_app(tmp_path / "other.db", TESTING=True) as app:
        yield app
    ENGINE.drop(tmp_path / "other.db")


def test_every_sandbox_is_dumped_and_loaded(app: Flask, other: Flask, tmp_path: Path) -> None:
    before = make_sandboxes(app)
    folder = tmp_path / "dumped"
    output = succeed(app, "dump", folder)
    assert f"{folder}/+ann.+lee.json has the state of the sandbox Ann.Lee.\n" in output
    files = {"default": "default.json", "Ann.Lee": "+ann.+lee.json", "frozen": "frozen.json"}
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {file: before[name] for name, file in files.items()}
    output = succeed(other, "load", folder)
    for name, token in SANDBOXES.items():
        assert f"The sandbox {name} has the content of {folder}" in output
        assert state_of(other, token) == before[name]
    clock = Caller(other, "demo-owner@frozen").get("/__admin/clock").json
    assert clock == {"now": "2026-05-05T07:30:00.000Z", "frozen": True}
    assert Caller(other, "demo-owner@Ann.Lee").get("/__admin/clock").json["frozen"] is False


def test_one_sandbox_is_dumped_into_a_file_or_shown(app: Flask, tmp_path: Path) -> None:
    for name, state in make_sandboxes(app).items():
        shown = run_command(app, "dump", "--sandbox", name)
        assert (shown.exit_code, shown.stdout_bytes) == (0, state)
        file = tmp_path / f"{name}.json"
        output = succeed(app, "dump", file, "--sandbox", name)
        assert output == f"{file} has the state of the sandbox {name}.\n"
        assert file.read_bytes() == state


def test_each_name_has_a_file_of_its_own_that_is_not_hidden(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(SHORT)
    for name in STRANGE:
        succeed(app, "load", tmp_path / "state.json", "--sandbox", name)
    succeed(app, "dump", tmp_path / "dumped")
    files = {path.name for path in (tmp_path / "dumped").iterdir()}
    assert files == {*STRANGE.values(), "default.json"}
    assert len({file.lower() for file in files}) == len(files)
    output = succeed(app, "load", tmp_path / "dumped")
    for name, file in STRANGE.items():
        assert f"The sandbox {name} has the content of {tmp_path}/dumped/{file}.\n" in output


def test_a_dump_replaces_nothing_and_says_why(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    reasons = dict.fromkeys(("file.json", "folder", "link"), "File exists.")
    for name, reason in (reasons | {"x" * 300: "File name too long."}).items():
        for options in ((), ("--sandbox", "default")):
            message = fail(app, "dump", tmp_path / name, *options)
            assert f"{tmp_path / name} can't be written: {reason}" in message
    assert (tmp_path / "file.json").read_text() == "mine"
    assert list((tmp_path / "folder").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
    missing = tmp_path / "no" / "new.json"
    assert f"{missing} can't be written: No such file" in fail(app, "dump", missing)
    assert "There is no sandbox nobody." in fail(app, "dump", "--sandbox", "nobody")
    assert "Name a new folder, or one sandbox with --sandbox." in fail(app, "dump")


def test_each_sandbox_is_loaded_all_or_nothing(app: Flask, tmp_path: Path) -> None:
    make_sandboxes(app)
    folder = tmp_path / "dumped"
    succeed(app, "dump", folder)
    broken = json.loads((folder / "frozen.json").read_text())
    broken["businesses"][1]["conversations"][0]["staff"] = "nobody"
    (folder / "frozen.json").write_text(json.dumps(broken))
    (folder / "a.json").write_text(SHORT)
    Caller(app, "demo-owner@frozen").put(UID, archived=True)
    before = state_of(app, "demo-owner@frozen")
    result = run_command(app, "load", folder)
    assert result.exit_code == 1
    assert f"The file {folder}/frozen.json is not a state:" in result.output
    assert "businesses[1].conversations[0].staff: No staff member" in result.output
    assert state_of(app, "demo-owner@frozen") == before
    [shown] = Caller(app, "demo-owner@a").get("/v2/conversations").json["data"]
    assert shown["uid"] == HELLO["uid"]


def test_a_folder_has_files_and_the_names_of_their_sandboxes(
    app: Flask, stored: Stored, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    expected = f"{folder} must be a file, or a folder of files without --sandbox."
    with stored.unchanged():
        assert expected in fail(app, "load", folder)
        (folder / "no name.json").write_text(SHORT)
        assert expected in fail(app, "load", folder, "--sandbox", "mine")
        assert "A sandbox's name must have" in fail(app, "load", folder)


# An upgrade


@pytest.mark.parametrize("options", [(), ("--sandbox", "Worker")])
def test_the_export_of_0_5_0_is_loaded(app: Flask, options: tuple[str, ...]) -> None:
    """It is of a sandbox `Worker` that a PUT had changed."""
    file = EXPORTED / "+worker.json"
    succeed(app, "load", file if options else EXPORTED, *options)
    dumped = run_command(app, "dump", "--sandbox", "Worker").stdout_bytes
    assert is_part(json.loads(file.read_bytes()), json.loads(dumped))
    assert state_of(app, "sue@Worker") == dumped
    shown = Caller(app, "sue@Worker").get("/v2/conversations/first00000000001").json
    assert (shown["archived"], shown["follow_up_message"]) == (True, "call")


def is_part(old: Any, new: Any) -> bool:
    """Return True if a document has all of an older one; it may have more fields."""
    if isinstance(old, dict):
        return all(name in new and is_part(value, new[name]) for name, value in old.items())
    if isinstance(old, list):
        return len(old) == len(new) and all(map(is_part, old, new))
    return bool(old == new)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Make a version of this server whose conversations have a priority (CONTRIBUTING.md)."""
    folder = tmp_path / "newer"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "bench", "instance")
    shutil.copytree(ROOT, folder, ignore=ignored)
    for file, field, added in (
        ("models.py", "    channel_uid: Mapped[str]", "priority: Mapped[str | None]"),
        ("states/schema.py", "    channel_uid = Uid(", "priority = String(20, allow_none=True)"),
    ):
        text = (folder / file).read_text()
        assert text.count(field) == 1
        (folder / file).write_text(text.replace(field, f"    {added}\n{field}"))
    (folder / ".venv").symlink_to(BIN.parent)
    return folder


@pytest.mark.long
def test_an_upgrade_keeps_what_people_made(stored: Stored, tmp_path: Path, newer: Path) -> None:
    with open_app(stored.path, TESTING=True) as app:
        before = make_sandboxes(app)
    url = ENGINE.url(stored.path)
    folder = str(tmp_path / "dumped")

    def run_newer(command: str, status: int = 0) -> str:
        """Run a command as the message of the start shows it."""
        ran = subprocess.run(
            command.replace("instance/dumped", folder).split(),
            cwd=newer,
            env=ENVIRONMENT | {"FLASK_SQLALCHEMY_DATABASE_URI": url, "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == status, ran.stderr
        return ran.stdout + ran.stderr

    told = run_newer(".venv/bin/flask --app app dump instance/dumped", status=1)
    assert "the columns of the table conversation differ (priority)" in told
    steps = re.findall(r"'(\.venv/bin/flask --app app (?:dump|reset|load)[^']*)'", told)
    dump, reset, load = steps[:3]
    words = dump.removeprefix(".venv/bin/").replace("instance/dumped", folder).split()
    dumped = run(*words, FLASK_SQLALCHEMY_DATABASE_URI=url)
    assert dumped.returncode == 0, dumped.stderr
    run_newer(reset)
    run_newer(load)
    for name, state in before.items():
        again = run_newer(f".venv/bin/flask --app app dump --sandbox {name}")
        assert again.count('"priority": null,') == again.count('"channel_uid"') > 30
        assert "".join(re.split(r" *\"priority\": null,\n", again)).encode() == state
