"""A start that can't succeed says why at once, and what to do; what is not ours stays as it is."""

import errno
import os
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
from support.constants import ROOT, UID
from support.databases import ENGINE, SQLite
from support.servers import Server, find_free_port
from web.settings import InvalidSetting

COMMANDS = [("gunicorn",), ("flask", "--app", "app", "dump"), ("flask", "--app", "app", "reset")]


def start(*command: str, **environ: str) -> str:
    """Run a command that fails; return its last line, and fail if it says more than it should."""
    result = run(*command, **environ)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    *others, line = result.stderr.splitlines()
    assert all("Starting gunicorn" in other for other in others), result.stderr
    return line


@pytest.mark.parametrize(
    ("setting", "value", "right"),
    [
        ("STRICT", "maybe", "1 or 0"),
        ("ADMIN_API", "maybe", "1 or 0"),
        ("SANDBOXES", "many", "a whole number from 0 to 1,000,000"),
        ("SANDBOXES", "1000001", "a whole number from 0 to 1,000,000"),
        ("JOURNAL", -1, "a whole number from 0 to 1,000,000"),
        ("TRUSTED_PROXIES", "one", "a whole number from 0 to 1,000,000"),
        ("TRUSTED_PROXIES", True, "a whole number from 0 to 1,000,000"),
        ("STATE", 5, "the name of a file"),
        ("STRICT", 2, "1 or 0"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("LOG_LEVEL", "debug", "info or warning"),
        ("POOL_SIZE", 0, "a whole number from 1 to 15"),
        ("POOL_SIZE", "16", "a whole number from 1 to 15"),
        ("TRUSTED_HOSTS", "http://localhost", "names or IPv4 addresses without a port"),
        ("TRUSTED_HOSTS", "localhost:8000", "names or IPv4 addresses without a port"),
        ("TRUSTED_HOSTS", "localhost,", "names or IPv4 addresses without a port"),
        ("TRUSTED_HOSTS", "[::1]", "names or IPv4 addresses without a port"),
        ("TRUSTED_HOSTS", 0, "names or IPv4 addresses without a port"),
        ("TRUSTED_HOSTS", [], "names or IPv4 addresses without a port"),
        ("CORS_ORIGINS", "http://localhost:3000/", "* or origins"),
        ("CORS_ORIGINS", "http://localhost:3000/app", "* or origins"),
        ("CORS_ORIGINS", "localhost", "* or origins"),
        ("CORS_ORIGINS", "http://[", "* or origins"),
        ("CORS_ORIGINS", "http://*.example.com", "* or origins"),
        ("CORS_ORIGINS", "http://a,,http://b", "* or origins"),
        ("CORS_ORIGINS", "", "* or origins"),
        ("CORS_ORIGINS", 5, "* or origins"),
        ("CORS_ORIGINS", [5], "* or origins"),
    ],
)
def test_a_setting_that_makes_no_sense(setting: str, value: Any, right: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        create_app({setting: value}, prepare=False)
    assert caught.value.message.startswith(f"FLASK_{setting} must be {right}")
    assert caught.value.message.endswith(f", not {value!r}.")


@pytest.mark.parametrize(
    "origins", ["*", "http://a", " http://a:1 , https://b.example", ["http://[::1]:3000"]]
)
def test_origins_that_make_sense(origins: Any) -> None:
    create_app({"CORS_ORIGINS": origins}, prepare=False)


@pytest.mark.parametrize("url", ["garbage", "mysql://user:secret@host/name", "", "sqlite+x://", 5])
def test_a_database_of_an_unknown_kind(url: Any) -> None:
    with pytest.raises(InvalidSetting) as caught:
        create_app({"SQLALCHEMY_DATABASE_URI": url}, prepare=False)
    assert caught.value.message.startswith(
        "FLASK_SQLALCHEMY_DATABASE_URI is wrong. It has to be a URL that begins with"
        " sqlite:/// or postgresql+psycopg:// (it begins with "
    )
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_say_which_setting_makes_no_sense(command: tuple[str, ...]) -> None:
    line = start(*command, FLASK_STRICT="maybe", PORT=str(find_free_port()))
    assert line.removeprefix("Error: ") == "FLASK_STRICT must be 1 or 0, not 'maybe'."


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("FLASK_STRCT", "FLASK_STRCT is unknown; did you mean FLASK_STRICT?"),
        ("FLASK_sandboxes", "FLASK_sandboxes is unknown; did you mean FLASK_SANDBOXES?"),
        ("FLASK_HOST", "FLASK_HOST has no effect; set HOST instead."),
        ("FLASK_PORT", "FLASK_PORT has no effect; set PORT instead."),
    ],
)
def test_a_variable_that_is_misspelled(variable: str, message: str) -> None:
    assert start("flask", "--app", "app", "dump", **{variable: "1"}) == f"Error: {message}"


@pytest.mark.parametrize(
    "name", ["STRI", "TRICTS", "STRCIT", "XJOURNALX", "COR_ORIGIN", "SQLALCHEMY_DATABASE_URL"]
)
def test_a_name_at_most_two_edits_away_from_a_setting(name: str) -> None:
    with pytest.raises(InvalidSetting):
        create_app({name: "1"}, prepare=False)


@pytest.mark.parametrize(
    "name", ["STR", "TRCITS", "JOU", "APP", "ENV", "RUN_PORT", "SQLALCHEMY_ECHO", "SECRET_KEY"]
)
def test_another_name_is_none_of_ours(name: str) -> None:
    create_app({name: "1"}, prepare=False)


@pytest.mark.long
@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"], ids=["in use", "another machine's"])
def test_an_address_that_can_not_be_had(tmp_path: Path, host: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        url = ENGINE.url(tmp_path / "conversations.db")
        result = run("gunicorn", HOST=host, PORT=str(port), FLASK_SQLALCHEMY_DATABASE_URI=url)
    reason = {"127.0.0.1": errno.EADDRINUSE, "192.0.2.1": errno.EADDRNOTAVAIL}[host]
    assert result.returncode == 1
    assert f"connection to ('{host}', {port}) failed: [Errno {reason}] {os.strerror(reason)}\n" in (
        result.stderr
    )
    assert result.stderr.endswith(f"Can't connect to ('{host}', {port})\n")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ({"python3": "3.9.2", "python": "2.7.18"}, "Python 3.9.2 is too old."),
        ({"python3": "3.10.13"}, "Python 3.10.13 is too old."),
        ({}, "No Python was found (python3 python3.14 python3.13 python3.12 python3.11 python)."),
    ],
)
def test_a_python_that_is_too_old(tmp_path: Path, versions: dict[str, str], reason: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").touch()
    for name, version in versions.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    command = [shutil.which("make") or "", "run"]
    result = subprocess.run(
        command, cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert result.returncode != 0
    line, _of_make = result.stderr.splitlines()
    assert line.startswith(f"{reason} Install Python 3.11 or later")


def test_an_in_memory_database_of_several_processes() -> None:
    environ = {"FLASK_SQLALCHEMY_DATABASE_URI": "sqlite://", "PORT": str(find_free_port())}
    assert start("gunicorn", WEB_CONCURRENCY="2", **environ) == (
        "Each process would have an in-memory database of its own. Run one process"
        " (WEB_CONCURRENCY=1), or name a file in FLASK_SQLALCHEMY_DATABASE_URI."
    )


def test_an_in_memory_database_of_one_process() -> None:
    server = Server("sqlite://", WEB_CONCURRENCY="1")
    assert server.put("demo-owner", UID, {"archived": True}) == 200
    assert server.get("demo-owner", f"/v2/conversations/{UID}") == 200
    assert "Traceback" not in server.stop()


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
def test_a_database_of_another_program_stays_as_it_is(
    foreign: Path, command: tuple[str, ...]
) -> None:
    environ = {
        "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{foreign}",
        "PORT": str(find_free_port()),
    }
    result = run(*command, **environ)
    assert result.returncode != 0
    assert "another program" in result.stderr and "recipe" in result.stderr
    assert "Traceback" not in result.stderr
