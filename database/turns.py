"""What only so many may have at once: it is handed on in the order in which it was asked for."""

from collections import deque
from threading import Event, Lock

from database.errors import OutOfTime


class Turns:
    """So many turns at once, first come, first served."""

    def __init__(self, number: int) -> None:
        self._guard = Lock()
        self._free = number
        self._waiting: deque[Event] = deque()

    def take(self, seconds: float) -> None:
        """Wait for a turn, which has to be handed on; raise OutOfTime if it does not come."""
        with self._guard:
            if self._free:
                self._free -= 1
                return
            mine = Event()
            self._waiting.append(mine)
        if mine.wait(max(seconds, 0)):
            return
        with self._guard:
            if not mine.is_set():  # it may be, at the last moment
                self._waiting.remove(mine)
                raise OutOfTime("others were first, and took too long")

    def hand_on(self) -> None:
        """Let the next one have a turn that is over."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
