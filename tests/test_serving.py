"""Starting the server as people do, its settings, the demo data, and a reset."""

import gc
import json
import re
import runpy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from gevent import monkey

from app import create_app
from database.column_types import UTCDateTime
from database.connections import Base, close_connections, db
from demo.seeding import TOKENS
from support.apps import open_app, succeed
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
    OVERDUE,
    ROOT,
    SHARED,
    TRASH,
    UID,
)
from support.databases import ENGINE
from support.servers import Server
from support.stored import Stored

Settings = Callable[..., dict[str, Any]]


def test_gunicorn_prints_instructions_and_stops_cleanly(server: Server) -> None:
    assert {server.url, *TOKENS} <= {*re.findall(r"http://[\d.:]+|demo-\w+", server.output)}
    [fields] = re.findall(r"-d '(.*)'", server.output)
    [uid] = re.findall(r"conversations/(\w+)", server.output)
    assert server.put("demo-owner", uid, json.loads(fields)) == 200
    log = server.stop(signal.SIGINT)
    assert re.search(rf" PUT /v2/conversations/{uid} 200 \d+\.\d ms sandbox=default ", log)
    assert server.process.returncode == 0 and "Traceback" not in log


@pytest.fixture
def read_settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return a function that reads gunicorn's settings with an environment."""
    for module, name in ((monkey, "patch_all"), (gc, "disable")):  # of this process
        monkeypatch.setattr(module, name, lambda: None)

    def read(**environ: str) -> dict[str, Any]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "gunicorn.conf.py"))

    return read


@pytest.mark.parametrize(
    ("name", "value"),
    [*(("PORT", value) for value in ("http", "0", "65536", "-1")), ("WEB_CONCURRENCY", "0")],
)
def test_gunicorn_reports_invalid_settings(read_settings: Settings, name: str, value: str) -> None:
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
def test_gunicorn_reads_settings_from_the_environment(
    read_settings: Settings, environ: dict[str, str], bind: str, workers: int
) -> None:
    settings = read_settings(**environ)
    assert (settings["bind"], settings["workers"]) == (bind, workers)


def test_gunicorn_prints_and_checks_its_config() -> None:
    result = run("gunicorn", "--print-config", HOST="0.0.0.0", WEB_CONCURRENCY="3")
    settings = re.sub(r" +", " ", result.stdout).splitlines()
    assert {"bind = ['0.0.0.0:8000']", "workers = 3"} <= set(settings)
    result = run("gunicorn", "--check-config", PORT="http")
    assert result.returncode != 0
    assert result.stderr == "PORT must be a number from 1 to 65535, not 'http'.\n"


def test_database_of_another_version_needs_a_reset(stored: Stored) -> None:
    stored.rows("ALTER TABLE client RENAME COLUMN phone TO telephone")
    url = {"FLASK_SQLALCHEMY_DATABASE_URI": ENGINE.url(stored.path)}
    with stored.unchanged():
        for command in (("gunicorn",), ("flask", "--app", "app", "dump")):
            refused = run(*command, **url)
            assert refused.returncode == 1
            assert "created by another version of this server" in refused.stderr
            assert "client differ (phone, telephone)" in refused.stderr
            assert "'.venv/bin/flask --app app load instance/dumped'" in refused.stderr
            assert refused.stderr.count("another version") == 1
            assert "Traceback" not in refused.stderr
    reset = run("flask", "--app", "app", "reset", **url)
    assert (reset.returncode, reset.stdout, reset.stderr) == (0, describe(stored), "")


def describe(stored: Stored) -> str:
    """Return what a reset prints."""
    return f"Reset all data of {ENGINE.url(stored.path)}.\n"


def test_reset_and_start_seed_the_demo_data(app: Flask, stored: Stored) -> None:
    pristine = content(stored)
    stored.rows("UPDATE conversation SET title = 'x', archived = true")
    stored.rows("DELETE FROM collaborator")
    stored.rows("DELETE FROM message WHERE id > 3")
    assert succeed(app, "reset") == describe(stored)
    assert content(stored) == pristine
    assert stored.row("SELECT frozen_at FROM sandbox") == {"frozen_at": None}
    for table in reversed(Base.metadata.sorted_tables):
        stored.rows(f"DELETE FROM {table}")
    with open_app(stored.path):
        assert content(stored) == pristine


COUNTERS = ("generation", "revision")  # random, and begun with the time of creation


def content(stored: Stored) -> dict[str, list[dict[str, Any]]]:
    """Return all rows, except their times, and with ids that count from 0.

    Times count back from the moment of seeding, and an id is never used again.
    """
    numbers: dict[sa.Table, dict[Any, int]] = {}
    found = {}
    for table in Base.metadata.sorted_tables:
        keys = ", ".join(column.name for column in table.primary_key)
        rows = found[table.name] = stored.rows(f"SELECT * FROM {table} ORDER BY {keys}")
        numbers[table] = {row.get("id"): number for number, row in enumerate(rows)}
        times = [column.name for column in table.columns if isinstance(column.type, UTCDateTime)]
        times += [name for name in COUNTERS if name in table.columns]
        for row in rows:
            row |= {name: row[name] is not None for name in times}
            for key in table.foreign_keys:
                row[key.parent.name] = numbers[key.column.table].get(row[key.parent.name])
            row.pop("id", None)
            row.pop("frozen_at", None)
    return found


def test_demo_data_matches_the_contract(stored: Stored) -> None:
    rows = stored.rows(
        """SELECT conversation.*, full_name, target.uid AS target FROM conversation
           JOIN staff ON staff.id = conversation.staff_id
           LEFT JOIN conversation target ON target.id = conversation.merged_into_id"""
    )
    shown = {row["uid"]: row for row in rows}
    assert len(shown) == 34
    assert shown[UID]["business_unread"] == shown[UID]["sent"] == shown[UID]["received"] == 1
    assert shown[ARCHIVED]["archived"] == shown["spam000000000001"]["spam"] == 1
    assert shown[TRASH]["deleted_at"] and shown["matter0000000001"]["matter_uid"]
    assert shown[ASSIGNED]["full_name"] == "Tom Peretz"
    assert shown[SHARED]["full_name"] == "Ram Almog"
    assert shown[NEIGHBOURS]["business_id"] != shown[UID]["business_id"]
    targets = {MERGED: UID, MERGED_TWICE: MERGED, CYCLE: CYCLE_BACK, CYCLE_BACK: CYCLE}
    assert {uid: row["target"] for uid, row in shown.items() if row["target"]} == targets
    assert stored.collaborator(COLLEAGUES) is None
    follow_up = stored.collaborator(COLLEAGUES, "Noa Levi")
    assert (follow_up["follow_up_state"], follow_up["follow_up_date"]) == ("active", None)
    assert stored.collaborator(SHARED, "Tom Peretz")["follow_up_state"] == "none"
    messages = [bool(stored.collaborator(uid)["follow_up_message"]) for uid in FOLLOW_UPS]
    assert messages == [True, True, False]


FOLLOW_UPS = {
    FOLLOWED: "Reminder set for tomorrow at 10:30 AM",
    OVERDUE: "Reminder was due yesterday at 10:30 AM",
    DUE_TODAY: "Reminder set for today at 12:30 PM",
}


def test_demo_data_has_each_kind_of_follow_up(owner: Caller) -> None:
    for uid, text in FOLLOW_UPS.items():
        shown = owner.get(f"/v2/conversations/{uid}").json
        assert (shown["follow_up"], shown["follow_up_text"]) == (True, text)


def test_database_is_in_the_instance_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment wins over the file, and the file over the default."""

    def find_database() -> str | None:
        app = create_app()
        with app.app_context():
            path = db.engine.url.database
            close_connections()
        return path

    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda _app: str(tmp_path))
    assert find_database() == str(tmp_path / "conversations.db")
    assert (tmp_path / "conversations.db").exists()
    (tmp_path / "config.py").write_text("SQLALCHEMY_DATABASE_URI = 'sqlite:///file.db'")
    assert find_database() == str(tmp_path / "file.db")
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", "sqlite:///environment.db")
    assert find_database() == str(tmp_path / "environment.db")
