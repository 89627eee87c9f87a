"""How long a request waits for the database's lock, by a clock that goes on only as it is told."""

import io
from typing import Any

import pytest
from flask import Flask

from app import create_app
from database import connections
from database.connections import get_connection, transaction
from support.callers import Caller
from support.constants import UID
from support.stored import Stored
from web.settings import InvalidSetting


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def read(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds


class WriteLock:
    """A lock that is free after a while, and records how long each writer would have waited."""

    def __init__(self, clock: Clock, waits: float) -> None:
        self.clock = clock
        self.waits = waits
        self.allowed: list[float] = []
        self.released = 0

    def acquire(self, blocking: bool = True, timeout: float = 0) -> bool:
        if not blocking:
            return False
        self.allowed.append(timeout)
        self.clock.go_on(self.waits)
        return timeout >= self.waits

    def release(self) -> None:
        self.released += 1


class SlowBody(io.BytesIO):
    """A body that takes four seconds to arrive."""

    def __init__(self, clock: Clock, data: bytes) -> None:
        super().__init__(data)
        self.clock = clock
        self.is_late = True

    def read(self, size: int | None = -1) -> bytes:
        self.arrive()
        return super().read(size)

    def readinto(self, buffer: Any) -> int:
        self.arrive()
        return super().readinto(buffer)

    def arrive(self) -> None:
        if self.is_late:
            self.clock.go_on(4)
            self.is_late = False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(connections, "monotonic", clock.read)
    return clock


@pytest.fixture
def begins(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list that gets the seconds that each transaction may wait for the lock."""
    seconds: list[float] = []
    with app.app_context():
        driver: Any = type(get_connection().connection.driver_connection)
    begin = driver.begin

    def note(self: Any, lock: int | None, allowed: float) -> None:
        seconds.append(allowed)
        begin(self, lock, allowed)

    monkeypatch.setattr(driver, "begin", note)
    return seconds


def use_write_lock(app: Flask, clock: Clock, waits: float) -> WriteLock:
    write_lock = WriteLock(clock, waits)
    _, write_locks = app.extensions["database"]
    write_locks[:] = [write_lock]
    return write_lock


@pytest.mark.parametrize("most", [5.0, 2.5])
def test_a_writer_waits_from_when_its_body_is_there(
    app: Flask, clock: Clock, begins: list[float], monkeypatch: pytest.MonkeyPatch, most: float
) -> None:
    if most != 5:
        monkeypatch.setattr(connections, "WRITE_TIMEOUT", most)
    write_lock = use_write_lock(app, clock, waits=1)
    data = b'{"archived": true}'
    response = app.test_client().put(
        f"/v2/conversations/{UID}",
        headers={"Authorization": "Bearer demo-owner", "Content-Type": "application/json"},
        input_stream=SlowBody(clock, data),
        content_length=len(data),
    )
    assert response.status_code == 200
    assert clock.now == 1000 + 4 + 1
    assert write_lock.allowed == [most]  # the body's four seconds are the client's
    assert begins == [most - 1]  # the turn and the lock have one limit together
    assert write_lock.released == 1


def test_a_command_waits_from_when_it_begins_to(
    app: Flask, clock: Clock, begins: list[float]
) -> None:
    write_lock = use_write_lock(app, clock, waits=1)
    with app.app_context():
        for _ in range(2):
            clock.go_on(100)
            with transaction():
                pass
    assert (write_lock.allowed, begins) == ([5, 5], [4, 4])


def test_a_writer_that_waits_too_long_gets_503(
    app: Flask, owner: Caller, clock: Clock, begins: list[float], stored: Stored, caplog: Any
) -> None:
    write_lock = use_write_lock(app, clock, waits=5.5)
    before = stored.everything()
    response = owner.put(UID, archived=True)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json["errors"] == [
        {
            "code": "unavailable",
            "message": "The database could not take the write in time; nothing was stored."
            " Try again.",
        }
    ]
    assert caplog.messages[-1].endswith("reason=other writers were first, and took too long")
    assert begins == []
    assert write_lock.released == 0  # it was not acquired
    assert stored.everything() == before


@pytest.mark.parametrize("lock", [None, 1, 8, 9])
def test_a_write_lock_is_always_released(app: Flask, lock: int | None) -> None:
    with app.app_context():
        for error in (RuntimeError, KeyboardInterrupt):
            with pytest.raises(error), transaction(lock):
                raise error
        _, write_locks = app.extensions["database"]
        assert not any(each.locked() for each in write_locks)


@pytest.mark.parametrize(
    ("url", "begin"),
    [
        ("mysql://localhost/inbox", "mysql"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
        ("postgresql+asyncpg://localhost/x", "postgresql+asyncpg"),
        ("inbox.db", "inbox.db"),
        ("", ""),
    ],
)
def test_an_unknown_kind_of_database_is_a_wrong_setting(url: str, begin: str) -> None:
    with pytest.raises(InvalidSetting) as raised:
        create_app({"SQLALCHEMY_DATABASE_URI": url})
    assert raised.value.message == (
        "FLASK_SQLALCHEMY_DATABASE_URI is wrong. It has to be a URL that begins with sqlite:///"
        f" or postgresql+psycopg:// (it begins with {begin!r})."
    )
