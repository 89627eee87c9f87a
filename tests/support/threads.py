"""What happens at the same time."""

from collections.abc import Callable
from threading import Thread
from typing import Any


def run_at_once(*functions: Callable[[], Any]) -> None:
    """Run functions at the same time, and fail if one of them does."""
    failures: list[BaseException] = []

    def guard(function: Callable[[], Any]) -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=guard, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
