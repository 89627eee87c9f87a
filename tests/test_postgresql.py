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

from app import create_app
from database.connections import close_connections, db, transaction
from database.postgresql import DeadlineConnection
from support.apps import Caller, check_error, open_app
from support.commands import run
from support.constants import ONE, UID
from support.databases import ENGINE, PostgreSQL
from support.servers import find_free_port
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
def test_lost_server_makes_the_commit_outcome_unknown(
    owner: Caller, stored: Stored, monkeypatch: pytest.MonkeyPatch, lose: Lose, campaign: str | None
) -> None:
    monkeypatch.setattr(psycopg.Connection, "commit", lose)
    response = owner.put(UID, campaign="stored")
    check_error(response, 503, "unavailable", None, OUTCOME_UNKNOWN)
    assert response.headers["Retry-After"] == "1"
    monkeypatch.undo()
    assert stored.conversation(UID)["campaign"] == campaign
    assert owner.put(UID, campaign="then").status_code == 200


def test_broken_idle_connection_is_replaced(owner: Caller, stored: Stored) -> None:
    assert owner.get(ONE).status_code == 200
    stored.rows(END_OTHERS)
    assert owner.put(UID, campaign="stored").status_code == 200


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


@pytest.mark.alone
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_hung_server_times_out_after_two_seconds(app: Flask, owner: Caller, stored: Stored) -> None:
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


@pytest.mark.parametrize(
    "setting",
    [
        "default_transaction_isolation = 'serializable'",
        "default_transaction_isolation = 'read uncommitted'",
        "default_transaction_read_only = on",
        "DateStyle = 'German, DMY'",
        "TimeZone = 'Asia/Jerusalem'",
        "client_encoding = 'LATIN1'",
        "work_mem = 64",
    ],
)
def test_server_defaults_are_overridden(
    app: Flask, owner: Caller, stored: Stored, setting: str
) -> None:
    app.config["JOURNAL"] = 0  # its writer may use a connection while all are closed
    before = owner.get(f"{ONE}/messages").data
    database = stored.row("SELECT current_database() AS name")["name"]
    stored.rows(f"ALTER DATABASE {database} SET {setting}")
    with app.app_context():
        close_connections()
        with transaction() as connection:
            for name, value in (("isolation", "read committed"), ("read_only", "off")):
                shown = connection.exec_driver_sql(f"SHOW transaction_{name}").scalar()
                assert shown == value
    assert owner.put(UID, source_type="שלום").status_code == 200
    assert owner.get(f"{ONE}/messages").data == before
    assert owner.get(f"{ONE}?full_client=1").json["source_type"] == "שלום"


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_database_of_another_encoding_stores_all_text_or_is_rejected(
    stored: Stored, tmp_path: Path, encoding: str
) -> None:
    name = f"test_{encoding.lower()}"
    stored.rows(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    url = f"{os.environ['TEST_POSTGRESQL']}{name}"
    try:
        if encoding == "LATIN1":
            result = run("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=url, PORT=str(find_free_port()))
            assert result.returncode == 1
            assert f"{name} can't be used: its encoding must be UTF8" in result.stderr
            assert "Traceback" not in result.stderr
            return
        app = create_app({"SQLALCHEMY_DATABASE_URI": url})
        owner = Caller(app, "demo-owner")
        texts = {"campaign": "😀" * 255, "source_type": "é" * 255}
        assert owner.put(UID, texts).status_code == 200
        shown = owner.get(f"{ONE}?full_client=1").json
        assert shown["source_type"] == texts["source_type"]
        app.extensions["journal_writer"].write()
        with app.app_context():
            close_connections()
    finally:
        stored.rows(f"DROP DATABASE {name} WITH (FORCE)")


def test_connections_above_the_pool_size_are_closed(stored: Stored) -> None:
    def count() -> int:
        select = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        return len(stored.rows(f"{select} AND pid <> pg_backend_pid()"))

    with open_app(stored.path, POOL_SIZE="2") as app, app.app_context():
        close_connections()
        opened = [db.engine.connect() for _ in range(15)]
        assert count() == 15
        for connection in opened:
            connection.close()
        deadline = time.monotonic() + 5
        while count() != 2:
            assert time.monotonic() < deadline


def test_health_names_the_database(app: Flask) -> None:
    with app.app_context():
        assert db.engine.name == "postgresql"
    response: Any = app.test_client().get("/__admin/health")
    assert response.json["database"] == "postgresql"
