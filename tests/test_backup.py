"""A backup is exact while others write, and is there only when it is complete."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import Flask

from app import create_app
from database.connections import close_connections
from database.sqlite import CooperativeConnection
from support.apps import open_app
from support.callers import Caller
from support.constants import ARCHIVED, ASSIGNED, JANE, TRASH, UID
from support.databases import ENGINE, SQLite
from support.servers import Server
from support.stored import Stored
from support.threads import run_at_once

WRITTEN = (UID, ARCHIVED, ASSIGNED, TRASH)  # by a writer each
needs_sqlite = pytest.mark.skipif(not isinstance(ENGINE, SQLite), reason="It is of SQLite's file.")


@needs_sqlite
@pytest.mark.long
def test_a_backup_has_every_change_that_was_answered_before(stored: Stored, tmp_path: Path) -> None:
    server = Server(stored.path)
    backups = [tmp_path / f"backup-{number}.db" for number in range(10)]
    answered = dict.fromkeys(WRITTEN, 0)
    sent = dict.fromkeys(WRITTEN, 0)
    before: list[dict[str, int]] = []
    after: list[dict[str, int]] = []
    is_over = Event()

    def write(uid: str) -> None:
        while not is_over.is_set():
            sent[uid] += 1
            assert server.put("demo-owner", uid, {"campaign": str(sent[uid])}) == 200
            answered[uid] = sent[uid]

    def post() -> None:
        message = {"client_id": JANE, "text": "Hi", "direction": "client_to_business"}
        while not is_over.is_set():
            body = {"message": message}
            assert server.ask("demo-owner", "POST", "/platform/v1/messages", body)[0] == 201

    def backup() -> None:
        try:
            while min(answered.values()) < 20:
                time.sleep(0.01)
            with open_app(stored.path) as app:
                for path in backups:
                    before.append(dict(answered))
                    result = app.test_cli_runner().invoke(args=["backup", str(path)])
                    assert result.exit_code == 0, result.output
                    after.append(dict(sent))
        finally:
            is_over.set()

    try:
        run_at_once(*[lambda uid=uid: write(uid) for uid in WRITTEN], post, backup)
    finally:
        server.stop()
    for path, least, most in zip(backups, before, after, strict=True):
        check_backup(path, least, most)
    newest = backups[-1]
    assert {path.name for path in tmp_path.iterdir() if newest.name in path.name} == {newest.name}
    restored = Server(newest)
    try:
        assert restored.get("demo-owner", f"/v2/conversations/{UID}") == 200
        assert restored.put("demo-owner", UID, {"campaign": "restored"}) == 200
    finally:
        restored.stop()
    assert Stored(newest).conversation(UID)["campaign"] == "restored"


def check_backup(path: Path, least: dict[str, int], most: dict[str, int]) -> None:
    """Check that a backup is whole, and of a moment between what was answered and what was sent."""
    backup = Stored(path)
    backup.check_integrity()
    for uid in WRITTEN:
        assert least[uid] <= int(backup.conversation(uid)["campaign"]) <= most[uid]
    counted = "SELECT count(*) FROM message WHERE conversation_id = conversation.id"
    assert backup.rows(f"SELECT uid FROM conversation WHERE message_count != ({counted})") == []
    assert backup.row("SELECT count(*) AS messages FROM message WHERE text = 'Hi'")["messages"] > 0


@needs_sqlite
def test_a_backup_has_what_is_still_in_the_log_beside_the_file(
    app: Flask, owner: Caller, stored: Stored, tmp_path: Path
) -> None:
    assert owner.put(UID, campaign="spring").status_code == 200
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 0, result.output
    assert (
        result.output == f"{tmp_path}/copy.db holds all that is in sqlite:///{stored.path} now.\n"
    )
    assert Stored(tmp_path / "copy.db").everything() == stored.everything()
    assert {path.name for path in tmp_path.iterdir() if "copy" in path.name} == {"copy.db"}


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "kept.db"
    path.write_text("an older backup")
    yield path
    assert path.read_text() == "an older backup"


@needs_sqlite
def test_a_backup_never_takes_the_place_of_a_file(app: Flask, kept: Path) -> None:
    result = app.test_cli_runner().invoke(args=["backup", str(kept)])
    assert result.exit_code == 1
    assert result.output == f"Error: {kept} can't be written: File exists.\n"


@needs_sqlite
def test_a_backup_never_takes_the_place_of_a_link(app: Flask, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to("nowhere")
    result = app.test_cli_runner().invoke(args=["backup", str(link)])
    assert "File exists" in result.output
    assert link.is_symlink()


@needs_sqlite
def test_a_backup_that_fails_leaves_nothing_behind(
    app: Flask, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = CooperativeConnection.execute

    def fail(driver: CooperativeConnection, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if not sql.startswith("VACUUM"):
            return execute(driver, sql, *parameters)
        Path(parameters[0][0]).write_text("half of it")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(CooperativeConnection, "execute", fail)
    (tmp_path / "backups").mkdir()
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "backups" / "new.db")])
    assert result.exit_code == 1
    assert "can't be used: database or disk is full." in result.output
    assert list((tmp_path / "backups").iterdir()) == []


@needs_sqlite
def test_a_backup_does_not_wait_for_ever(
    app: Flask, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.sqlite.BUSY_TIMEOUT", 0.05)
    with app.app_context():
        close_connections()
    with closing(sqlite3.connect(stored.path, isolation_level=None)) as holder:
        holder.executescript("PRAGMA locking_mode = EXCLUSIVE; UPDATE client SET phone = phone")
        result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 1
    assert "can't be used: database is locked." in result.output
    assert not (tmp_path / "copy.db").exists()


@needs_sqlite
def test_a_folder_that_is_missing_is_named(app: Flask, tmp_path: Path) -> None:
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "no" / "new.db")])
    assert result.exit_code == 1
    assert f"{tmp_path}/no/" in result.output and "No such file" in result.output


@needs_sqlite
def test_another_version_s_database_is_backed_up_as_it_is(stored: Stored, tmp_path: Path) -> None:
    stored.rows("ALTER TABLE conversation DROP COLUMN channel_uid")
    with open_app(stored.path) as app:
        result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 0, result.output
    assert Stored(tmp_path / "copy.db").everything() == stored.everything()


def test_a_database_in_memory_has_no_backup(tmp_path: Path) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://"})
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 1
    assert "was empty until now." in result.output
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.skipif(isinstance(ENGINE, SQLite), reason="It is of PostgreSQL.")
def test_postgresql_is_backed_up_by_its_own_program(app: Flask, tmp_path: Path) -> None:
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy.db")])
    assert result.exit_code == 1
    assert f"pg_dump --format=custom --file={tmp_path}/copy.db postgresql://" in result.output
    assert not (tmp_path / "copy.db").exists()


@needs_sqlite
@pytest.mark.parametrize("command", ["backup", "dump"])
def test_a_database_that_was_just_made_is_not_what_was_meant(tmp_path: Path, command: str) -> None:
    with open_app(tmp_path / "mistyped.db") as app:
        result = app.test_cli_runner().invoke(args=[command, str(tmp_path / "copy")])
    assert result.exit_code == 1
    assert result.output.startswith(
        f"Error: Nothing was written: the database sqlite:///{tmp_path}/mistyped.db was empty"
    )
    assert not (tmp_path / "copy").exists()
