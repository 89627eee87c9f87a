"""The database: what it enforces, the statements that a request takes, and several processes."""

import re
from datetime import datetime

import pytest
import sqlalchemy as sa
from click import ClickException
from flask import Flask

from conftest import Caller, Stored, open_app, record_statements
from database.statements import Query, connection
from databases import ENGINE
from models import Business, Collaborator, db, write_transaction

UID = "89m2pnabgozdvd9f"
TABLE_WRITTEN = re.compile(r"(?:UPDATE|INSERT INTO) \w+")


def test_a_staff_is_a_collaborator_once(stored: Stored) -> None:
    with pytest.raises(ENGINE.integrity_error, match="(?i)unique"):
        stored.rows(
            """INSERT INTO collaborator
               SELECT * FROM collaborator WHERE follow_up_message != ''"""
        )


def test_foreign_keys_are_enforced(app: Flask) -> None:
    with app.app_context(), pytest.raises(sa.exc.IntegrityError), write_transaction():
        db.session.add(Collaborator(conversation_id=1, staff_id=987654))


def test_states_are_enforced(stored: Stored) -> None:
    with pytest.raises(ENGINE.integrity_error, match="(?i)check"):
        stored.rows("UPDATE collaborator SET follow_up_state = 'paused'")


@pytest.mark.parametrize(("kind", "staff_id"), [("staff", "NULL"), ("directory", "1")])
def test_only_staff_tokens_name_a_staff(stored: Stored, kind: str, staff_id: str) -> None:
    with pytest.raises(ENGINE.integrity_error, match="(?i)check"):
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


def test_a_later_start_changes_nothing(stored: Stored) -> None:
    before = stored.everything()
    with open_app(stored.path):
        pass
    assert stored.everything() == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            "ALTER TABLE conversation DROP COLUMN channel_uid",
            r"conversation differ \(channel_uid\)",
        ),
        ("ALTER TABLE client ADD COLUMN fax text", r"client differ \(fax\)"),
        ("DROP TABLE message", r"message differ \("),
    ],
)
def test_a_database_of_another_version_is_refused_and_left_alone(
    stored: Stored, change: str, named: str
) -> None:
    stored.rows(change)
    before = stored.everything()
    with pytest.raises(ClickException, match=named) as refusal, open_app(stored.path):
        pass
    assert "FLASK_SQLALCHEMY_DATABASE_URI" in refusal.value.message
    assert stored.everything() == before
