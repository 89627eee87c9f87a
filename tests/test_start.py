"""A start that can't succeed says why at once, and what to do; what is not ours stays as it is."""

import errno
import os
import re
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from support.commands import run
from support.constants import ONE, ROOT, UID
from support.databases import ENGINE, SQLite
from support.servers import Server, find_free_port
from web.settings import InvalidSetting

COMMANDS = [("gunicorn",), ("flask", "--app", "app", "dump"), ("flask", "--app", "app", "reset")]
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
        ["", "self", "'none' 'self'", "https://a/b", "https://a/", "https://a, https://b"]
        + ["'self'; script-src *", "'self'\r\nX: y;", "http://a:b", 5, None],
    ),
    "TRUSTED_HOSTS": (
        "names or IPv4 addresses without a port",
        ["http://localhost", "localhost:8000", "localhost,", "[::1]", "my_host", 0, []],
    ),
    "CORS_ORIGINS": (
        "* or origins",
        ["http://localhost:3000/", "http://localhost:3000/app", "localhost", "http://["]
        + ["http://*.example.com", "http://a,,http://b", "", 5, [5]],
    ),
}


@pytest.mark.parametrize("setting", WRONG)
def test_invalid_settings_stop_the_start(setting: str) -> None:
    right, values = WRONG[setting]
    for value in values:
        with pytest.raises(InvalidSetting) as caught:
            create_app({setting: value}, prepare=False)
        assert caught.value.message.startswith(f"FLASK_{setting} must be {right}")
        assert caught.value.message.endswith(f", not {value!r}.")


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
    with pytest.raises(InvalidSetting) as caught:
        create_app({"SQLALCHEMY_DATABASE_URI": url}, prepare=False)
    assert caught.value.message == (
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


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_report_the_invalid_setting(command: tuple[str, ...]) -> None:
    line = start(*command, FLASK_STRICT="maybe")
    assert line == "FLASK_STRICT must be 1 or 0, not 'maybe'."


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("FLASK_STRCT", "FLASK_STRCT is unknown; did you mean FLASK_STRICT?"),
        ("FLASK_ADMIN__API", "FLASK_ADMIN__API is unknown; did you mean FLASK_ADMIN_API?"),
        ("FLASK_sandboxes", "FLASK_sandboxes is unknown; did you mean FLASK_SANDBOXES?"),
        ("FLASK_HOST", "FLASK_HOST has no effect; set HOST instead."),
        ("FLASK_PORT", "FLASK_PORT has no effect; set PORT instead."),
    ],
)
def test_misspelled_variable_is_rejected(variable: str, message: str) -> None:
    assert start("flask", "--app", "app", "dump", **{variable: "1"}) == message


def test_name_within_two_edits_of_a_setting_is_rejected() -> None:
    near = "STRI TRICTS STRCIT XJOURNALX COR_ORIGIN SQLALCHEMY_DATABASE_URL"
    for name in near.split():
        with pytest.raises(InvalidSetting):
            create_app({name: "1"}, prepare=False)
    for other in (
        "STR",
        "TRCITS",
        "JOU",
        "APP",
        "ENV",
        "RUN_PORT",
        "SQLALCHEMY_ECHO",
        "SECRET_KEY",
    ):
        create_app({other: "1"}, prepare=False)


@pytest.mark.long
@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"], ids=["in use", "another machine's"])
def test_unavailable_address_stops_the_start(tmp_path: Path, host: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        url = ENGINE.url(tmp_path / "conversations.db")
        result = run("gunicorn", HOST=host, PORT=str(port), FLASK_SQLALCHEMY_DATABASE_URI=url)
    code = {"127.0.0.1": errno.EADDRINUSE, "192.0.2.1": errno.EADDRNOTAVAIL}[host]
    reason = f"connection to ('{host}', {port}) failed: [Errno {code}] {os.strerror(code)}\n"
    assert result.returncode == 1
    assert reason in result.stderr and "Traceback" not in result.stderr
    assert result.stderr.endswith(f"Can't connect to ('{host}', {port})\n")


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


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///{}/missing/conversations.db", "unable to open database file."),
        ("garbage", "a URL that begins with sqlite:///"),
        (f"sqlite:///{ROOT}/README.md", ""),
    ],
    ids=["missing", "garbage", "no database"],
)
def test_commands_report_an_unavailable_database(
    tmp_path: Path, command: tuple[str, ...], url: str, reason: str
) -> None:
    line = start(*command, FLASK_SQLALCHEMY_DATABASE_URI=url.format(tmp_path))
    assert re.search(f"(can't be used:|DATABASE_URI must be) {reason}", line)


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Path]:
    if not isinstance(ENGINE, SQLite):
        pytest.skip("a file is what is compared")
    path = tmp_path / "foreign.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipe (title)")
        connection.commit()
    before = path.read_bytes()
    yield path
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", COMMANDS)
def test_database_of_another_program_is_unchanged(foreign: Path, command: tuple[str, ...]) -> None:
    line = start(*command, FLASK_SQLALCHEMY_DATABASE_URI=f"sqlite:///{foreign}")
    assert "another program" in line and "recipe" in line
