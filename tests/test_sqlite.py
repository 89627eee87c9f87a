"""What is particular to SQLite: its file, its lock, its plans, and the statements that it gets."""

import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app
from conversations.folders import SELECT_FOLDER
from database import connections
from database.connections import close_connections, get_connection, is_locked
from support.apps import record_statements
from support.callers import Caller
from support.constants import UID
from support.stored import Stored

TABLE_WRITTEN = re.compile(r"(?:UPDATE|INSERT INTO) \w+")


@pytest.mark.parametrize(
    ("code", "locked"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, True),
        (sqlite3.SQLITE_READONLY, False),
    ],
)
def test_a_lock_is_known_by_its_code(code: int, locked: bool) -> None:
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code
    assert is_locked(error) is locked
    assert is_locked(sa.exc.OperationalError("", None, error)) is locked


def test_the_first_switch_to_wal_waits_for_the_file(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE x (y)")
        connection.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(1) as pool:
            start = pool.submit(create_app, {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{path}"})
            with pytest.raises(TimeoutError):
                start.result(timeout=0.3)
            connection.execute("ROLLBACK")
            app = start.result(timeout=10)
    with app.app_context():
        close_connections()


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({}, []),
        ({"business_unread": False}, ["UPDATE conversation"]),
        ({"spam": True}, ["UPDATE client", "UPDATE conversation"]),
        ({"follow_up": True}, ["INSERT INTO collaborator", "UPDATE conversation"]),
        ({"follow_up": False}, []),
    ],
)
def test_a_write_takes_the_fewest_statements(
    app: Flask, owner: Caller, fields: dict[str, bool], written: list[str]
) -> None:
    statements = record_statements(app)
    assert owner.put(UID, fields).status_code == 200
    token, begin, conversation, *writes = statements
    assert begin == "BEGIN IMMEDIATE"
    assert "access_token" in token and token.startswith("SELECT")
    assert conversation.startswith("WITH RECURSIVE")
    assert sorted(TABLE_WRITTEN.match(write)[0] for write in writes) == written  # type: ignore[index]


def test_first_starts_at_once_make_one_database(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"
    start = f"import app; app.create_app({{'SQLALCHEMY_DATABASE_URI': 'sqlite:///{path}'}})"
    starts = [
        subprocess.Popen([sys.executable, "-c", start], stderr=subprocess.PIPE) for _ in range(4)
    ]
    for process in starts:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM business").fetchone() == (2,)


@pytest.mark.parametrize("folder", SELECT_FOLDER)
def test_an_index_serves_the_order(app: Flask, folder: str) -> None:
    values = {"business_id": 1, "staff_id": 1, "sees_all": True, "limit": 25, "offset": 0}
    with app.app_context():
        connection = get_connection()
        compiled = SELECT_FOLDER[folder].compile(connection.dialect)
        named = {**compiled.constants, **values}
        parameters = tuple(named[name] for name in compiled.order or ())
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.sql}", parameters)
        steps = " ".join(row[-1] for row in plan)
    assert "conversation_order" in steps
    assert "TEMP B-TREE" not in steps


def test_reset_says_when_it_can_not(
    app: Flask, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WRITE_SECONDS", 0.05)
    before = stored.everything()
    with stored.locked():
        result = app.test_cli_runner().invoke(args=["reset"])
    assert result.exit_code == 1
    assert result.output == "Error: Nothing was changed: database is locked.\n"
    assert stored.everything() == before
