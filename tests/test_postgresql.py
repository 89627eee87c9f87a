"""A PostgreSQL server that is lost, hangs or refuses: 503, and no wrong word about a write."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from database.backend import AcquireTimeout
from database.connections import close_connections, db, get_connection, transaction
from database.postgresql import DeadlineConnection
from support.callers import Caller, check_error
from support.constants import ONE, UID
from support.databases import ENGINE, PostgreSQL
from support.stored import Stored
from web.errors import OUTCOME_UNKNOWN

if not isinstance(ENGINE, PostgreSQL):
    pytest.skip("these are the failures of a server", allow_module_level=True)

pytestmark = pytest.mark.database
LOST = psycopg.OperationalError("server closed the connection unexpectedly")
Lose = Callable[[DeadlineConnection], None]
END_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def lose_before(driver: DeadlineConnection) -> None:
    driver.close()
    raise LOST


def lose_after(driver: DeadlineConnection) -> None:
    commit(driver)
    lose_before(driver)


commit = psycopg.Connection.commit


@pytest.mark.parametrize(("lose", "campaign"), [(lose_before, None), (lose_after, "stored")])
def test_the_outcome_of_a_commit_is_unknown_where_the_server_is_lost(
    owner: Caller, stored: Stored, monkeypatch: pytest.MonkeyPatch, lose: Lose, campaign: str | None
) -> None:
    monkeypatch.setattr(psycopg.Connection, "commit", lose)
    response = owner.put(UID, campaign="stored")
    check_error(response, 503, "unavailable", None, OUTCOME_UNKNOWN)
    assert response.headers["Retry-After"] == "1"
    monkeypatch.undo()
    assert stored.conversation(UID)["campaign"] == campaign
    assert owner.put(UID, campaign="then").status_code == 200


def test_a_connection_that_broke_while_idle_is_replaced(owner: Caller, stored: Stored) -> None:
    assert owner.get(ONE).status_code == 200
    stored.rows(END_OTHERS)
    assert owner.put(UID, campaign="stored").status_code == 200


def test_a_server_that_does_not_respond_is_given_up(
    app: Flask, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        driver: Any = get_connection().connection.driver_connection
        driver.timeout = 0.2
        begun = time.monotonic()
        with pytest.raises(AcquireTimeout):
            driver.execute("SELECT pg_sleep(20)")
        assert time.monotonic() - begun < 2
    assert owner.get(ONE).status_code == 200


@contextmanager
def hung_server(stored: Stored) -> Iterator[None]:
    """Stop all processes of the server for a while."""
    [row] = stored.rows("SELECT current_setting('data_directory') AS folder")
    parent = int(Path(row["folder"], "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    processes = [parent, *map(int, children)]
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):  # a short-lived one may have ended
                os.kill(process, signal.SIGCONT)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_a_hung_server_costs_two_seconds(app: Flask, owner: Caller, stored: Stored) -> None:
    assert owner.get(ONE).status_code == 200
    with hung_server(stored):
        for call, limit in (
            (lambda: owner.get(ONE), 2.0),
            (lambda: owner.put(UID, campaign="lost"), 2.0),
            (lambda: app.test_client().get("/__admin/health"), 1.0),
        ):
            begun = time.monotonic()
            assert call().status_code == 503
            assert limit - 0.1 < time.monotonic() - begun < limit + 0.5
    assert owner.put(UID, campaign="then").status_code == 200


@pytest.mark.parametrize("level", ["serializable", "read uncommitted"])
def test_a_write_names_its_isolation_level(app: Flask, stored: Stored, level: str) -> None:
    [name] = stored.rows("SELECT current_database() AS name")
    stored.rows(f"ALTER DATABASE {name['name']} SET default_transaction_isolation = '{level}'")
    with app.app_context():
        close_connections()
        with transaction() as connection:
            shown = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    assert shown == "read committed"


@pytest.mark.parametrize(
    ("setting", "status"), [("default_transaction_read_only = on", 503), ("work_mem = 64", 200)]
)
def test_a_server_that_takes_no_writes(
    owner: Caller, stored: Stored, setting: str, status: int
) -> None:
    [name] = stored.rows("SELECT current_database() AS name")
    stored.rows(f"ALTER DATABASE {name['name']} SET {setting}")
    stored.rows(END_OTHERS)
    assert owner.put(UID, campaign="stored").status_code == status
    assert owner.get(ONE).status_code == 200


def test_health_names_the_kind(app: Flask) -> None:
    with app.app_context():
        assert db.engine.name == "postgresql"
    response: Any = app.test_client().get("/__admin/health")
    assert response.json["database"] == "postgresql"
