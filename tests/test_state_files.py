"""States in files: loaded by a command, seeded by a start, and dumped, also for an upgrade."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from support.apps import Caller, fail, open_app, put_state, run_command, succeed
from support.commands import BIN, run, run_in
from support.constants import FIXED, FOLLOWED, HELLO, ROOT, SHORT, UID, inside
from support.databases import ENGINE
from support.differences import check_none, diff
from support.documents import read
from support.stored import Stored

pytestmark = pytest.mark.database  # snapshots, and other versions

LIST = "/v2/conversations"


def write(folder: Path, state: Any) -> str:
    path = folder / "state.json"
    path.write_text(state if isinstance(state, str) else json.dumps(state))
    return str(path)


def test_invalid_state_file_changes_nothing(app: Flask, stored: Stored, tmp_path: Path) -> None:
    for content, says in (
        (inside({"staff": "nobody"}), "conversations[0].staff: No staff member"),
        ("{", "is not JSON"),
        ("[]", "is not a valid state"),
    ):
        with stored.unchanged():
            assert says in fail(app, "load", write(tmp_path, content))


def test_start_seeds_the_default_sandbox_from_a_file(tmp_path: Path) -> None:
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
def test_invalid_state_file_stops_the_start(tmp_path: Path, content: Any) -> None:
    state = str(tmp_path / "missing.json") if content is None else write(tmp_path, content)
    settings = {"FLASK_STATE": state}
    settings |= {"FLASK_SQLALCHEMY_DATABASE_URI": ENGINE.url(tmp_path / "own.db")}
    result = run("flask", "--app", "app", "reset", **settings)
    assert result.returncode == 1
    assert "FLASK_STATE: The file" in result.stderr
    assert "Traceback" not in result.stderr


def test_documented_states_can_be_loaded(owner: Caller) -> None:
    parts = read("docs/state.md").split("```json\n")[1:]
    assert parts
    for part in parts:
        response = put_state(owner, json.loads(part.partition("```")[0]))
        assert response.status_code == 200, response.json


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
FILE = json.dumps(SHORT)


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


def test_dump_and_load_restore_every_sandbox(app: Flask, other: Flask, tmp_path: Path) -> None:
    before = make_sandboxes(app)
    folder = tmp_path / "dumped"
    output = succeed(app, "dump", folder)
    assert f"Dumped sandbox Ann.Lee to {folder}/+ann.+lee.json.\n" in output
    files = {"default": "default.json", "Ann.Lee": "+ann.+lee.json", "frozen": "frozen.json"}
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {file: before[name] for name, file in files.items()}
    output = succeed(other, "load", folder)
    for name, token in SANDBOXES.items():
        assert f"into sandbox {name}." in output
        assert state_of(other, token) == before[name]
    clock = Caller(other, "demo-owner@frozen").get("/__admin/clock").json
    assert clock == {"now": "2026-05-05T07:30:00.000Z", "frozen": True}
    assert Caller(other, "demo-owner@Ann.Lee").get("/__admin/clock").json["frozen"] is False


def test_dump_and_load_restore_one_sandbox(app: Flask, tmp_path: Path) -> None:
    state = make_sandboxes(app)["frozen"]
    file = tmp_path / "frozen.json"
    output = succeed(app, "dump", file, "--sandbox", "frozen")
    assert output == f"Dumped sandbox frozen to {file}.\n"
    assert file.read_bytes() == state
    succeed(app, "load", file)
    assert run_command(app, "dump", "--sandbox", "default").stdout_bytes == state


def test_dump_gives_each_name_its_own_visible_file(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(FILE)
    for name in STRANGE:
        succeed(app, "load", tmp_path / "state.json", "--sandbox", name)
    succeed(app, "dump", tmp_path / "dumped")
    files = {path.name for path in (tmp_path / "dumped").iterdir()}
    assert files == {*STRANGE.values(), "default.json"}
    assert len({file.lower() for file in files}) == len(files)
    output = succeed(app, "load", tmp_path / "dumped")
    for name, file in STRANGE.items():
        assert f"Loaded {tmp_path}/dumped/{file} into sandbox {name}.\n" in output


def test_dump_refuses_to_replace_files(app: Flask, tmp_path: Path) -> None:
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


def test_load_replaces_each_sandbox_atomically(app: Flask, tmp_path: Path) -> None:
    make_sandboxes(app)
    folder = tmp_path / "dumped"
    succeed(app, "dump", folder)
    broken = json.loads((folder / "frozen.json").read_text())
    broken["businesses"][1]["conversations"][0]["staff"] = "nobody"
    (folder / "frozen.json").write_text(json.dumps(broken))
    (folder / "a.json").write_text(FILE)
    Caller(app, "demo-owner@frozen").put(UID, archived=True)
    before = state_of(app, "demo-owner@frozen")
    result = run_command(app, "load", folder)
    assert result.exit_code == 1
    assert f"The file {folder}/frozen.json is not a valid state:" in result.output
    assert "businesses[1].conversations[0].staff: No staff member" in result.output
    assert state_of(app, "demo-owner@frozen") == before
    [shown] = Caller(app, "demo-owner@a").get("/v2/conversations").json["data"]
    assert shown["uid"] == HELLO["uid"]


def test_load_derives_sandbox_names_from_files(app: Flask, stored: Stored, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    expected = f"{folder} must be a file, or a folder of files without --sandbox."
    with stored.unchanged():
        assert expected in fail(app, "load", folder)
        (folder / "no name.json").write_text(FILE)
        assert expected in fail(app, "load", folder, "--sandbox", "mine")
        assert "A sandbox's name must have" in fail(app, "load", folder)


# An upgrade


@pytest.mark.parametrize("options", [(), ("--sandbox", "Worker")])
def test_load_accepts_an_export_of_0_5_0(app: Flask, options: tuple[str, ...]) -> None:
    """It is of a sandbox `Worker` that a PUT had changed."""
    file = EXPORTED / "+worker.json"
    succeed(app, "load", file if options else EXPORTED, *options)
    dumped = run_command(app, "dump", "--sandbox", "Worker").stdout_bytes
    differences = diff(json.loads(file.read_bytes()), json.loads(dumped), "", is_ordered=False)
    check_none(each for each in differences if each.old != "absent")  # a new field
    assert state_of(app, "sue@Worker") == dumped
    shown = Caller(app, "sue@Worker").get("/v2/conversations/first00000000001").json
    assert (shown["archived"], shown["follow_up_message"]) == (True, "call")


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
def test_upgrade_keeps_user_data(stored: Stored, tmp_path: Path, newer: Path) -> None:
    with open_app(stored.path, TESTING=True) as app:
        before = make_sandboxes(app)
    url = ENGINE.url(stored.path)
    folder = str(tmp_path / "dumped")

    def run_newer(command: str, status: int = 0) -> str:
        """Run a command as the message of the start shows it."""
        words = command.replace("instance/dumped", folder).split()
        ran = run_in(newer, *words, FLASK_SQLALCHEMY_DATABASE_URI=url, PATH=os.defpath)
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
