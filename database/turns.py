"""A lock that is handed on in the order in which it was asked for."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class OutOfTime(Exception):
    """A turn did not come in time."""


class Turns:
    """What one at a time may do, first come, first served."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._is_taken = False
        self._waiting: deque[Event] = deque()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for a turn, and have it; raise OutOfTime if it does not come in time."""
        if not self._take(seconds):
            raise OutOfTime("Others were first, and took too long.")
        try:
            yield
        finally:
            self._hand_on()

    def _take(self, seconds: float) -> bool:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = Event()
            self._waiting.append(mine)
        if mine.wait(max(seconds, 0)):
            return True
        with self._guard:
            if mine.is_set():  # at the last moment
                return True
            self._waiting.remove(mine)
        return False

    def _hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
