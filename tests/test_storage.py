"""The database: what it enforces, the statements that a request takes, and other versions."""

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from database.connections import Base, get_connection, transaction
from database.statements import Query, save_row
from models import Business, Collaborator, Sandbox, new_row
from support.apps import Caller, check_error, fail, open_app, record_statements, succeed
from support.constants import MERGED_TWICE, ONE, UID
from support.databases import ENGINE
from support.stored import Stored

pytestmark = pytest.mark.database  # constraints, statements and other versions


def test_tables_enforce_the_constraints(app: Flask, stored: Stored) -> None:
    for rule, statement in (
        ("unique", "INSERT INTO collaborator SELECT * FROM collaborator WHERE unread = false"),
        ("check", "UPDATE collaborator SET follow_up_state = 'paused'"),
    ):
        with pytest.raises(ENGINE.integrity_error, match=f"(?i){rule}"):
            stored.rows(statement)
    row = new_row(Collaborator, conversation_id=1, staff_id=987654)
    with app.app_context(), pytest.raises(ENGINE.integrity_error, match="(?i)foreign key"):
        with transaction() as connection:
            save_row(connection, Collaborator, None, row)


def test_error_rolls_back_and_releases_the_lock(app: Flask, stored: Stored) -> None:
    with app.app_context(), stored.unchanged():
        with pytest.raises(RuntimeError), transaction() as connection:
            connection.execute(sa.update(Business).values(name="x"))
            raise RuntimeError
        with stored.locked():
            pass


def test_naive_time_is_rejected(app: Flask) -> None:
    time = datetime(2026, 5, 6, 10, 31)
    is_then = sa.select(Sandbox.id).where(Sandbox.frozen_at == sa.bindparam("time"))
    with app.app_context():
        with pytest.raises(ValueError, match="no time zone"):
            Query(is_then).first(get_connection(), {"time": time})
        with pytest.raises(sa.exc.StatementError, match="no time zone"):
            get_connection().execute(is_then, {"time": time})


def test_row_has_only_the_selected_columns(app: Flask) -> None:
    query = Query(sa.select(Business.id, Business.name).order_by(Business.id))
    with app.app_context():
        [business] = query.first(get_connection(), {}) or []
    assert business == {"id": 1, "name": "Almog Physiotherapy"}


@pytest.mark.parametrize("path", ["", "/messages"])
def test_read_runs_the_fewest_statements(app: Flask, owner: Caller, path: str) -> None:
    statements = record_statements(app)
    for uid in (UID, MERGED_TWICE):
        statements.clear()
        assert owner.get(f"/v2/conversations/{uid}{path}").status_code == 200
        assert len(statements) == (3 if path else 2)
        assert all(statement.startswith(("SELECT", "WITH")) for statement in statements)


def test_invalid_write_does_not_take_the_lock(app: Flask, owner: Caller) -> None:
    statements = record_statements(app)
    assert owner.put(UID, archived="maybe").status_code == 422
    assert "BEGIN IMMEDIATE" not in statements
    assert len(statements) == 3  # the token, once more before the conversation is looked up


def test_later_start_changes_nothing(stored: Stored) -> None:
    with stored.unchanged(), open_app(stored.path):
        pass


OTHER_VERSIONS = {
    "ALTER TABLE conversation DROP COLUMN channel_uid": "conversation differ (channel_uid)",
    "ALTER TABLE client ADD COLUMN fax text": "client differ (fax)",
    "ALTER TABLE staff ADD COLUMN client_id int DEFAULT 1 REFERENCES client (id)": "client_id",
    "DROP TABLE message": "message differ (",
}


@pytest.mark.parametrize("change", OTHER_VERSIONS)
def test_database_of_another_version_is_unchanged_until_a_reset(
    stored: Stored, change: str, seeded_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored.rows(change)
    stored.rows("CREATE TABLE diary (day text)")
    stored.rows("INSERT INTO diary VALUES ('Monday')")
    before = stored.everything()
    with open_app(stored.path) as app:
        owner = Caller(app, "demo-owner")
        response = owner.put(UID, archived=True)
        check_error(response, 503, "unavailable")
        assert response.headers["Retry-After"] == "60"
        for said in (response.json["errors"][0]["message"], caplog.messages[0]):
            assert OTHER_VERSIONS[change] in said
            assert ".venv/bin/flask --app app reset" in said
            assert "FLASK_SQLALCHEMY_DATABASE_URI" in said
        fail(app, "dump", "--sandbox", "default")
        assert stored.everything() == before
        assert "Reset all data of" in succeed(app, "reset")
        assert owner.put(UID, archived=True).status_code == 200
        assert owner.get(f"{ONE}/messages").status_code == 200
    assert stored.rows("SELECT day FROM diary") == [{"day": "Monday"}]
    for table in Base.metadata.tables.keys() - {"journal_entry"}:
        count = f"SELECT count(*) AS rows FROM {table}"
        assert stored.row(count) == Stored(seeded_database).row(count)
    stored.check_integrity()


@pytest.mark.parametrize("arguments", [["reset"], ["reset", "--sandbox", "default"]])
@pytest.mark.parametrize("is_current", [True, False])
def test_reset_refuses_while_a_foreign_table_refers_to_ours(
    stored: Stored, arguments: list[str], is_current: bool
) -> None:
    """Also if the key would delete the rows of that table."""
    if not is_current:
        stored.rows("ALTER TABLE client RENAME COLUMN phone TO telephone")
    stored.rows(
        """CREATE TABLE badge
           (id integer PRIMARY KEY, owner int REFERENCES client (id) ON DELETE CASCADE)"""
    )
    stored.rows("INSERT INTO badge VALUES (1, 1)")
    expected = "badge refers to client"
    if not is_current and "--sandbox" in arguments:
        expected = "another version"
    with stored.unchanged(), open_app(stored.path) as app:
        assert expected in fail(app, *arguments)


OTHER_PROGRAMS = [
    ["client", "invoice"],
    ["conversation", "collaborator", "message"],
    ["sandbox", "business", "staff", "client", "message", "journal_entry"],
    ["Access_Token_2"],
]


@pytest.mark.parametrize("command", ["reset", "reset --sandbox=default", "dump x", "load {}", ""])
@pytest.mark.parametrize("tables", OTHER_PROGRAMS, ids=lambda tables: tables[0])
def test_foreign_database_is_unchanged(tmp_path: Path, tables: list[str], command: str) -> None:
    other = Stored(tmp_path / "shop.db")
    ENGINE.url(other.path)
    for table in tables:
        other.rows(f"CREATE TABLE {table} (name text)")
        other.rows(f"INSERT INTO {table} VALUES ('Ann')")
    state = tmp_path / "state.json"
    state.write_text('{"conversations": []}')
    before = other.path.exists() and other.path.read_bytes()
    with other.unchanged(), open_app(other.path) as app:
        assert Caller(app, "demo-owner").get(ONE).status_code == 503
        if command:
            message = fail(app, *command.format(state).split())
            assert "another program" in message
            assert ", ".join(sorted(tables)).lower() in message.lower()
    assert (other.path.exists() and other.path.read_bytes()) == before
    ENGINE.drop(other.path)
