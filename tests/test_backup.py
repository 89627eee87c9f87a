"""A backup is exact while others write, and is there only when it is complete."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from database.sqlite import CooperativeConnection
from support.apps import Caller, fail, open_app, succeed
from support.commands import BIN, check_run
from support.constants import HELLO, MESSAGE, ROOT, UID
from support.databases import ENGINE, PostgreSQL, SQLite
from support.documents import find_block
from support.stored import Stored
from support.threads import repeat_during

needs_sqlite = pytest.mark.skipif(not isinstance(ENGINE, SQLite), reason="It is of SQLite's file.")


@needs_sqlite
def test_backup_has_every_confirmed_change(app: Flask, owner: Caller, tmp_path: Path) -> None:
    """The messages of one writer are complete up to some later one."""
    confirmed: list[str] = []

    def write() -> None:
        text = f"note {len(confirmed)}"
        assert owner.post(**MESSAGE | {"text": text}).status_code == 201
        confirmed.append(text)

    def backup() -> None:
        for number in range(10):
            path = tmp_path / f"backup-{number}.db"
            before = len(confirmed)
            succeed(app, "backup", path)
            assert {each.name for each in tmp_path.glob(f"{path.name}*")} == {path.name}
            stored = Stored(path)
            stored.check_integrity()
            rows = stored.rows("SELECT text FROM message WHERE text LIKE 'note %' ORDER BY id")
            assert len(rows) >= before
            assert [row["text"] for row in rows] == [f"note {each}" for each in range(len(rows))]

    repeat_during(backup, write)
    assert len(confirmed) > 10


@needs_sqlite
@pytest.mark.parametrize("is_other_version", [False, True])
def test_backup_includes_changes_in_the_wal_file(
    app: Flask, owner: Caller, stored: Stored, tmp_path: Path, is_other_version: bool
) -> None:
    assert owner.put(UID, campaign="spring").status_code == 200
    if is_other_version:
        stored.rows("ALTER TABLE conversation DROP COLUMN channel_uid")
    copy = tmp_path / "copy.db"
    expected = f"Backed up sqlite:///{stored.path} to {copy}.\n"
    assert succeed(app, "backup", copy) == expected
    assert Stored(copy).everything() == stored.everything()
    assert {path.name for path in tmp_path.iterdir() if "copy" in path.name} == {"copy.db"}


@needs_sqlite
def test_backup_never_replaces_a_file_or_link(app: Flask, tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.db", tmp_path / "link.db"
    kept.write_text("an older backup")
    link.symlink_to("nowhere")
    for path in (kept, link):
        assert fail(app, "backup", path) == f"Error: {path} can't be written: File exists.\n"
    assert kept.read_text() == "an older backup" and link.is_symlink()
    message = fail(app, "backup", tmp_path / "no" / "new.db")
    assert f"{tmp_path}/no/" in message and "No such file" in message


@needs_sqlite
def test_failed_backup_leaves_no_files(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = CooperativeConnection.execute

    def run_out_of_space(driver: CooperativeConnection, sql: str, *parameters: Any) -> Any:
        if not sql.startswith("VACUUM"):
            return execute(driver, sql, *parameters)
        Path(parameters[0][0]).write_text("half of it")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(CooperativeConnection, "execute", run_out_of_space)
    (tmp_path / "backups").mkdir()
    message = fail(app, "backup", tmp_path / "backups" / "new.db")
    assert "can't be used: database or disk is full." in message
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.mark.database
@pytest.mark.skipif(isinstance(ENGINE, SQLite), reason="It is of PostgreSQL.")
def test_backup_of_postgresql_names_pg_dump(app: Flask, tmp_path: Path) -> None:
    program = f"pg_dump --format=custom --file={tmp_path}/copy.db postgresql://"
    assert program in fail(app, "backup", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@needs_sqlite
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{}/mistyped.db"])
@pytest.mark.parametrize("command", ["backup", "dump"])
def test_freshly_seeded_database_is_not_backed_up(tmp_path: Path, command: str, url: str) -> None:
    url = url.format(tmp_path)
    with open_app(tmp_path, SQLALCHEMY_DATABASE_URI=url) as app:
        message = fail(app, command, tmp_path / "copy")
    database, _, remedy = message.partition(" was empty. ")
    assert database.startswith(f"Error: Nothing was written: the database {url}")
    assert remedy == "Set FLASK_SQLALCHEMY_DATABASE_URI to the database to copy.\n"
    assert not (tmp_path / "copy").exists()


# The commands of docs/backup.md


class Project:
    """A copy of the project, in which its commands use a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "bench", "instance")
        shutil.copytree(ROOT, folder, ignore=ignored)
        (folder / ".venv").symlink_to(BIN.parent)
        os.utime(folder / "requirements.lock", (0, 0))  # so that `make` installs nothing
        self.flask("reset --sandbox Ann")

    def flask(self, arguments: str, **environ: str) -> str:
        return self.run(f".venv/bin/flask --app app {arguments}", **environ)

    def run(self, commands: str, **environ: str) -> str:
        """Run commands, all of which succeed; return their output."""
        return check_run("bash", "-e", "-c", commands, cwd=self.folder, **environ)

    def follow(self, heading: str, beginning: str, **environ: str) -> None:
        """Run the block below a heading that begins so, without the start of the server."""
        block = find_block("docs/backup.md", "sh", beginning, heading)
        self.run(block.replace("make run\n", ""), **environ)

    def read_states(self, **environ: str) -> dict[str, bytes]:
        self.flask("dump dumped-states", **environ)
        folder = self.folder / "dumped-states"
        states = {path.name: path.read_bytes() for path in folder.iterdir()}
        shutil.rmtree(folder)
        assert states.keys() == {"+ann.json", "default.json"}
        return states

    def change(self) -> None:
        folder = self.folder / "changed"
        folder.mkdir(exist_ok=True)
        for name in ("+ann.json", "default.json"):
            (folder / name).write_text(json.dumps({"conversations": [HELLO]}))
        self.flask("load changed")


@needs_sqlite
@pytest.mark.long
def test_documented_commands_restore_all_data(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    before = project.read_states()
    project.follow("Back up", ".venv/bin/flask --app app backup backup.db")
    project.follow("Back up", '.venv/bin/flask --app app backup "backup-$(date')
    project.follow("Dump", ".venv/bin/flask --app app dump dumped")
    for heading, beginning in (
        ("Restore", "rm -f instance/"),
        ("Dump", ".venv/bin/flask --app app load dumped\n"),
        ("Upgrade", "make reset"),
    ):
        project.change()
        assert project.read_states() != before
        project.follow(heading, beginning)
        assert project.read_states() == before
    project.change()
    project.follow("Dump", ".venv/bin/flask --app app load dumped/+ann.json")
    after = project.read_states()
    assert [name for name in after if after[name] == before[name]] == ["+ann.json"]


@pytest.fixture
def postgresql() -> Iterator[dict[str, str]]:
    """Give the environment in which PostgreSQL's programs find the server; drop what they make."""
    assert isinstance(ENGINE, PostgreSQL)
    url = sa.make_url(ENGINE.server)
    yield {"PGHOST": str(url.host), "PGPORT": str(url.port), "PGUSER": str(url.username)}
    with psycopg.connect(f"{ENGINE.server}postgres", autocommit=True) as connection:
        for name in (b"conversations", b"conversations_restored"):
            connection.execute(b"DROP DATABASE IF EXISTS " + name)


@pytest.mark.database
@pytest.mark.skipif(isinstance(ENGINE, SQLite), reason="It is of PostgreSQL.")
def test_documented_commands_move_all_data_to_postgresql(
    postgresql: dict[str, str], tmp_path: Path
) -> None:
    project = Project(tmp_path / "project")
    before = project.read_states()
    project.follow("Move to PostgreSQL", "createdb", **postgresql)
    project.follow("Back up", "pg_dump", **postgresql)
    project.follow("Restore", "createdb", **postgresql)
    for name in ("conversations", "conversations_restored"):
        url = {"FLASK_SQLALCHEMY_DATABASE_URI": f"postgresql+psycopg://localhost/{name}"}
        assert project.read_states(**postgresql, **url) == before
