"""A queue for what is limited: first come, first served."""

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
        try:
            mine.wait(max(seconds, 0))
        except BaseException:
            if not self._leave(mine):
                self.hand_on()
            raise
        if self._leave(mine):
            raise OutOfTime("others were first, and took too long")

    def _leave(self, mine: Event) -> bool:
        """Stop waiting; say whether that was in vain, for a turn may come at the last moment."""
        with self._guard:
            if mine.is_set():
                return False
            self._waiting.remove(mine)
            return True

    def hand_on(self) -> None:
        """Let the next one have a turn that is over."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
