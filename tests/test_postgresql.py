"""A PostgreSQL server that is lost, hangs or refuses: 503, and no wrong word about a write."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask

from database import postgresql
from database.connections import database_kind, get_connection
from database.postgresql import PatientConnection
from support.callers import Caller
from support.constants import UID
from support.databases import ENGINE, PostgreSQL
from support.stored import Stored

if not isinstance(ENGINE, PostgreSQL):
    pytest.skip("these are the failures of a server", allow_module_level=True)

LOST = psycopg.OperationalError("server closed the connection unexpectedly")
Commit = Callable[[PatientConnection], None]


def lose_before(driver: PatientConnection) -> None:
    driver.close()
    raise LOST


def lose_after(driver: PatientConnection) -> None:
    psycopg.Connection.commit(driver)
    lose_before(driver)


@pytest.mark.parametrize(
    ("commit", "status", "campaign"), [(lose_before, 503, None), (lose_after, 200, "stored")]
)
def test_the_outcome_of_a_commit_is_asked_for(
    owner: Caller,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
    commit: Commit,
    status: int,
    campaign: str | None,
) -> None:
    monkeypatch.setattr(PatientConnection, "commit", commit)
    time.sleep(1.1)  # since a checkpoint that another test's database may have caused
    response = owner.put(UID, campaign="stored")
    assert response.status_code == status
    assert stored.conversation(UID)["campaign"] == campaign
    monkeypatch.undo()
    assert owner.put(UID, campaign="then").status_code == 200


def test_the_id_of_a_transaction_that_a_crash_gave_away_proves_nothing(
    owner: Caller, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(driver: PatientConnection) -> None:
        [another] = stored.rows("SELECT txid_current() AS id")  # which is committed
        driver.transaction_id = another["id"]
        stored.rows("CHECKPOINT")
        lose_before(driver)

    monkeypatch.setattr(PatientConnection, "commit", crash)
    with pytest.raises(ConnectionResetError):
        owner.put(UID, campaign="lost")
    assert stored.conversation(UID)["campaign"] is None


def test_an_id_that_a_crash_forgot_was_not_stored(
    owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(driver: PatientConnection) -> None:
        driver.transaction_id += 10**6
        lose_before(driver)

    monkeypatch.setattr(PatientConnection, "commit", crash)
    assert owner.put(UID, campaign="lost").status_code == 503


def test_an_outcome_that_nobody_knows_is_no_response(
    app: Flask, owner: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise LOST

    monkeypatch.setattr(PatientConnection, "commit", lose_after)
    monkeypatch.setattr(postgresql, "OUTCOME_SECONDS", 0.3)
    with app.app_context():
        driver: Any = get_connection().connection.driver_connection
        monkeypatch.setattr(driver, "open_another", refuse)
    with pytest.raises(ConnectionResetError):
        owner.put(UID, campaign="stored")
    assert "reason=The database server was lost while it stored a change." in caplog.text


def test_a_connection_that_broke_while_idle_is_replaced(owner: Caller, stored: Stored) -> None:
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200
    stored.rows(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )
    assert owner.put(UID, campaign="stored").status_code == 200


def test_a_server_that_does_not_answer_is_given_up(
    app: Flask, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientConnection, "seconds", 0.2)
    with app.app_context():
        driver: Any = get_connection().connection.driver_connection
        driver.seconds = 0.2
        begun = time.monotonic()
        with pytest.raises(postgresql.Unanswered):
            driver.execute("SELECT pg_sleep(20)")
        assert time.monotonic() - begun < 10
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200


@pytest.mark.parametrize(
    ("setting", "status"), [("default_transaction_read_only = on", 503), ("work_mem = 64", 200)]
)
def test_a_server_that_takes_no_writes(
    owner: Caller, stored: Stored, setting: str, status: int
) -> None:
    [name] = stored.rows("SELECT current_database() AS name")
    stored.rows(f"ALTER DATABASE {name['name']} SET {setting}")
    stored.rows(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )
    assert owner.put(UID, campaign="stored").status_code == status
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200


def test_health_names_the_kind(app: Flask) -> None:
    with app.app_context():
        assert database_kind() == "postgresql"
    response: Any = app.test_client().get("/__admin/health")
    assert response.json["database"] == "postgresql"
