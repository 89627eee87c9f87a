"""A clock that goes on only while somebody sleeps."""

from collections.abc import Callable


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
