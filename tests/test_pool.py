"""The pool's connections: used again, replaced where they are of no use, and never too many."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from database import pool
from database.errors import OutOfTime
from database.pool import Pool

PATIENCE = 10  # seconds until a test gives up


class Opened:
    """An engine, with the driver's connections that it has opened and those it has closed."""

    def __init__(self) -> None:
        self.engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)
        self.opened: list[Any] = []
        self.closed: list[Any] = []
        self.error: Exception | None = None
        self.unusable: set[Any] = set()
        sa.event.listen(self.engine, "do_connect", self.fail)
        sa.event.listen(self.engine, "connect", lambda driver, _: self.opened.append(driver))
        sa.event.listen(self.engine, "close", lambda driver, _: self.closed.append(driver))

    def fail(self, *_: Any) -> None:
        if self.error:
            raise self.error

    def is_usable(self, driver: Any) -> bool:
        self.fail()
        return driver not in self.unusable

    def pool(self, most: int) -> Pool:
        return Pool(self.engine, most, self.is_usable)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.01)
    opened = Opened()
    yield opened
    for driver in opened.opened:
        driver.close()


def driver_of(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def test_a_connection_is_used_again(opened: Opened) -> None:
    pool = opened.pool(2)
    first = pool.take()
    pool.give_back(first)
    assert pool.take() is first
    assert (len(opened.opened), opened.closed) == (1, [])


def test_a_connection_has_one_user_at_a_time(opened: Opened) -> None:
    pool = opened.pool(2)
    first, second = pool.take(), pool.take()
    assert driver_of(first) is not driver_of(second)


def test_a_connection_comes_back_without_a_transaction(opened: Opened) -> None:
    pool = opened.pool(1)
    first = pool.take()
    first.execute(sa.text("SELECT 1"))
    assert first.in_transaction()
    pool.give_back(first)
    assert not pool.take().in_transaction()


def test_where_a_connection_is_of_no_more_use_all_are_replaced(opened: Opened) -> None:
    """A server that does not answer one would not answer the others either, one after the other."""
    pool = opened.pool(3)
    connections = [pool.take() for _ in range(3)]
    drivers = [driver_of(connection) for connection in connections]
    opened.unusable.add(drivers[2])
    for connection in connections:
        pool.give_back(connection)
    new = pool.take()
    assert driver_of(new) not in drivers
    assert opened.closed == [drivers[2], drivers[1], drivers[0]]
    assert len(opened.opened) == 4


def test_there_are_never_too_many_connections(opened: Opened) -> None:
    pool = opened.pool(2)
    first = pool.take()
    pool.take()
    with pytest.raises(OutOfTime):
        pool.take()
    pool.give_back(first)
    assert pool.take() is first
    with pytest.raises(OutOfTime):
        pool.take()
    assert len(opened.opened) == 2


def test_who_waits_gets_the_connection_that_comes_back(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", PATIENCE)
    only = opened.pool(1)
    first = only.take()
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(only.take)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.05)
        only.give_back(first)
        assert second.result(PATIENCE) is first


def test_a_connection_that_comes_back_broken_is_closed_and_makes_room(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise sa.exc.OperationalError("ROLLBACK", {}, sqlite3.OperationalError("lost"))

    pool = opened.pool(1)
    first = pool.take()
    [driver] = opened.opened
    first.execute(sa.text("SELECT 1"))
    monkeypatch.setattr(first, "rollback", fail)
    pool.give_back(first)
    assert opened.closed == [driver]
    assert driver_of(pool.take()) is not driver


@pytest.mark.parametrize("idle", [False, True], ids=["while it opens", "while it is looked at"])
def test_an_error_takes_no_place(opened: Opened, idle: bool) -> None:
    pool = opened.pool(1)
    if idle:
        pool.give_back(pool.take())
    for _ in range(3):
        opened.error = sqlite3.OperationalError("unable to open database file")
        with pytest.raises((sqlite3.Error, sa.exc.OperationalError), match="unable to open"):
            pool.take()
    opened.error = None
    pool.take()


def test_only_idle_connections_are_closed(opened: Opened) -> None:
    pool = opened.pool(2)
    idle, used = pool.take(), pool.take()
    [idle_driver, used_driver] = opened.opened
    pool.give_back(idle)
    pool.close()
    assert opened.closed == [idle_driver]
    used.execute(sa.text("SELECT 1"))
    pool.give_back(used)
    assert driver_of(pool.take()) is used_driver
    assert driver_of(pool.take()) is not idle_driver
