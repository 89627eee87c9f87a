"""Starting the server as people do, its settings, the demo data, and a reset."""

import json
import re
import runpy
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from gevent import monkey

from app import create_app
from database.connections import Base, close_connections, db
from demo.seeding import TOKENS
from support.apps import open_app, succeed
from support.callers import Caller
from support.commands import run
from support.constants import NOW, ROOT
from support.databases import ENGINE
from support.differences import check_same
from support.servers import Server
from support.states import NOA, RAM
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
    monkeypatch.setattr(monkey, "patch_all", lambda: None)  # or this process would be patched

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


def test_gunicorn_rejects_a_database_of_another_version(stored: Stored) -> None:
    stored.rows("ALTER TABLE client RENAME COLUMN phone TO telephone")
    with stored.unchanged():
        refused = run("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=ENGINE.url(stored.path))
    assert refused.returncode == 1
    assert "created by another version of this server" in refused.stderr
    assert "client differ (phone, telephone)" in refused.stderr
    assert "'.venv/bin/flask --app app load instance/dumped'" in refused.stderr
    assert refused.stderr.count("another version") == 1
    assert "Traceback" not in refused.stderr


def test_reset_and_start_seed_the_demo_data(app: Flask, owner: Caller, stored: Stored) -> None:
    pristine = owner.get("/__admin/state").json["businesses"]
    stored.rows("UPDATE conversation SET title = 'x', archived = true")
    stored.rows("DELETE FROM collaborator")
    stored.rows("DELETE FROM message WHERE id > 3")
    with time_machine.travel(NOW, tick=False):
        assert succeed(app, "reset") == f"Reset all data of {ENGINE.url(stored.path)}.\n"
        check_same(owner.get("/__admin/state").json["businesses"], pristine)
        assert stored.row("SELECT frozen_at FROM sandbox") == {"frozen_at": None}
        for table in reversed(Base.metadata.sorted_tables):
            stored.rows(f"DELETE FROM {table}")
        with open_app(stored.path) as again:
            shown = Caller(again, "demo-owner").get("/__admin/state").json["businesses"]
            check_same(shown, pristine)


TOM = "8tk1w6zfy0dn4mvb"
DEMO: dict[str, dict[str, Any]] = {  # contract, section 5
    "89m2pnabgozdvd9f": {"business_unread": True, "sent": True, "received": True, "staff": RAM},
    "archived00000001": {"archived": True},
    "spam000000000001": {"spam": True},
    "assigned00000001": {"staff": TOM},
    "shared0000000001": {"staff": RAM},
    "merged0000000001": {"merged_into": "89m2pnabgozdvd9f"},
    "merged0000000002": {"merged_into": "merged0000000001"},
    "cycle00000000001": {"merged_into": "cycle00000000002"},
    "cycle00000000002": {"merged_into": "cycle00000000001"},
}
COLLABORATORS = {
    "followup00000002": (NOA, "active", None, ""),
    "shared0000000001": (TOM, "none", None, ""),
}
FOLLOW_UPS = {
    "followup00000001": ("Reminder set for tomorrow at 10:30 AM", True),
    "overdue000000001": ("Reminder was due yesterday at 10:30 AM", True),
    "duetoday00000001": ("Reminder set for today at 12:30 PM", False),
}


def test_demo_data_matches_the_contract(owner: Caller) -> None:
    first, second = owner.get("/__admin/state").json["businesses"]
    shown = {each["uid"]: each for each in first["conversations"]}
    assert len(shown) == 33
    assert [each["uid"] for each in second["conversations"]] == ["neighbour0000001"]
    for uid, fields in DEMO.items():
        check_same({name: shown[uid][name] for name in fields}, fields, uid)
    merged = {uid for uid, fields in DEMO.items() if "merged_into" in fields}
    assert {uid for uid, each in shown.items() if each["merged_into"]} == merged
    assert shown["trash00000000001"]["deleted_at"] and shown["matter0000000001"]["matter"]
    for uid, expected in COLLABORATORS.items():
        assert [tuple(each.values())[:4] for each in shown[uid]["collaborators"]] == [expected]
    for uid, (text, has_message) in FOLLOW_UPS.items():
        response = owner.get(f"/v2/conversations/{uid}").json
        assert (response["follow_up"], response["follow_up_text"]) == (True, text)
        assert bool(response["follow_up_message"]) is has_message


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
