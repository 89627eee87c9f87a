"""How the server starts, with its settings and the demo data, and says why a start fails."""

import gc
import json
import re
import runpy
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from gevent import monkey

from app import create_app
from database.connections import Base, close_connections, db
from demo.seeding import TOKENS
from support.apps import Caller, fail, open_app, succeed
from support.commands import run
from support.constants import NOA, NOW, ONE, RAM, ROOT, UID
from support.databases import ENGINE
from support.differences import check_same
from support.servers import Server, find_free_port
from support.stored import Stored
from web.settings import InvalidSetting

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


# A start that can't succeed says why at once; what is not ours stays as it is

NUMBER = "a whole number from 0 to 1,000,000"
WRONG: dict[str, tuple[str, list[Any]]] = {
    "STRICT": ("1 or 0", ["maybe", 2]),
    "ADMIN_API": ("1 or 0", ["maybe"]),
    "SANDBOXES": (NUMBER, ["many", "1000001"]),
    "JOURNAL": (NUMBER, [-1]),
    "TRUSTED_PROXIES": (NUMBER, ["one", True]),
    "STATE": ("the name of a file", [5]),
    "LOG_FORMAT": ("text or json", ["xml"]),
    "LOG_LEVEL": ("info or warning", ["debug"]),
    "POOL_SIZE": ("a whole number from 1 to 15", [0, "16"]),
    "FRAME_ANCESTORS": (
        "'self', 'none' or origins separated by spaces ('self' https://docs.example)",
        ["", "self", "'none' 'self'", "https://a/b", "https://a/", "https://a, https://b", "a..b"]
        + ["'self'; script-src *", "'self'\r\nX: y;", "http://a:b", "a:**", 5, None],
    ),
    "TRUSTED_HOSTS": (
        "names or IPv4 addresses without a port",
        ["http://localhost", "localhost:8000", "localhost,", "[::1]", "my_host", 0, []],
    ),
    "CORS_ORIGINS": (
        "* or origins",
        ["http://localhost:3000/", "http://localhost:65536", "localhost", "http://[", "http://a/b"]
        + ["http://*.example.com", "http://a,,http://b", "", 5, [5]],
    ),
}


def reject(**settings: Any) -> str:
    """Make an application with invalid settings, or the environment's; return the message."""
    with pytest.raises(InvalidSetting) as caught:
        create_app(settings or None, prepare=False)
    return caught.value.message


@pytest.mark.parametrize("setting", WRONG)
def test_invalid_settings_stop_the_start(setting: str) -> None:
    right, values = WRONG[setting]
    for value in values:
        message = reject(**{setting: value})
        assert message.startswith(f"FLASK_{setting} must be {right}")
        assert message.endswith(f", not {value!r}.")


def test_1_and_true_enable_a_switch() -> None:
    enabled = (True, 1, "1", "True")
    for value in (*enabled, False, 0, "0", "false", ""):
        app = create_app({"STRICT": value}, prepare=False)
        assert app.config["STRICT"] is (value in enabled)


@pytest.mark.parametrize(
    "origins", ["*", "http://my_app:80", " http://a:1 , https://b.example", ["http://[::1]:3000"]]
)
def test_valid_origins_are_accepted(origins: Any) -> None:
    create_app({"CORS_ORIGINS": origins}, prepare=False)


@pytest.mark.parametrize(
    ("url", "begin"),
    [
        ("mysql://user:secret@host/name", "mysql"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
        ("postgresql+asyncpg://localhost/x", "postgresql+asyncpg"),
        ("inbox.db", "inbox.db"),
        ("", ""),
        (5, "5"),
    ],
)
def test_unknown_database_url_is_rejected(url: Any, begin: str) -> None:
    assert reject(SQLALCHEMY_DATABASE_URI=url) == (
        "FLASK_SQLALCHEMY_DATABASE_URI must be a URL that begins with sqlite:/// or"
        f" postgresql+psycopg://, not with {begin!r}."
    )


def start(*command: str, **environ: str) -> str:
    """Run a command that fails; return its last line, and fail if it says more than it should."""
    result = run(*command, PORT=str(find_free_port()), **environ)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    *others, line = result.stderr.splitlines()
    assert not [each for each in others if not re.search("Starting gunicorn|ERROR in app", each)]
    return line.removeprefix("Error: ")


def test_gunicorn_rejects_a_database_of_another_version(stored: Stored) -> None:
    stored.rows("ALTER TABLE client RENAME COLUMN phone TO telephone")
    with stored.unchanged():
        line = start("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=ENGINE.url(stored.path))
    assert "created by another version of this server" in line
    assert "client differ (phone, telephone)" in line
    assert "'.venv/bin/flask --app app load instance/dumped'" in line


@pytest.mark.parametrize("command", [("gunicorn",), ("flask", "--app", "app", "dump")])
def test_commands_report_the_invalid_setting(command: tuple[str, ...]) -> None:
    line = start(*command, FLASK_STRICT="maybe")
    assert line == "FLASK_STRICT must be 1 or 0, not 'maybe'."


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("FLASK_ADMIN__API", "FLASK_ADMIN__API is unknown; did you mean FLASK_ADMIN_API?"),
        ("FLASK_STRICT__X", "FLASK_STRICT__X is unknown; did you mean FLASK_STRICT?"),
        ("FLASK_sandboxes", "FLASK_sandboxes is unknown; did you mean FLASK_SANDBOXES?"),
        ("FLASK_HOST", "FLASK_HOST has no effect; set HOST instead."),
        ("FLASK_PORT", "FLASK_PORT has no effect; set PORT instead."),
    ],
)
def test_misspelled_variable_is_rejected(
    monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    monkeypatch.setenv(variable, "1")
    assert reject() == message


def test_name_within_two_edits_of_a_setting_is_rejected() -> None:
    near = "STRI TRICTS STRCIT XJOURNALX COR_ORIGIN SQLALCHEMY_DATABASE_URL"
    for name in near.split():
        assert f"FLASK_{name} is unknown; did you mean" in reject(**{name: "1"})
    for other in "STR TRCITS JOU APP ENV RUN_PORT SQLALCHEMY_ECHO SECRET_KEY".split():
        create_app({other: "1"}, prepare=False)


@pytest.mark.long
def test_address_in_use_stops_the_start(tmp_path: Path) -> None:
    url = ENGINE.url(tmp_path / "conversations.db")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        result = run("gunicorn", PORT=str(port), FLASK_SQLALCHEMY_DATABASE_URI=url)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "Address already in use" in result.stderr
    assert result.stderr.endswith(f"Can't connect to ('127.0.0.1', {port})\n")


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ({"python3": "3.9.2", "python": "2.7.18"}, "Python 3.9.2 is too old."),
        ({"python3": "3.10.13"}, "Python 3.10.13 is too old."),
        ({}, "No Python was found (python3 python3.14 python3.13 python3.12 python3.11 python)."),
    ],
)
def test_old_python_is_rejected(tmp_path: Path, versions: dict[str, str], reason: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    for name, version in versions.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    command = [shutil.which("make") or "", "run"]
    path = {"PATH": str(tmp_path)}
    result = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True)
    assert result.returncode != 0
    line, _of_make = result.stderr.splitlines()
    assert line.startswith(f"{reason} Install Python 3.11 or later")


def test_in_memory_database_needs_one_process() -> None:
    memory = {"FLASK_SQLALCHEMY_DATABASE_URI": "sqlite://"}
    assert start("gunicorn", WEB_CONCURRENCY="2", **memory) == (
        "Processes can't share an in-memory database. Run one process (WEB_CONCURRENCY=1), or set"
        " FLASK_SQLALCHEMY_DATABASE_URI to a file."
    )
    with Server("sqlite://", WEB_CONCURRENCY="1") as server:
        assert server.put("demo-owner", UID, {"archived": True}) == 200
        assert server.get("demo-owner", ONE) == 200
        assert "Traceback" not in server.stop()


UNUSABLE = {  # the path of a file, and its message
    "missing/conversations.db": "can't be used: unable to open database file.",
    "text.db": "can't be used: file is not a database.",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_database_is_reported_and_unchanged(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("text")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    url = f"sqlite:///{tmp_path}/{name}"
    assert UNUSABLE[name] in start("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=url)
    app = create_app({"SQLALCHEMY_DATABASE_URI": url})
    for command in ("dump", "reset"):
        assert UNUSABLE[name] in fail(app, command)
    with app.app_context():
        close_connections()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
