"""The container's files: what they copy suffices, and what they run serves, is watched and stops.

No engine is needed: the server runs from a folder that has just what the image has, and writes only
to instance/.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import BIN
from support.constants import ONE, ROOT, UID
from support.documents import find_files, find_rows, read
from support.servers import Server, find_free_port

BUILT_IN = "/app"  # where the image has the project
Instruction = tuple[str, str]


def read_dockerfile() -> list[Instruction]:
    """Return the instructions of the Dockerfile, each with its arguments."""
    text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE)
    lines = text.replace("\\\n", "").splitlines()
    parts = (line.partition(" ") for line in lines if line.strip())
    return [(name, " ".join(rest.split())) for name, _, rest in parts]


def find(name: str) -> list[str]:
    return [rest for instruction, rest in read_dockerfile() if instruction == name]


def read_environment() -> dict[str, str]:
    return dict(pair.split("=") for each in find("ENV") for pair in each.split())


def is_ignored(path: str) -> bool:
    """Return True if .dockerignore excludes a file; the last matching line decides."""
    lines = read(".dockerignore").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"(!|\*\*/)?[\w.*-]+", pattern) for pattern in patterns)
    is_left_out = False
    for pattern in patterns:
        names = path.split("/")[: None if pattern.startswith("**/") else 1]
        if any(fnmatch(name, pattern.removeprefix("!").removeprefix("**/")) for name in names):
            is_left_out = not pattern.startswith("!")
    return is_left_out


def find_copied() -> set[str]:
    """Return the project's files that the image has."""
    files = [path for path in find_files() if not is_ignored(path)]
    copied: set[str] = set()
    for each in find("COPY"):
        *sources, _target = each.split()
        for source in sources:
            found = {path for path in files if source in (".", path, path.partition("/")[0])}
            assert found, f"COPY {source} copies nothing."
            copied |= found
    return copied


def test_image_contains_only_the_code() -> None:
    folders = {path.partition("/")[0] for path in find_copied() if "/" in path}
    with_code = {path.partition("/")[0] for path in find_files() if path.endswith(".py")}
    parts = {part for part in with_code if (ROOT / part).is_dir()} - {"tests", "bench"}
    assert folders == parts | {"docs"}  # which /docs/ leads to
    on_top = {path for path in find_copied() if "/" not in path and not path.endswith(".py")}
    assert on_top == {"LICENSE", "requirements.lock", *(path.name for path in ROOT.glob("*.md"))}
    private = [".git/config", ".env", "instance/conversations.db", "backup.db", "team.json"]
    assert all(map(is_ignored, [*private, "web/__pycache__/auth.cpython-311.pyc"]))
    names = [name for name, _ in read_dockerfile()]
    first_copy = names.index("COPY")
    assert find("COPY")[0] == "requirements.lock ./"
    assert read_dockerfile()[first_copy + 1] == (
        "RUN",
        "pip install --no-cache-dir --disable-pip-version-check"
        " --require-hashes -r requirements.lock",
    )
    assert names[first_copy + 2] == "COPY"


def test_container_runs_without_root_and_gets_signals() -> None:
    [user] = find("USER")
    assert user != "root" and f"useradd --uid 1000 --no-create-home {user} " in find("RUN")[1]
    [command] = find("CMD")
    assert json.loads(command) == ["gunicorn"]  # without a shell that would keep the signal
    [volume] = find("VOLUME")
    assert json.loads(volume) == [f"{BUILT_IN}/instance"]
    assert find("WORKDIR") == [BUILT_IN]
    assert read_environment()["HOST"] == "0.0.0.0"
    assert find("EXPOSE") == [read_environment()["PORT"]]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Make a folder like the image's."""
    for path in find_copied():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    compiled = [sys.executable, "-m", "compileall", "-q", "."]
    subprocess.run(compiled, cwd=tmp_path, check=True)
    (tmp_path / "instance").mkdir()
    return tmp_path


class Container(Server):
    """What the Dockerfile runs, from a folder like the image's."""

    def __init__(self, folder: Path) -> None:
        environ = read_environment() | {
            "PATH": f"{BIN}:{os.defpath}",
            "HOME": "/nonexistent",  # which the user of the image lacks
            "PORT": str(find_free_port()),
        }
        self.options: Any = {"cwd": folder, "env": environ | {"WEB_CONCURRENCY": "2"}}
        [command] = find("CMD")
        self.start(*json.loads(command), **self.options)

    def run(self, program: str, *arguments: str) -> int:
        """Run a command in the container; return its exit code."""
        return subprocess.run([BIN / program, *arguments], timeout=30, **self.options).returncode

    def is_healthy(self) -> bool:
        [check] = find("HEALTHCHECK")
        return self.run(*json.loads(check.partition(" CMD ")[2])) == 0


@pytest.mark.long
def test_copied_files_serve_and_stop_cleanly(built: Path) -> None:
    files = {*built.rglob("*")}
    container = Container(built)
    assert container.is_healthy()
    assert container.put("demo-owner", UID, {"archived": True}) == 200
    for command in (["backup", "instance/backup.db"], ["dump", "instance/dump"]):
        assert container.run("flask", "--app", "app", *command) == 0
    output = container.stop()
    assert container.process.returncode == 0 and not container.is_healthy()
    assert "Traceback" not in output and f"PUT {ONE} 200" in output
    kept = {path.name for path in (built / "instance").iterdir()}
    assert kept == {"conversations.db", "backup.db", "dump"}
    with Container(built) as again:
        assert again.ask("demo-owner", "GET", ONE)[1]["archived"] is True
    new = {*built.rglob("*")} - files
    assert {path for path in new if built / "instance" not in path.parents} == set()


# compose.yaml


def test_compose_has_sqlite_and_a_postgresql_profile() -> None:
    compose = yaml.safe_load(read("compose.yaml"))
    services = compose["services"]
    assert {name: each.get("profiles") for name, each in services.items()} == {
        "server": None,
        "server-on-postgresql": ["postgresql"],
        "database": ["postgresql"],
    }
    waits_for = services["server-on-postgresql"]["depends_on"]
    assert waits_for == {"database": {"condition": "service_healthy"}}
    assert services["database"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    ports = [port for each in services.values() for port in each.get("ports", [])]
    for port in ports:  # which only this machine can reach
        assert re.fullmatch(rf"127\.0\.0\.1:\$\{{\w+:-\d+\}}:{read_environment()['PORT']}", port)
    assert len(set(ports)) == len(ports) == 2
    assert "ports" not in services["database"]
    volumes = [each for service in services.values() for each in service["volumes"]]
    assert {volume.partition(":")[0] for volume in volumes} == compose["volumes"].keys()
    assert f"instance:{BUILT_IN}/instance" in services["server"]["volumes"]
    settings = {row[0].strip("`") for row in find_rows("setting", "docs/settings.md")}
    settings |= {"SCRIPT_NAME"}  # gunicorn's
    settings -= {"HOST", "PORT", "FLASK_SQLALCHEMY_DATABASE_URI"}
    assert services["server"]["environment"] == dict.fromkeys(settings)
    [uri] = services["server-on-postgresql"]["environment"].keys() - settings
    assert uri == "FLASK_SQLALCHEMY_DATABASE_URI"
