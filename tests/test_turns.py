"""Turns are handed on in the order in which they were asked for, and none is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event, Lock

import pytest

from database import turns
from database.errors import OutOfTime
from database.turns import Turns

PATIENCE = 10  # seconds until a test gives up


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Queue[None]:
    """Return a queue that gets an entry when somebody has begun to wait for a turn."""
    queue: Queue[None] = Queue()

    class Noted(Event):
        def wait(self, timeout: float | None = None) -> bool:
            queue.put(None)
            return super().wait(timeout)

    monkeypatch.setattr(turns, "Event", Noted)
    return queue


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def count_free(turns: Turns) -> int:
    """Return how many turns can be had at once, and take them."""
    for free in range(100):
        try:
            turns.take(0)
        except OutOfTime:
            return free
    raise AssertionError("There is no end of turns.")


def test_who_came_first_is_first(threads: ThreadPoolExecutor, waiting: Queue[None]) -> None:
    turns = Turns(1)
    turns.take(0)
    came: Queue[int] = Queue()

    def wait(number: int) -> None:
        turns.take(PATIENCE)
        came.put(number)

    for number in range(4):
        threads.submit(wait, number)
        waiting.get(timeout=PATIENCE)
    order = []
    for _ in range(4):
        turns.hand_on()
        order.append(came.get(timeout=PATIENCE))
        assert came.empty()  # one turn is for one
    assert order == [0, 1, 2, 3]
    turns.hand_on()
    assert count_free(turns) == 1


def test_who_comes_later_does_not_overtake(
    threads: ThreadPoolExecutor, waiting: Queue[None]
) -> None:
    turns = Turns(1)
    turns.take(0)
    first = threads.submit(turns.take, PATIENCE)
    waiting.get(timeout=PATIENCE)
    turns.hand_on()
    with pytest.raises(OutOfTime):
        turns.take(0)
    first.result(PATIENCE)


@pytest.mark.parametrize("seconds", [0.01, 0, -1])
def test_a_turn_that_does_not_come_in_time_is_an_error(seconds: float) -> None:
    turns = Turns(1)
    turns.take(seconds)
    with pytest.raises(OutOfTime, match="^others were first, and took too long$"):
        turns.take(seconds)


def test_who_gave_up_gets_no_turn_later() -> None:
    turns = Turns(1)
    turns.take(0)
    for _ in range(3):
        with pytest.raises(OutOfTime):
            turns.take(0)
    turns.hand_on()
    assert count_free(turns) == 1


def test_who_gives_up_leaves_the_others_their_place(
    threads: ThreadPoolExecutor, waiting: Queue[None]
) -> None:
    turns = Turns(1)
    turns.take(0)
    second = threads.submit(turns.take, PATIENCE)
    waiting.get(timeout=PATIENCE)
    with pytest.raises(OutOfTime):
        turns.take(0)
    turns.hand_on()
    second.result(PATIENCE)
    turns.hand_on()
    assert count_free(turns) == 1


def test_a_turn_that_comes_at_the_last_moment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Turns(1)

    class LastMoment(Event):
        def wait(self, timeout: float | None = None) -> bool:
            one.hand_on()
            return False  # the time was over, and the turn came before anyone could tell

    one.take(0)
    monkeypatch.setattr(turns, "Event", LastMoment)
    one.take(0)
    monkeypatch.undo()
    assert count_free(one) == 0
    one.hand_on()
    assert count_free(one) == 1


def test_several_have_a_turn_at_once() -> None:
    turns = Turns(3)
    assert count_free(turns) == 3
    turns.hand_on()
    turns.hand_on()
    assert count_free(turns) == 2


def test_never_more_have_a_turn_than_there_are(threads: ThreadPoolExecutor) -> None:
    turns = Turns(2)
    guard = Lock()
    busy: set[int] = set()
    most = 0

    def work(number: int) -> None:
        nonlocal most
        turns.take(PATIENCE)
        try:
            with guard:
                busy.add(number)
                most = max(most, len(busy))
            with guard:
                busy.remove(number)
        finally:
            turns.hand_on()

    list(threads.map(work, range(400)))
    assert most <= 2
    assert count_free(turns) == 2
