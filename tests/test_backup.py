"""A backup is exact while others write, and is there only when it is complete."""

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import Flask

from app import create_app
from database.connections import close_connections
from database.sqlite import CooperativeConnection
from support.apps import fail, open_app, succeed
from support.callers import Caller
from support.constants import ARCHIVED, ASSIGNED, MESSAGE, ONE, TRASH, UID
from support.databases import ENGINE, SQLite
from support.servers import Server
from support.stored import Stored
from support.threads import run_at_once

WRITTEN = (UID, ARCHIVED, ASSIGNED, TRASH)  # by a writer each
needs_sqlite = pytest.mark.skipif(not isinstance(ENGINE, SQLite), reason="It is of SQLite's file.")


@needs_sqlite
@pytest.mark.long
def test_a_backup_has_every_change_that_was_answered_before(
    server: Server, stored: Stored, tmp_path: Path
) -> None:
    backups = [tmp_path / f"backup-{number}.db" for number in range(10)]
    answered, sent = dict.fromkeys(WRITTEN, 0), dict.fromkeys(WRITTEN, 0)
    before: list[dict[str, int]] = []
    after: list[dict[str, int]] = []
    is_over = Event()

    def write(uid: str) -> None:
        while not is_over.is_set():
            sent[uid] += 1
            assert server.put("demo-owner", uid, {"campaign": str(sent[uid])}) == 200
            answered[uid] = sent[uid]

    def post() -> None:
        body = {"message": MESSAGE}
        while not is_over.is_set():
            assert server.ask("demo-owner", "POST", "/platform/v1/messages", body)[0] == 201

    def backup() -> None:
        try:
            while min(answered.values()) < 20:
                time.sleep(0.01)
            with open_app(stored.path) as app:
                for path in backups:
                    before.append(dict(answered))
                    succeed(app, "backup", path)
                    after.append(dict(sent))
        finally:
            is_over.set()

    run_at_once(*[partial(write, uid) for uid in WRITTEN], post, backup)
    server.stop()
    for path, least, most in zip(backups, before, after, strict=True):
        check_backup(path, least, most)
    newest = backups[-1]
    assert {path.name for path in tmp_path.iterdir() if newest.name in path.name} == {newest.name}
    with Server(newest) as restored:
        assert restored.get("demo-owner", ONE) == 200
        assert restored.put("demo-owner", UID, {"campaign": "restored"}) == 200
    assert Stored(newest).conversation(UID)["campaign"] == "restored"


def check_backup(path: Path, least: dict[str, int], most: dict[str, int]) -> None:
    """Check that a backup is whole, and of a moment between what was answered and what was sent."""
    backup = Stored(path)
    backup.check_integrity()
    for uid in WRITTEN:
        assert least[uid] <= int(backup.conversation(uid)["campaign"]) <= most[uid]
    counted = "SELECT count(*) FROM message WHERE conversation_id = conversation.id"
    assert backup.rows(f"SELECT uid FROM conversation WHERE message_count != ({counted})") == []
    assert backup.rows("SELECT id FROM message WHERE text = ?", MESSAGE["text"])


@needs_sqlite
@pytest.mark.parametrize("is_other_version", [False, True])
def test_a_backup_has_all_content_even_what_is_in_the_log_of_the_file(
    app: Flask, owner: Caller, stored: Stored, tmp_path: Path, is_other_version: bool
) -> None:
    assert owner.put(UID, campaign="spring").status_code == 200
    if is_other_version:
        stored.rows("ALTER TABLE conversation DROP COLUMN channel_uid")
    copy = tmp_path / "copy.db"
    expected = f"{copy} holds all that is in sqlite:///{stored.path} now.\n"
    assert succeed(app, "backup", copy) == expected
    assert Stored(copy).everything() == stored.everything()
    assert {path.name for path in tmp_path.iterdir() if "copy" in path.name} == {"copy.db"}


@needs_sqlite
def test_a_backup_never_replaces_a_file_or_a_link(app: Flask, tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.db", tmp_path / "link.db"
    kept.write_text("an older backup")
    link.symlink_to("nowhere")
    for path in (kept, link):
        assert fail(app, "backup", path) == f"Error: {path} can't be written: File exists.\n"
    assert kept.read_text() == "an older backup" and link.is_symlink()
    message = fail(app, "backup", tmp_path / "no" / "new.db")
    assert f"{tmp_path}/no/" in message and "No such file" in message


@needs_sqlite
def test_a_backup_that_fails_leaves_nothing_behind(
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


@needs_sqlite
def test_a_backup_does_not_wait_for_ever(
    app: Flask, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.sqlite.BUSY_TIMEOUT", 0.05)
    with app.app_context():
        close_connections()
    with closing(sqlite3.connect(stored.path, isolation_level=None)) as holder:
        holder.executescript("PRAGMA locking_mode = EXCLUSIVE; UPDATE client SET phone = phone")
        message = fail(app, "backup", tmp_path / "copy.db")
    assert "can't be used: database is locked." in message
    assert not (tmp_path / "copy.db").exists()


def test_a_database_in_memory_has_no_backup(tmp_path: Path) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://"})
    assert "was empty until now." in fail(app, "backup", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.database
@pytest.mark.skipif(isinstance(ENGINE, SQLite), reason="It is of PostgreSQL.")
def test_postgresql_is_backed_up_by_its_own_program(app: Flask, tmp_path: Path) -> None:
    program = f"pg_dump --format=custom --file={tmp_path}/copy.db postgresql://"
    assert program in fail(app, "backup", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@needs_sqlite
@pytest.mark.parametrize("command", ["backup", "dump"])
def test_a_database_that_was_just_created_is_not_what_was_meant(
    tmp_path: Path, command: str
) -> None:
    with open_app(tmp_path / "mistyped.db") as app:
        message = fail(app, command, tmp_path / "copy")
    database = f"sqlite:///{tmp_path}/mistyped.db"
    assert message.startswith(f"Error: Nothing was written: the database {database} was empty")
    assert not (tmp_path / "copy").exists()
