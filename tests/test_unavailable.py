"""While the database can't be used, requests get 503 and store nothing; then all is well again."""

import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from database.connections import close_connections
from support.callers import Caller, check_error
from support.constants import ONE, UID
from support.databases import ENGINE, SQLite
from support.servers import Server
from support.stored import Stored

if not isinstance(ENGINE, SQLite):
    pytest.skip("these are the failures of a file", allow_module_level=True)

UNAVAILABLE = "The database is unavailable; nothing was stored. See the server's log."


def check_unavailable(response: Any, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Fail unless a response is the 503, and the last line of the log has the reason."""
    check_error(response, 503, "unavailable", None, UNAVAILABLE)
    assert response.headers["Retry-After"] == "1"
    line = caplog.messages[-1]
    assert re.search(rf" 503 \d+\.\d ms .*code=unavailable reason={reason}", line), line
    assert "Traceback" not in caplog.text


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
def no_more_written(server: Server) -> Iterator[None]:
    """Prevent the processes of a server from writing files, as on a full disk."""
    pid = server.process.pid
    workers: list[str] = []
    while len(workers) < 2:  # which may still be starting
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    try:
        for worker in workers:
            resource.prlimit(int(worker), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        yield
    finally:
        for worker in workers:
            resource.prlimit(int(worker), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_full_disk_stores_nothing_and_blocks_no_reader(server: Server, stored: Stored) -> None:
    assert server.put("demo-owner", UID, {"campaign": "before"}) == 200
    with no_more_written(server), stored.unchanged():
        for _ in range(4):
            assert server.put("demo-owner", UID, {"campaign": "x" * 200}) == 503
            assert server.get("demo-owner", ONE) == 200
    assert server.put("demo-owner", UID, {"campaign": "after"}) == 200
    log = server.stop()
    assert "Traceback" not in log
    assert log.count("code=unavailable reason=disk I/O error") == 4
    stored.check_integrity()


def test_health_responds_within_a_second(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin.routes.ANSWER_SECONDS", 0.01)
    monkeypatch.setattr("admin.routes.ask_database", lambda: time.sleep(0.5))
    response = app.test_client().get("/__admin/health")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "The database is not responding." in response.text
