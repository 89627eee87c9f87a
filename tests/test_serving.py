"""Starting the server as people do, its settings, and the commands beside it."""

import json
import re
import runpy
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from gevent import monkey

from app import create_app
from database.column_types import UTCDateTime
from database.connections import Base, close_connections, db
from demo.seeding import TOKENS
from support.apps import open_app
from support.callers import Caller
from support.commands import run
from support.constants import (
    ARCHIVED,
    ASSIGNED,
    COLLEAGUES,
    CYCLE,
    CYCLE_BACK,
    DUE_TODAY,
    FOLLOWED,
    MERGED,
    MERGED_TWICE,
    NEIGHBOURS,
    NOW,
    OVERDUE,
    ROOT,
    SHARED,
    TRASH,
    UID,
)
from support.databases import ENGINE
from support.servers import Server
from support.stored import Stored


def test_gunicorn_alone_says_what_to_do_and_stops_cleanly(tmp_path: Path) -> None:
    server = Server(tmp_path / "conversations.db")
    for token in TOKENS:
        assert token in server.output
    assert server.url in server.output
    output = server.stop(signal.SIGINT)
    assert server.process.returncode == 0
    assert "Traceback" not in output


def test_gunicorn_prints_a_line_that_works(server: Server) -> None:
    [fields] = re.findall(r"-d '(.*)'", server.output)
    [uid] = re.findall(r"conversations/(\w+)", server.output)
    assert server.put("demo-owner", uid, json.loads(fields)) == 200
    log = server.stop()
    assert re.search(rf" PUT /v2/conversations/{uid} 200 \d+\.\d ms sandbox=default ", log)


def test_connections_that_send_nothing_keep_nobody_waiting(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="1")
    with ExitStack() as opened:
        for _ in range(3):
            address = ("127.0.0.1", server.port)
            opened.enter_context(closing(socket.create_connection(address)))
        assert server.put("demo-owner", UID, {}) == 200
    server.stop()


@pytest.fixture
def read_settings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that reads gunicorn's settings with an environment."""

    monkeypatch.setattr(monkey, "patch_all", lambda: None)  # or this process would be patched

    def read(**environ: str) -> dict[str, Any]:
        for name in ("HOST", "PORT", "WEB_CONCURRENCY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "gunicorn.conf.py"))

    return read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("WEB_CONCURRENCY", "0"),
    ],
)
def test_gunicorn_says_what_is_wrong_with_a_setting(
    read_settings: Callable[..., dict[str, Any]], name: str, value: str
) -> None:
    with pytest.raises(SystemExit, match=f"^{name} must be a number .*, not '{value}'.$"):
        read_settings(**{name: value})


@pytest.mark.parametrize(
    ("environ", "bind", "workers"),
    [
        ({}, "127.0.0.1:8000", 2),
        ({"HOST": "0.0.0.0", "PORT": "9000"}, "0.0.0.0:9000", 2),
        ({"HOST": "::1"}, "[::1]:8000", 2),
        ({"WEB_CONCURRENCY": "3"}, "127.0.0.1:8000", 3),
    ],
)
def test_gunicorn_takes_its_settings_from_the_environment(
    read_settings: Callable[..., dict[str, Any]], environ: dict[str, str], bind: str, workers: int
) -> None:
    settings = read_settings(**environ)
    assert (settings["bind"], settings["workers"]) == (bind, workers)


def test_gunicorn_reads_its_settings_alone() -> None:
    result = run("gunicorn", "--print-config", HOST="0.0.0.0", WEB_CONCURRENCY="3")
    settings = re.sub(r" +", " ", result.stdout).splitlines()
    assert {"bind = ['0.0.0.0:8000']", "workers = 3"} <= set(settings)
    result = run("gunicorn", "--check-config", PORT="http")
    assert result.returncode != 0
    assert result.stderr == "PORT must be a number from 1 to 65535, not 'http'.\n"
    assert "Traceback" not in result.stderr


def test_gunicorn_says_why_it_has_no_database(tmp_path: Path) -> None:
    urls = {
        f"sqlite:///{tmp_path}/missing/conversations.db": "unable to open database file.",
        "garbage": "It has to be a URL that begins with sqlite:///",
        "nothing://x": "It has to be a URL that begins with sqlite:///",
        f"sqlite:///{ROOT}/README.md": "",
    }
    with ThreadPoolExecutor() as pool:
        results = pool.map(lambda url: run("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=url), urls)
    for reason, result in zip(urls.values(), results, strict=True):
        assert result.returncode == 1
        assert re.search(f"(can't be used:|DATABASE_URI is wrong.) {reason}", result.stderr)
        assert "Traceback" not in result.stderr


def test_a_database_of_another_version_needs_a_reset(stored: Stored) -> None:
    stored.rows("ALTER TABLE client RENAME COLUMN phone TO telephone")
    before = stored.everything()
    url = ENGINE.url(stored.path)
    start = run("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=url)
    dump = run("flask", "--app", "app", "dump", FLASK_SQLALCHEMY_DATABASE_URI=url)
    for refused in (start, dump):
        assert refused.returncode == 1
        assert "made by another version of this server" in refused.stderr
        assert "client differ (phone, telephone)" in refused.stderr
        assert "'.venv/bin/flask --app app load instance/dumped'" in refused.stderr
        assert refused.stderr.count("another version") == 1
        assert "Traceback" not in refused.stderr
    assert stored.everything() == before
    reset = run("flask", "--app", "app", "reset", FLASK_SQLALCHEMY_DATABASE_URI=url)
    assert reset.returncode == 0
    assert reset.stdout == describe(stored.path)
    assert reset.stderr == ""


def describe(database: Path) -> str:
    """Return what a reset prints."""
    return f"The database {ENGINE.url(database)} is as at the first start.\n"


def test_reset_returns_to_exactly_the_demo_data(app: Flask, stored: Stored) -> None:
    pristine = content(stored)
    stored.rows("UPDATE conversation SET title = 'x', archived = true")
    stored.rows("DELETE FROM collaborator")
    stored.rows("DELETE FROM message WHERE id > 3")
    result = app.test_cli_runner().invoke(args=["reset"])
    assert result.output == describe(stored.path)
    assert content(stored) == pristine
    assert stored.row("SELECT frozen_at FROM sandbox") == {"frozen_at": None}


COUNTERS = ("generation", "revision")  # random, and begun with the time of creation


def content(stored: Stored) -> dict[str, list[dict[str, Any]]]:
    """Return all rows, but for their times, and with ids that count from 0.

    Times count back from the moment of seeding, and an id is never used again.
    """
    tables = Base.metadata.sorted_tables
    keys = {table: [column.name for column in table.primary_key] for table in tables}
    rows = {
        table: stored.rows(f"SELECT * FROM {table} ORDER BY {', '.join(keys[table])}")
        for table in tables
    }
    numbers = {
        table: {row["id"]: number for number, row in enumerate(rows[table])}
        for table in tables
        if keys[table] == ["id"]
    }
    for table in tables:
        times = [column.name for column in table.columns if isinstance(column.type, UTCDateTime)]
        times += [name for name in COUNTERS if name in table.columns]
        for row in rows[table]:
            row |= {name: row[name] is not None for name in times if name != "frozen_at"}
            row |= {
                key.parent.name: numbers[key.column.table].get(row[key.parent.name])
                for key in table.foreign_keys
            }
            row.pop("id", None)
            row.pop("frozen_at", None)
    return {table.name: rows[table] for table in tables}


def test_a_start_seeds_empty_tables(stored: Stored) -> None:
    pristine = content(stored)
    for table in reversed(Base.metadata.sorted_tables):
        stored.rows(f"DELETE FROM {table}")
    with open_app(stored.path):
        assert content(stored) == pristine


def test_the_demo_data_is_what_the_contract_lists(stored: Stored) -> None:
    shown = {
        row["uid"]: row
        for row in stored.rows(
            """SELECT conversation.*, full_name, target.uid AS target FROM conversation
               JOIN staff ON staff.id = conversation.staff_id
               LEFT JOIN conversation target ON target.id = conversation.merged_into_id"""
        )
    }
    assert len(shown) == 34
    assert shown[UID]["business_unread"] == shown[UID]["sent"] == shown[UID]["received"] == 1
    assert shown[ARCHIVED]["archived"] == 1
    assert shown["spam000000000001"]["spam"] == 1
    assert shown[TRASH]["deleted_at"] is not None
    assert shown[ASSIGNED]["full_name"] == "Tom Peretz"
    assert shown[SHARED]["full_name"] == "Ram Almog"
    assert shown["matter0000000001"]["matter_uid"] is not None
    assert shown[NEIGHBOURS]["business_id"] != shown[UID]["business_id"]
    assert {uid: row["target"] for uid, row in shown.items() if row["target"]} == {
        MERGED: UID,
        MERGED_TWICE: MERGED,
        CYCLE: CYCLE_BACK,
        CYCLE_BACK: CYCLE,
    }
    follow_up = stored.collaborator(FOLLOWED)
    assert follow_up["follow_up_state"] == "active"
    assert follow_up["follow_up_date"] > f"{NOW:%Y-%m-%d %H:%M:%S}"
    assert follow_up["follow_up_message"]
    follow_up = stored.collaborator(COLLEAGUES, "Noa Levi")
    assert (follow_up["follow_up_state"], follow_up["follow_up_date"]) == ("active", None)
    assert stored.collaborator(COLLEAGUES) is None
    assert stored.collaborator(SHARED, "Tom Peretz")["follow_up_state"] == "none"
    for uid in (OVERDUE, DUE_TODAY):
        assert stored.collaborator(uid)["follow_up_state"] == "active"
    assert "2026-05-04 00:00" < stored.collaborator(OVERDUE)["follow_up_date"] < "2026-05-04 21:00"
    assert stored.collaborator(OVERDUE)["follow_up_message"]
    assert stored.collaborator(DUE_TODAY)["follow_up_date"] == "2026-05-05 09:30:00.000000"
    assert stored.collaborator(DUE_TODAY)["follow_up_message"] == ""


@pytest.mark.parametrize(
    ("uid", "text"),
    [
        (FOLLOWED, "Reminder set for tomorrow at 10:30 AM"),
        (OVERDUE, "Reminder was due yesterday at 10:30 AM"),
        (DUE_TODAY, "Reminder set for today at 12:30 PM"),
    ],
)
def test_the_demo_has_a_follow_up_of_each_kind(owner: Caller, uid: str, text: str) -> None:
    shown = owner.get(f"/v2/conversations/{uid}").json
    assert (shown["follow_up"], shown["follow_up_text"]) == (True, text)


class TestSettings:
    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the application find its instance folder in a temporary one."""
        monkeypatch.setattr(Flask, "auto_find_instance_path", lambda _app: str(tmp_path))
        monkeypatch.delenv("FLASK_SQLALCHEMY_DATABASE_URI", raising=False)

    def database(self) -> str | None:
        app = create_app()
        with app.app_context():
            path = db.engine.url.database
            close_connections()
        return path

    def test_the_database_is_in_the_instance_folder(self, tmp_path: Path) -> None:
        assert self.database() == str(tmp_path / "conversations.db")
        assert (tmp_path / "conversations.db").exists()

    def test_a_file_in_the_instance_folder_wins_over_the_default(self, tmp_path: Path) -> None:
        (tmp_path / "config.py").write_text("SQLALCHEMY_DATABASE_URI = 'sqlite:///file.db'")
        assert self.database() == str(tmp_path / "file.db")

    def test_the_environment_wins_over_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config.py").write_text("SQLALCHEMY_DATABASE_URI = 'sqlite:///file.db'")
        monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", "sqlite:///environment.db")
        assert self.database() == str(tmp_path / "environment.db")


@pytest.mark.parametrize("command", ["dump", "reset"])
def test_a_command_says_why_it_has_no_database(tmp_path: Path, command: str) -> None:
    database = f"sqlite:///{tmp_path}/missing/conversations.db"
    result = run("flask", "--app", "app", command, FLASK_SQLALCHEMY_DATABASE_URI=database)
    assert result.returncode == 1
    assert "unable to open database file." in result.stderr
    assert "Traceback" not in result.stderr
