"""Starting the server as people do, its settings, and the commands beside it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from conftest import NOW, ROOT, Server, Stored
from databases import ENGINE
from demo.seeding import DEMO_TOKENS
from models import db

UID = "89m2pnabgozdvd9f"
BIN = Path(sys.executable).parent
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("HOST", "PORT", "WEB_CONCURRENCY") and not name.startswith("FLASK_")
}


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        env=ENVIRONMENT | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_gunicorn_alone_says_what_to_do_and_stops_cleanly(tmp_path: Path) -> None:
    server = Server(tmp_path / "conversations.db")
    while "-d '{" not in server.output:
        server.output += server.process.stdout.readline()  # type: ignore[union-attr]
    for token in DEMO_TOKENS:
        assert token in server.output
    assert server.url in server.output
    output = server.stop(signal.SIGINT)
    assert server.process.returncode == 0
    assert "Traceback" not in output


def test_gunicorn_prints_a_line_that_works(server: Server) -> None:
    while "-d '{" not in server.output:
        server.output += server.process.stdout.readline()  # type: ignore[union-attr]
    [keys] = re.findall(r"-d '(.*)'", server.output)
    [uid] = re.findall(r"conversations/(\w+)", server.output)
    assert server.put("demo-owner", uid, json.loads(keys)) == 200


def test_connections_that_send_nothing_keep_nobody_waiting(stored: Stored) -> None:
    server = Server(stored.path, WEB_CONCURRENCY="1")
    with ExitStack() as opened:
        for _ in range(3):
            address = ("127.0.0.1", server.port)
            opened.enter_context(closing(socket.create_connection(address)))
        assert server.put("demo-owner", UID, {}) == 200
    server.stop()


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
def test_gunicorn_refuses_settings_with_a_sentence(name: str, value: str) -> None:
    result = run("gunicorn", "--check-config", **{name: value})
    assert result.returncode != 0
    assert result.stderr.startswith(f"{name} is '{value}', but it has to be a number")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ["bind = ['127.0.0.1:8000']", "workers = 2"]),
        ({"HOST": "0.0.0.0", "PORT": "9000"}, ["bind = ['0.0.0.0:9000']"]),
        ({"HOST": "::1"}, ["bind = ['[::1]:8000']"]),
        ({"WEB_CONCURRENCY": "3"}, ["workers = 3"]),
    ],
)
def test_gunicorn_takes_its_settings_from_the_environment(
    tmp_path: Path, environ: dict[str, str], expected: list[str]
) -> None:
    database = f"sqlite:///{tmp_path}/conversations.db"
    result = run(
        "gunicorn",
        "--print-config",
        FLASK_SQLALCHEMY_DATABASE_URI=database,
        **environ,
    )
    settings = re.sub(r" +", " ", result.stdout).splitlines()
    assert not [line for line in expected if line not in settings]


def test_gunicorn_says_why_it_has_no_database(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/missing/conversations.db"
    result = run("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=database)
    assert result.returncode == 1
    assert "The database can't be prepared: unable to open database file." in result.stderr
    assert "Traceback" not in result.stderr
    for url in ("garbage", "nothing://x", f"sqlite:///{ROOT}/README.md"):
        result = run("gunicorn", FLASK_SQLALCHEMY_DATABASE_URI=url)
        assert result.returncode == 1
        assert "The database can't be prepared: " in result.stderr
        assert "Traceback" not in result.stderr


def flask(database: Path, command: str) -> str:
    result = run(
        "flask",
        "--app",
        "app",
        command,
        FLASK_SQLALCHEMY_DATABASE_URI=ENGINE.url(database),
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_seed_loads_what_a_start_loads_and_no_more(tmp_path: Path, stored: Stored) -> None:
    path = tmp_path / "seeded.db"
    assert flask(path, "seed") == "The database holds 32 conversations.\n"
    before = Stored(path).everything()
    assert flask(path, "seed") == "The database holds 32 conversations.\n"
    assert Stored(path).everything() == before


def test_reset_returns_to_exactly_the_demo_data(app: Flask, stored: Stored) -> None:
    pristine = timeless(stored)
    stored.rows("UPDATE conversation SET title = 'x', archived = true")
    stored.rows("DELETE FROM collaborator")
    stored.rows("DELETE FROM message WHERE id > 3")
    output = flask(stored.path, "reset")
    assert output == "The database holds the demo data anew: 32 conversations.\n"
    assert timeless(stored) == pristine


def timeless(stored: Stored) -> list[str]:
    """Return the content but for its times, which count back from the moment of seeding."""
    time = r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}'"
    return [
        re.sub(time, "…", line).replace("'Asia/Jerusalem',…", "'Asia/Jerusalem',NULL")
        for line in stored.everything()
    ]


def test_tables_without_a_business_are_seeded(stored: Stored) -> None:
    for table in ("collaborator", "message", "conversation", "access_token", "client", "staff"):
        stored.rows(f"DELETE FROM {table}")
    stored.rows("DELETE FROM business")
    assert flask(stored.path, "seed") == "The database holds 32 conversations.\n"


def test_the_demo_data_is_what_the_contract_lists(stored: Stored) -> None:
    shown = {
        row["uid"]: row
        for row in stored.rows(
            """SELECT conversation.*, full_name, target.uid AS target FROM conversation
               JOIN staff ON staff.id = conversation.staff_id
               LEFT JOIN conversation target ON target.id = conversation.merged_into_id"""
        )
    }
    assert len(shown) == 32
    assert shown[UID]["business_unread"] == shown[UID]["sent"] == shown[UID]["received"] == 1
    assert shown["archived00000001"]["archived"] == 1
    assert shown["spam000000000001"]["spam"] == 1
    assert shown["trash00000000001"]["deleted_at"] is not None
    assert shown["assigned00000001"]["full_name"] == "Tom Peretz"
    assert shown["shared0000000001"]["full_name"] == "Ram Almog"
    assert shown["matter0000000001"]["matter_uid"] is not None
    assert shown["neighbour0000001"]["business_id"] != shown[UID]["business_id"]
    assert {uid: row["target"] for uid, row in shown.items() if row["target"]} == {
        "merged0000000001": UID,
        "merged0000000002": "merged0000000001",
        "cycle00000000001": "cycle00000000002",
        "cycle00000000002": "cycle00000000001",
    }
    follow_up = stored.collaborator("followup00000001")
    assert follow_up["follow_up_state"] == "active"
    assert follow_up["follow_up_date"] > f"{NOW:%Y-%m-%d %H:%M:%S}"
    assert follow_up["follow_up_message"]
    follow_up = stored.collaborator("followup00000002", "Noa Levi")
    assert (follow_up["follow_up_state"], follow_up["follow_up_date"]) == ("active", None)
    assert stored.collaborator("followup00000002") is None
    assert stored.collaborator("shared0000000001", "Tom Peretz")["follow_up_state"] == "none"


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
            db.engine.dispose()
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
