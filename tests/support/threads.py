"""Functions that run at the same time, and a clock that goes on only while somebody sleeps."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from typing import Any


def run_at_once(*functions: Callable[[], Any]) -> list[Any]:
    """Begin functions at the same moment; return their results, or raise a failure."""
    barrier = Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [*pool.map(run, functions)]


def repeat_during(work: Callable[[], Any], *others: Callable[[], Any]) -> None:
    """Run a function, and others again and again until it ends."""
    is_over = Event()

    def finish() -> None:
        try:
            work()
        finally:
            is_over.set()

    def repeat(function: Callable[[], Any]) -> None:
        while not is_over.is_set():
            function()

    run_at_once(finish, *(partial(repeat, each) for each in others))


class Clock:
    """A clock that goes on only while somebody sleeps, and does something at a time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.alarm: tuple[float, Callable[[], None]] | None = None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.alarm and self.now >= self.alarm[0]:
            self.alarm[1]()
