"""While the database can't be used, requests get 503 and store nothing; then all is well again."""

import os
import re
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from database.connections import close_connections
from support.callers import Caller
from support.constants import UID
from support.databases import ENGINE, SQLite
from support.servers import Server
from support.stored import Stored

if not isinstance(ENGINE, SQLite):
    pytest.skip("these are the failures of a file", allow_module_level=True)

UNAVAILABLE = {
    "code": "unavailable",
    "message": "The database can't be used now; nothing was stored. The server's log says why.",
}


def check_unavailable(response: Any, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Fail unless a response is the 503, and the log has one line with the reason."""
    assert response.status_code == 503
    assert response.json == {"success": False, "errors": [UNAVAILABLE]}
    assert response.headers["Retry-After"] == "1"
    [line] = caplog.text.splitlines()
    assert re.search(rf" 503 \d+\.\d ms .*code=unavailable reason={reason}", line), line
    caplog.clear()


def test_a_deleted_file_is_not_made_again(
    owner: Caller, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    assert owner.put(UID, campaign="before").status_code == 200
    caplog.clear()
    elsewhere = stored.path.with_name("elsewhere.db")
    stored.path.rename(elsewhere)
    for response in (owner.get(f"/v2/conversations/{UID}"), owner.put(UID, campaign="lost")):
        assert response.status_code == 503
    assert not stored.path.exists()
    caplog.clear()
    check_unavailable(owner.put(UID, archived=True), caplog, "unable to open database file")
    elsewhere.rename(stored.path)
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200
    assert stored.conversation(UID)["campaign"] == "before"


def test_a_file_that_was_replaced_is_used(owner: Caller, stored: Stored) -> None:
    assert owner.put(UID, campaign="before").status_code == 200
    copy = stored.path.with_name("copy.db")
    stored.rows(f"VACUUM INTO '{copy}'")
    assert owner.put(UID, campaign="after the copy").status_code == 200
    for name in ("", "-wal", "-shm"):
        stored.path.with_name(stored.path.name + name).unlink(missing_ok=True)
    copy.rename(stored.path)
    assert owner.put(UID, source_type="now").status_code == 200
    row = stored.conversation(UID)
    assert (row["campaign"], row["source_type"]) == ("before", "now")


def test_nothing_is_written_into_a_log_that_was_removed(
    app: Flask, owner: Caller, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    """What was written before is in the file once the server has stopped."""
    assert owner.put(UID, campaign="before").status_code == 200
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200
    caplog.clear()
    stored.path.with_name(stored.path.name + "-wal").unlink()
    removed = ".*-wal was removed; restart the server"
    check_unavailable(owner.put(UID, campaign="lost"), caplog, removed)
    check_unavailable(owner.get(f"/v2/conversations/{UID}"), caplog, removed)
    with app.app_context():
        close_connections()
    assert stored.conversation(UID)["campaign"] == "before"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no such table: "), (b"x" * 8192, "file is not a database")],
    ids=["empty", "garbage"],
)
def test_a_file_of_something_else_is_left_alone(
    app: Flask,
    owner: Caller,
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
    reason: str,
) -> None:
    with app.app_context():
        close_connections()
    stored.path.write_bytes(content)
    check_unavailable(owner.get("/v2/conversations"), caplog, reason)
    check_unavailable(owner.put(UID, archived=True), caplog, reason)
    assert stored.path.read_bytes() == content


def test_missing_tables_are_the_database_s_fault(
    owner: Caller, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    stored.rows("DROP TABLE message")
    check_unavailable(owner.get(f"/v2/conversations/{UID}"), caplog, "no such table: message")


def test_other_errors_than_a_lock_are_not_waited_for(
    owner: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("database.sqlite.begin", fail)
    check_unavailable(owner.put(UID, archived=True), caplog, "disk I/O error")
    monkeypatch.undo()
    assert owner.put(UID, archived=True).status_code == 200


@contextmanager
def no_more_written(server: Server) -> Iterator[None]:
    """Let the processes of a server write nothing more into files, as on a full disk."""
    command = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    workers: list[int] = []
    while len(workers) < 2:  # which may still be starting
        workers = [int(worker) for worker in command.read_text().split()]
    for worker in workers:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    for worker in workers:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, unlimited)


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
def test_a_full_disk_stores_nothing_and_stops_no_reader(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="2")
    assert server.put("demo-owner", UID, {"campaign": "before"}) == 200
    with no_more_written(server):
        before = stored.everything()
        for _ in range(4):
            assert server.put("demo-owner", UID, {"campaign": "x" * 200}) == 503
            assert server.get("demo-owner", f"/v2/conversations/{UID}") == 200
        assert stored.everything() == before
    assert server.put("demo-owner", UID, {"campaign": "after"}) == 200
    log = server.stop()
    assert "Traceback" not in log
    assert log.count("code=unavailable reason=disk I/O error") == 4
    stored.check_integrity()


def lock_for_reading(path: Path) -> sqlite3.Connection:
    """Let nobody else read a database that nobody has open."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("UPDATE conversation SET campaign = campaign")
    return connection


@pytest.fixture
def closed(app: Flask) -> Callable[[], None]:
    """Return a function that closes the app's connections."""

    def close() -> None:
        with app.app_context():
            close_connections()

    return close


def test_a_reader_waits_where_nobody_else_may_read(
    owner: Caller, stored: Stored, closed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.sqlite.READ_SECONDS", 0.05)
    closed()
    with closing(lock_for_reading(stored.path)):
        response = owner.get(f"/v2/conversations/{UID}")
    assert response.status_code == 503
    assert owner.get(f"/v2/conversations/{UID}").status_code == 200


def test_health_says_whether_the_database_works(
    app: Flask, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    health = app.test_client()
    expected = {"status": "ok", "version": app.config["VERSION"], "database": "sqlite"}
    assert health.get("/__admin/health").json == expected
    caplog.clear()
    stored.path.unlink()
    check_unavailable(health.get("/__admin/health"), caplog, "unable to open database file")


def test_health_does_not_wait_long(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin.routes.ANSWER_SECONDS", 0.01)
    monkeypatch.setattr("admin.routes.ask_database", lambda: time.sleep(0.5))
    response = app.test_client().get("/__admin/health")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "The database does not answer." in response.text
