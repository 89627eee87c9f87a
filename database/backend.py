"""The interface to the two kinds of database, `sqlite` and `postgresql`, and the errors of both."""

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa


class AcquireTimeout(Exception):
    """A lock, a connection or a response of the database could not be had in time."""


class CommitOutcomeUnknown(Exception):
    """The database was lost during a commit, which was carried out or not."""


class Driver(Protocol):
    """A connection of the driver."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> object:
        """Run a statement."""

    def begin(self, lock: int | None, seconds: float) -> None:
        """Begin a transaction that may write; raise an error if its lock can't be had in time.

        Writers with the same lock wait for each other; a writer without one waits for all.
        """

    def commit(self) -> None:
        """Commit; raise CommitOutcomeUnknown if the database is lost meanwhile."""

    def rollback(self) -> None:
        """Undo the transaction, or end the snapshot; do nothing outside of both."""


class Backend(Protocol):
    """A module with everything that depends on the kind of database."""

    WRITE_LOCKS: int  # writers of a process that may compete for the database's locks
    PREPARE: str  # the statement that enables reading while another process writes
    BEGIN_SNAPSHOT: str  # the one that begins reading from one consistent snapshot
    CHECKPOINT: str  # the one that moves all data into the database's file

    def configure(self, engine: sa.Engine) -> None:
        """Make an engine open such drivers, and check each one before it is used again."""

    def is_locked(self, error: BaseException) -> bool:
        """Return True if a driver's error means that a lock could not be had in time."""

    def is_unavailable(self, error: BaseException) -> bool:
        """Return True if a driver's error is the database's own, and not that of a statement."""
