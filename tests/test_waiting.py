"""How long a request waits for the database's lock, by a clock that goes on only as it is told."""

import io
from typing import Any

import pytest
from flask import Flask

from database import connections
from database.connections import get_connection, transaction
from support.apps import Caller, check_error
from support.constants import ONE, UID
from support.stored import Stored
from support.threads import Clock

pytestmark = pytest.mark.database  # how long a lock is waited for


class WriteLock:
    """A lock that is free after a while, and records how long each writer would have waited."""

    def __init__(self, app: Flask, clock: Clock, waits: float) -> None:
        self.clock, self.waits, self.released = clock, waits, 0
        self.allowed: list[float] = []
        app.config["JOURNAL"] = 0  # its thread would wait for this lock
        _, write_locks, _ = app.extensions["database"]
        write_locks[:] = [self]

    def acquire(self, blocking: bool = True, timeout: float = 0) -> bool:
        if not blocking:
            return False
        self.allowed.append(timeout)
        self.clock.sleep(self.waits)
        return timeout >= self.waits

    def release(self) -> None:
        self.released += 1


class SlowBody(io.BytesIO):
    """A body that takes four seconds to arrive."""

    clock: Clock | None

    def read(self, size: int | None = -1) -> bytes:
        if self.clock:
            self.clock.sleep(4)
            self.clock = None
        return super().read(size)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(connections, "monotonic", clock.monotonic)
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


@pytest.mark.parametrize("most", [5.0, 2.5])
def test_writer_wait_begins_after_the_body(
    app: Flask, clock: Clock, begins: list[float], monkeypatch: pytest.MonkeyPatch, most: float
) -> None:
    if most != 5:
        monkeypatch.setattr(connections, "WRITE_TIMEOUT", most)
    write_lock = WriteLock(app, clock, waits=1)
    body = SlowBody(b'{"archived": true}')
    body.clock = clock
    headers = {"Authorization": "Bearer demo-owner", "Content-Type": "application/json"}
    response = app.test_client().put(ONE, headers=headers, input_stream=body, content_length=18)
    assert response.status_code == 200
    assert clock.now == 1000 + 4 + 1
    assert write_lock.allowed == [most]  # the body's four seconds are the client's
    assert begins == [most - 1]  # the queue and the lock have one limit together
    assert write_lock.released == 1


def test_command_wait_begins_with_the_transaction(
    app: Flask, clock: Clock, begins: list[float]
) -> None:
    write_lock = WriteLock(app, clock, waits=1)
    with app.app_context():
        for _ in range(2):
            clock.sleep(100)
            with transaction():
                pass
    assert (write_lock.allowed, begins) == ([5, 5], [4, 4])


def test_writer_gets_503_after_the_write_timeout(
    app: Flask, owner: Caller, clock: Clock, begins: list[float], stored: Stored, caplog: Any
) -> None:
    write_lock = WriteLock(app, clock, waits=5.5)
    with stored.unchanged():
        response = owner.put(UID, archived=True)
    message = "Timed out waiting for the database; nothing was stored. Try again."
    check_error(response, 503, "unavailable", None, message)
    assert response.headers["Retry-After"] == "1"
    assert caplog.messages[-1].endswith("reason=timed out in the write queue")
    assert (begins, write_lock.released) == ([], 0)  # it was not acquired


@pytest.mark.parametrize("lock", [None, 1, 8, 9])
def test_write_lock_is_always_released(app: Flask, lock: int | None) -> None:
    with app.app_context():
        for error in (RuntimeError, KeyboardInterrupt):
            with pytest.raises(error), transaction(lock):
                raise error
        _, write_locks, _ = app.extensions["database"]
        assert not any(each.locked() for each in write_locks)
