"""SQLite's file, its lock, its plans and statements, and a file that can't be used."""

import re
import resource
import shutil
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app
from conversations.folders import FOLDER_LISTS
from conversations.messages import ALL_MESSAGES, RECENT_MESSAGES, MessageList
from database import connections, sqlite
from database.connections import (
    checkpoint,
    close_connections,
    db,
    get_connection,
    is_in_memory,
    is_locked,
    is_unavailable,
    release_connection,
)
from database.statements import Query
from demo.startup import init_database
from support.apps import Caller, check_error, fail, open_app, record_statements
from support.constants import NOW, ONE, UID
from support.stored import Stored
from support.threads import Clock

TABLE_WRITTEN = re.compile(r"(?:UPDATE|INSERT INTO) \w+")
LOCKED = "database is locked"
UNAVAILABLE = "The database is unavailable; nothing was stored. See the server's log."


def check_unavailable(
    response: Any, caplog: pytest.LogCaptureFixture, reason: str, message: str = UNAVAILABLE
) -> None:
    """Fail unless a response is the 503, and the last line of the log has the reason."""
    check_error(response, 503, "unavailable", None, message)
    assert response.headers["Retry-After"] == "1"
    line = caplog.messages[-1]
    assert re.search(rf" 503 \d+\.\d ms .*code=unavailable reason={reason}", line), line
    assert "Traceback" not in caplog.text


def with_code(error: sqlite3.Error, code: int) -> sqlite3.Error:
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "unavailable", "locked"),
    [
        (with_code(sqlite3.OperationalError(), sqlite3.SQLITE_BUSY_SNAPSHOT), True, True),
        (with_code(sqlite3.OperationalError('near "SELEKT": syntax error'), 1), False, False),
        (sqlite3.IntegrityError("UNIQUE constraint failed: client.uid"), False, False),
        (sqlite3.ProgrammingError("Incorrect number of bindings supplied"), False, False),
        (ValueError("wrong"), False, False),
    ],
)
def test_file_errors_are_distinguished_from_statement_errors(
    app: Flask, error: Exception, unavailable: bool, locked: bool
) -> None:
    with app.app_context():
        for each in (error, sa.exc.DBAPIError("", None, error)):
            assert is_unavailable(each) is unavailable
            assert is_locked(each) is locked


@pytest.mark.parametrize(
    ("url", "in_memory"),
    [
        ("sqlite://", True),
        ("sqlite:///:memory:", True),
        ("sqlite:///file:inbox?mode=memory&cache=shared&uri=true", True),
        ("sqlite:///inbox.db", False),
        ("sqlite:///file:inbox.db?uri=true", False),
    ],
)
def test_in_memory_database_is_detected_by_its_url(url: str, in_memory: bool) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": url}, prepare=False)
    with app.app_context():
        assert is_in_memory() is in_memory


def test_in_memory_database_shares_one_connection() -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://", "JOURNAL": 0})
    owner = Caller(app, "demo-owner")
    for _ in range(2):
        assert owner.put(UID, archived=True).status_code == 200
    assert owner.get(ONE).json["archived"] is True
    with app.app_context(), ThreadPoolExecutor(1) as pool:
        get_connection()
        response = pool.submit(owner.get, ONE)
        with pytest.raises(TimeoutError):
            response.result(timeout=0.1)
        release_connection()
        assert response.result(timeout=10).status_code == 200
        close_connections()


def test_replaced_file_is_reopened(owner: Caller, stored: Stored, seeded_database: Path) -> None:
    for _ in range(2):
        assert owner.put(UID, archived=True).status_code == 200
        for suffix in ("", "-wal", "-shm"):
            stored.path.with_name(stored.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(seeded_database, stored.path)
        assert owner.put(UID, campaign="x").json["archived"] is False


def test_connection_is_configured_and_reused(app: Flask, owner: Caller) -> None:
    opened: list[sqlite3.Connection] = []
    app.config["JOURNAL"] = 0  # its thread has a connection of its own
    with app.app_context():
        close_connections()
        sa.event.listen(db.engine, "connect", lambda driver, _: opened.append(driver))
        for pragma, value in (("synchronous", 1), ("foreign_keys", 1), ("journal_mode", "wal")):
            assert get_connection().exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    for _ in range(3):
        assert owner.put(UID, archived=True).status_code == 200
        assert owner.get(ONE).status_code == 200
    assert len(opened) == 1


def test_checkpoint_moves_all_changes_into_the_file(
    app: Flask, owner: Caller, stored: Stored, tmp_path: Path
) -> None:
    app.config["JOURNAL"] = 0  # its thread may use a connection while all are closed
    with closing(sqlite3.connect(stored.path)) as connection:  # or SQLite would do it on its own
        connection.execute("SELECT * FROM client").fetchall()
        assert owner.put(UID, campaign="spring").status_code == 200
        with app.app_context():
            checkpoint()
        shutil.copy(stored.path, tmp_path / "copy.db")
    assert Stored(tmp_path / "copy.db").conversation(UID)["campaign"] == "spring"


def test_file_with_special_characters_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20d é.db"
    url = sa.URL.create("sqlite", database=str(path))
    with open_app(path, SQLALCHEMY_DATABASE_URI=url) as app:
        assert Caller(app, "demo-owner").get(ONE).status_code == 200
    assert {file.name for file in tmp_path.iterdir()} == {path.name}


@pytest.mark.parametrize("begin", ["BEGIN EXCLUSIVE", "PRAGMA journal_mode = wal; BEGIN IMMEDIATE"])
def test_first_starts_wait_and_create_one_database(tmp_path: Path, begin: str) -> None:
    """They wait to read the file, or for the lock after they saw no tables."""
    path = tmp_path / "conversations.db"
    config = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{path}"}
    apps = [create_app(config, prepare=False) for _ in range(4)]  # not all Pythons can in threads

    def start(app: Flask) -> None:
        with app.app_context():
            init_database()
            close_connections()

    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        ThreadPoolExecutor(4) as pool,
    ):
        connection.executescript(begin)
        starts = [pool.submit(start, app) for app in apps]
        with pytest.raises(TimeoutError):
            starts[0].result(timeout=0.5)
        connection.execute("ROLLBACK")
        for each in starts:
            each.result(timeout=10)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM business").fetchone() == (2,)


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
def test_write_runs_the_fewest_statements(
    app: Flask, owner: Caller, fields: dict[str, bool], written: list[str]
) -> None:
    statements = record_statements(app)
    assert owner.put(UID, fields).status_code == 200
    token, begin, token_again, conversation, *writes = statements
    assert begin == "BEGIN IMMEDIATE"
    assert "access_token" in token and token.startswith("SELECT")
    assert token_again == token  # under the lock
    assert conversation.startswith("WITH RECURSIVE")
    assert sorted(TABLE_WRITTEN.match(write)[0] for write in writes) == written  # type: ignore[index]


# How a list is read: by this index alone up to its page. Only the caller's follow-ups are sorted.
LIST_INDEXES = {
    "inbox": "conversation_inbox",
    "follow_up": "collaborator_follow_up",
    "sent": "conversation_order",
    "archived": "conversation_archived",
    "attention": "conversation_inbox",
    "trash": "conversation_trash",
    "all": "conversation_order",
}


def explain(query: Query, values: dict[str, Any]) -> list[str]:
    """Return the steps by which SQLite finds the rows of a page, before it joins others to them."""
    connection = get_connection()
    compiled = query.compile(connection.dialect)
    plan = connection.exec_driver_sql(
        f"EXPLAIN QUERY PLAN {compiled.sql}", tuple(compiled.bind(values))
    )
    rows = [(row.id, row.parent, row.detail) for row in plan]
    pages = [id for id, _, detail in rows if detail.startswith("LIST SUBQUERY")]
    return [detail for _, parent, detail in rows if parent == (pages or [0])[0]]


@pytest.mark.parametrize("page", ["first_page", "later_page"])
@pytest.mark.parametrize("folder", FOLDER_LISTS)
def test_each_list_uses_an_index(app: Flask, folder: str, page: str) -> None:
    values = {"business_id": 1, "staff_id": 1, "sees_all": True, "limit": 25, "offset": 0}
    with app.app_context():
        first, *others = explain(getattr(FOLDER_LISTS[folder], page), values)
    assert f" INDEX {LIST_INDEXES[folder]} " in first
    assert ("USE TEMP B-TREE FOR ORDER BY" in others) == (folder == "follow_up")


@pytest.mark.parametrize("messages", [ALL_MESSAGES, RECENT_MESSAGES], ids=["all", "recent"])
def test_messages_use_an_index(app: Flask, messages: MessageList) -> None:
    values = {"conversation_id": 1, "since": NOW, "limit": 20, "offset": 0}
    with app.app_context():
        assert explain(messages.page, values) == [
            "SEARCH message USING COVERING INDEX message_order (conversation_id=?)"
        ]


@pytest.fixture
def clock(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    app.config["JOURNAL"] = 0  # its thread would move this clock
    monkeypatch.setattr(connections, "monotonic", clock.monotonic)
    monkeypatch.setattr(sqlite, "time", clock)
    monkeypatch.setattr(sqlite, "POLL_INTERVAL", 0.25)
    return clock


@pytest.fixture
def holder(app: Flask, stored: Stored) -> Iterator[sqlite3.Connection]:
    """Lock the full file, as a repair does, so that others can't even read."""
    with app.app_context():
        close_connections()
    with closing(sqlite3.connect(stored.path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA locking_mode = EXCLUSIVE; UPDATE client SET phone = phone")
        yield connection


def test_reader_waits_five_seconds_for_a_locked_file(
    owner: Caller, clock: Clock, holder: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    check_unavailable(owner.get(ONE), caplog, LOCKED, "The database timed out. Try again.")
    assert clock.now == 1000 + 5
    clock.alarm = (clock.now + 4.75, holder.close)
    assert owner.get(ONE).status_code == 200
    assert clock.now == 1000 + 5 + 4.75


def test_commands_report_a_locked_file(
    app: Flask, clock: Clock, holder: object, tmp_path: Path
) -> None:
    assert "database is locked. Nothing was changed." in fail(app, "reset")
    assert "can't be used: database is locked." in fail(app, "backup", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("seconds", [None, 0.5])
def test_lock_timeout_stores_nothing_and_blocks_no_reader(
    owner: Caller, stored: Stored, clock: Clock, monkeypatch: Any, caplog: Any, seconds: Any
) -> None:
    if seconds:
        monkeypatch.setattr(connections, "WRITE_TIMEOUT", seconds)
    message = "Timed out waiting for the database; nothing was stored. Try again."
    with stored.unchanged(), stored.locked():
        check_unavailable(owner.put(UID, archived=True), caplog, LOCKED, message)
        assert owner.get(ONE).status_code == 200
    assert clock.now == 1000 + (seconds or 5)
    assert owner.put(UID, archived=True).status_code == 200


def test_other_errors_on_begin_are_raised_immediately(
    app: Flask, owner: Caller, stored: Stored, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def make_readonly(driver: sqlite3.Connection, _record: object) -> None:
        driver.execute("PRAGMA query_only = ON")

    statements = record_statements(app)
    with app.app_context():
        sa.event.listen(db.engine, "connect", make_readonly)
    with stored.unchanged():
        response = owner.put(UID, archived=True)
    check_unavailable(response, caplog, "attempt to write a readonly database")
    assert statements.count("BEGIN IMMEDIATE") == 1
    assert clock.now == 1000  # no wait


# The file is lost, foreign or full


def test_deleted_file_gets_503_and_is_not_recreated(
    app: Flask, owner: Caller, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    health = app.test_client()
    expected = {"status": "ok", "version": app.config["VERSION"], "database": "sqlite"}
    assert health.get("/__admin/health").json == expected
    assert owner.put(UID, campaign="before").status_code == 200
    elsewhere = stored.path.with_name("elsewhere.db")
    stored.path.rename(elsewhere)
    for _ in range(2):
        check_unavailable(owner.get(ONE), caplog, "unable to open database file")
        check_unavailable(owner.put(UID, archived=True), caplog, "unable to open database file")
        check_unavailable(health.get("/__admin/health"), caplog, "unable to open database file")
    assert not stored.path.exists()
    elsewhere.rename(stored.path)
    assert owner.get(ONE).status_code == 200
    assert stored.conversation(UID)["campaign"] == "before"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no such table: "), (b"x" * 8192, "file is not a database")],
    ids=["empty", "garbage"],
)
def test_foreign_file_is_unchanged(
    app: Flask, owner: Caller, stored: Stored, caplog: Any, content: bytes, reason: str
) -> None:
    with app.app_context():
        close_connections()
    stored.path.write_bytes(content)
    check_unavailable(owner.get("/v2/conversations"), caplog, reason)
    check_unavailable(owner.put(UID, archived=True), caplog, reason)
    assert stored.path.read_bytes() == content


@contextmanager
def no_more_written() -> Iterator[None]:
    """Prevent this process from writing files, as on a full disk."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_full_disk_stores_nothing_and_blocks_no_reader(
    owner: Caller, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    assert owner.put(UID, campaign="before").status_code == 200
    with stored.unchanged(), no_more_written():
        for _ in range(4):
            response = owner.put(UID, campaign="x" * 200)
            check_unavailable(response, caplog, "disk I/O error")
            assert owner.get(ONE).status_code == 200
    assert owner.put(UID, campaign="after").status_code == 200
    stored.check_integrity()


def test_health_responds_within_a_second(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin.routes.ANSWER_SECONDS", 0.01)
    monkeypatch.setattr("admin.routes.ask_database", lambda: time.sleep(0.5))
    response = app.test_client().get("/__admin/health")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "The database is not responding." in response.text
