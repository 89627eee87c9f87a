"""The connections of a process: opened when they are needed, used again, and never too many.

SQLAlchemy's own pools do the same in ten times the time, which would be a tenth of a request's.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from database.turns import Turns

WAIT_SECONDS = 5.0  # for a connection, where all are in use


class Pool:
    """A limited number of an engine's connections; the engine itself keeps none."""

    def __init__(self, engine: sa.Engine, most: int, is_usable: Callable[[Any], bool]) -> None:
        self._engine = engine
        self._is_usable = is_usable
        self._turns = Turns(most)
        self._idle: list[sa.Connection] = []

    def take(self, seconds: float | None = None) -> sa.Connection:
        """Return a connection for one user; raise OutOfTime, or the database's error."""
        self._turns.take(WAIT_SECONDS if seconds is None else seconds)
        try:
            with suppress(IndexError):
                while connection := self._idle.pop():
                    if self._check(connection):
                        return connection
            return self._engine.connect()
        except BaseException:
            self._turns.hand_on()
            raise

    def give_back(self, connection: sa.Connection) -> None:
        """Let the next user have a connection, unless it is broken."""
        try:
            if connection.in_transaction():  # SQLAlchemy's; the driver's is over
                connection.rollback()
            self._idle.append(connection)
        except sa.exc.SQLAlchemyError:
            self._close(connection)
        finally:
            self._turns.hand_on()

    def close(self) -> None:
        """Close all connections that nobody uses."""
        while self._idle:
            self._close(self._idle.pop())
        self._engine.dispose()

    def _check(self, connection: sa.Connection) -> bool:
        """Say whether a connection can be used; close all if not, which are as old as it."""
        try:
            is_usable = self._is_usable(connection.connection.driver_connection)
        except BaseException:
            self._idle.append(connection)  # it may be usable again
            raise
        if not is_usable:
            self._idle.append(connection)
            self.close()
        return is_usable

    def _close(self, connection: sa.Connection) -> None:
        connection.invalidate()  # without a last word to a server that may be lost
        connection.close()
