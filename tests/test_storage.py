"""The database: what it enforces, the statements that a request takes, and several processes."""

import re
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from http.client import HTTPException
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app
from conftest import Caller, Server, Stored, open_app, record_statements
from database import Query, connection
from models import Business, Collaborator, db, write_transaction
from sqlite import is_locked

UID = "89m2pnabgozdvd9f"
TABLE_WRITTEN = re.compile(r"(?:UPDATE|INSERT INTO) \w+")


def test_a_staff_is_a_collaborator_once(stored: Stored) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        stored.rows(
            """INSERT INTO collaborator
               SELECT * FROM collaborator WHERE follow_up_message != ''"""
        )


def test_foreign_keys_are_enforced(app: Flask) -> None:
    with app.app_context(), pytest.raises(sa.exc.IntegrityError), write_transaction():
        db.session.add(Collaborator(conversation_id=1, staff_id=987654))


def test_states_are_enforced(stored: Stored) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        stored.rows("UPDATE collaborator SET follow_up_state = 'paused'")


@pytest.mark.parametrize(("kind", "staff_id"), [("staff", "NULL"), ("directory", "1")])
def test_only_staff_tokens_name_a_staff(stored: Stored, kind: str, staff_id: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        stored.rows(
            f"""INSERT INTO access_token (digest, kind, business_id, staff_id)
                VALUES ('x', '{kind}', 1, {staff_id})"""
        )


def test_an_error_undoes_the_transaction_and_frees_the_lock(app: Flask, stored: Stored) -> None:
    before = stored.everything()
    with app.app_context():
        with pytest.raises(RuntimeError), write_transaction():
            db.session.execute(sa.update(Business).values(name="x"))
            raise RuntimeError
        with stored.locked():
            assert stored.everything() == before


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
        db.engine.dispose()


def test_a_time_without_a_zone_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(sa.exc.StatementError, match="no time zone"):
        db.session.scalar(
            sa.select(Business.id).where(Business.frozen_at == datetime(2026, 5, 6, 10, 31))
        )


def test_what_was_not_selected_can_not_be_read(app: Flask) -> None:
    query = Query(sa.select(Business.id, Business.name).order_by(Business.id))
    with app.app_context():
        [business] = connection().first(query, {}) or []
        assert business.name == "Almog Physiotherapy"
        with pytest.raises(AttributeError, match="Business.time_zone was not read"):
            assert business.zone


def test_tokens_are_not_stored_in_clear(stored: Stored) -> None:
    assert not [line for line in stored.everything() if "demo-" in line]


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        ({}, []),
        ({"business_unread": False}, ["UPDATE conversation"]),
        ({"spam": True}, ["UPDATE client", "UPDATE conversation"]),
        ({"follow_up": True}, ["INSERT INTO collaborator", "UPDATE conversation"]),
        ({"follow_up": False}, []),
    ],
)
def test_a_write_takes_the_fewest_statements(
    app: Flask, owner: Caller, keys: dict[str, bool], written: list[str]
) -> None:
    statements = record_statements(app)
    assert owner.put(UID, keys).status_code == 200
    token, no_wait, begin, wait, conversation, *writes = statements
    assert begin == "BEGIN IMMEDIATE"
    assert no_wait.startswith("PRAGMA busy_timeout") and wait.startswith("PRAGMA busy_timeout")
    assert "access_token" in token and token.startswith("SELECT")
    assert conversation.startswith("WITH RECURSIVE")
    assert sorted(TABLE_WRITTEN.match(write)[0] for write in writes) == written  # type: ignore[index]


@pytest.mark.parametrize("path", ["", "/messages"])
def test_a_read_takes_the_fewest_statements(app: Flask, owner: Caller, path: str) -> None:
    statements = record_statements(app)
    for uid in (UID, "merged0000000002"):
        statements.clear()
        assert owner.get(f"/v2/conversations/{uid}{path}").status_code == 200
        assert len(statements) == (3 if path else 2)
        assert all(statement.startswith(("SELECT", "WITH")) for statement in statements)


def test_a_write_with_wrong_values_does_not_take_the_lock(app: Flask, owner: Caller) -> None:
    statements = record_statements(app)
    assert owner.put(UID, archived="maybe").status_code == 422
    assert "BEGIN IMMEDIATE" not in statements
    assert len(statements) == 2


class TestSeveralProcesses:
    """A real gunicorn of four processes on one file, and several clients at once."""

    def test_lose_no_update(self, server: Server, stored: Stored) -> None:
        """Each note is an internal message: counted in Python, so a lost update would show."""

        def write(number: int) -> int:
            token = ("demo-owner", "demo-colleague")[number % 2]
            return server.put(
                token, UID, {"follow_up": True, "follow_up_message": f"note {number}"}
            )

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(write, range(200))) == {200}
        texts = [row["text"] for row in stored.messages(UID)[7:]]
        assert sorted(texts) == sorted(f"note {number}" for number in range(200))
        assert stored.conversation(UID)["message_count"] == 207

    def test_make_one_collaborator(self, server: Server, stored: Stored) -> None:
        uids = [
            row["uid"]
            for row in stored.rows(
                "SELECT uid FROM conversation WHERE business_id = 1 AND merged_into_id IS NULL"
            )
        ]
        calls = [uid for uid in uids for _ in range(6)]
        with ThreadPoolExecutor(8) as pool:
            statuses = pool.map(
                lambda uid: server.put("demo-owner", uid, {"follow_up": True}), calls
            )
            assert set(statuses) == {200}
        rows = stored.rows("SELECT * FROM collaborator WHERE staff_id = 1")
        assert len(rows) == len(uids)
        assert {row["follow_up_state"] for row in rows} == {"active"}

    def test_keep_what_was_answered_when_they_are_killed(self, stored: Stored) -> None:
        answered: list[str] = []

        def write_until_killed(client: int) -> None:
            for number in range(1000):
                text = f"note {client} {number}"
                try:
                    server.put("demo-owner", UID, {"follow_up": True, "follow_up_message": text})
                except (OSError, HTTPException):
                    return
                answered.append(text)

        server = Server(stored.path)
        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(write_until_killed, client) for client in range(4)]
            while len(answered) < 40:
                time.sleep(0.01)
            server.kill()
        assert all(client.exception() is None for client in clients)
        with open_app(stored.path):
            pass
        texts = [row["text"] for row in stored.messages(UID)]
        assert set(answered) <= set(texts)
        assert len(texts) == len(set(texts)) == stored.conversation(UID)["message_count"]
        assert stored.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]

    def test_wait_for_a_lock_that_is_held(self, server: Server, stored: Stored) -> None:
        with ThreadPoolExecutor(1) as pool:
            with stored.locked():
                answer = pool.submit(server.put, "demo-owner", UID, {"archived": True})
                with pytest.raises(TimeoutError):
                    answer.result(timeout=0.3)
            assert answer.result(timeout=5) == 200


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


def test_a_later_start_changes_nothing(stored: Stored) -> None:
    before = stored.everything()
    with open_app(stored.path):
        pass
    assert stored.everything() == before
