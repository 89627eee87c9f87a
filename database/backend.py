"""The interface to the two kinds of database, `sqlite` and `postgresql`, and the errors of both."""

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa


class AcquireTimeout(Exception):
    """The database gave no lock, connection or response in time."""


class CommitOutcomeUnknown(Exception):
    """The connection was lost during a commit, which may or may not have been applied."""


class Driver(Protocol):
    """A connection of the driver."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> object:
        """Run a statement."""

    def begin(self, lock: int | None, seconds: float) -> None:
        """Begin a write transaction; raise an error if its lock is not free in time.

        Writers with the same lock wait for each other; a writer without one waits for all.
        """

    def commit(self) -> None:
        """Commit; raise CommitOutcomeUnknown if the connection is lost during the commit."""

    def rollback(self) -> None:
        """Roll back the transaction or end the snapshot, if there is one."""


class Backend(Protocol):
    """A module with the code for one kind of database."""

    WRITE_LOCKS: int  # writers of a process that may compete for the database's locks
    PREPARE: str  # the statement that enables reading while another process writes
    BEGIN_SNAPSHOT: str  # the one that begins reading from one consistent snapshot
    CHECKPOINT: str  # the one that moves all data into the database's file

    def configure(self, engine: sa.Engine) -> None:
        """Make an engine open such drivers, and check each one before it is used again."""

    def is_locked(self, error: BaseException) -> bool:
        """Return True if a driver's error means that a lock was not free in time."""

    def is_unavailable(self, error: BaseException) -> bool:
        """Return True if a driver's error means that the database can't be used."""
