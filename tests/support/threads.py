"""What happens at the same time."""

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
