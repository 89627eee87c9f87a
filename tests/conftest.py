"""A fresh seeded database for each test, with its sandbox's clock stopped, and callers of it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import Browser

from support.apps import Call, Caller, open_app
from support.browser import User, Visit, open_browser
from support.commands import ENVIRONMENT, TOOLS, find_tool
from support.constants import NOW, STORED_NOW
from support.databases import ENGINE
from support.servers import Server
from support.stored import Stored

for setting in os.environ.keys() - ENVIRONMENT.keys():
    if not setting.startswith("COVERAGE_"):  # which reaches the processes of pytest-xdist
        del os.environ[setting]  # the tests have settings of their own


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the line that names the programs without which tests are skipped."""
    missing = [name for name in TOOLS if find_tool(name) is None]
    if not missing or config.getoption("markexpr") == "not long":
        return None
    return f"Missing, so that the tests that need them are skipped: {', '.join(missing)}"


@pytest.fixture(scope="session")
def seeded_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seeded") / "conversations.db"
    with time_machine.travel(NOW, tick=False), open_app(path):
        pass
    Stored(path).rows("UPDATE sandbox SET frozen_at = ?", STORED_NOW)
    return path


@pytest.fixture
def stored(seeded_database: Path, tmp_path: Path) -> Iterator[Stored]:
    path = tmp_path / "conversations.db"
    ENGINE.copy(seeded_database, path)
    yield Stored(path)
    ENGINE.drop(path)


@pytest.fixture
def server(stored: Stored) -> Iterator[Server]:
    with Server(stored.path) as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server to tests that use sandboxes of their own, or don't look at what is stored."""
    with Server(tmp_path_factory.mktemp("shared") / "conversations.db") as server:
        yield server
        assert "Traceback" not in server.stop()


@pytest.fixture
def app(stored: Stored) -> Iterator[Flask]:
    with open_app(stored.path, TESTING=True) as app:
        yield app


@pytest.fixture
def call(app: Flask) -> Call:
    return lambda token: Caller(app, token)


@pytest.fixture
def owner(app: Flask) -> Caller:
    return Caller(app, "demo-owner")


@pytest.fixture
def mine(app: Flask) -> Caller:
    """Give the owner in a sandbox of their own, whose clock runs."""
    return Caller(app, "demo-owner@w")


@pytest.fixture
def colleague(app: Flask) -> Caller:
    return Caller(app, "demo-colleague")


@pytest.fixture
def assigned(app: Flask) -> Caller:
    return Caller(app, "demo-assigned")


@pytest.fixture
def document(app: Flask) -> Any:
    response = app.test_client().get("/openapi.json")
    assert (response.status_code, response.content_type) == (200, "application/json")
    return response.json


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Give a function that opens the page in a window with these options."""
    with ExitStack() as stack:

        def visit(**options: Any) -> User:
            user = stack.enter_context(User(browser, server, **options))
            user.reset()
            user.go()
            return user

        yield visit


@pytest.fixture
def user(visit: Visit) -> User:
    return visit()
