"""The PostgreSQL backend: advisory locks for writers, and time limits for all responses."""

from typing import Any

import sqlalchemy as sa
from psycopg import Connection, errors, pq
from psycopg.abc import RV, PQGen

from database.connections import AcquireTimeout, CommitOutcomeUnknown

WRITE_LOCKS = 8
PREPARE = CHECKPOINT = ""  # nothing to do
BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
RESPONSE_TIMEOUT = 2.0  # seconds, for statements without work
STATEMENT_TIMEOUT = 7.0  # seconds; the server itself gives up a write after at most five
LOCK_NAMESPACE = 1986226548  # of our advisory locks, in which 0 is the lock of all
WRONG_ENCODING = "its encoding must be UTF8 (createdb --template=template0 --encoding=UTF8), not {}"
MISSING = errors.UndefinedTable | errors.UndefinedColumn


class DeadlineConnection(Connection[Any]):
    """A connection whose every wait has a deadline; it closes on a timeout."""

    timeout = STATEMENT_TIMEOUT

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Return the result of psycopg's generator; raise AcquireTimeout on a timeout."""
        try:
            return super().wait(gen, interval, timeout or self.timeout)
        except errors.OperationalError:
            if self.info.transaction_status != pq.TransactionStatus.ACTIVE:
                raise
            self.close()
            raise AcquireTimeout("the server does not respond") from None

    def begin(self, lock: int | None, seconds: float) -> None:
        """Begin a transaction once its lock is free; limit the time of its statements."""
        shared = "" if lock is None else f"pg_advisory_xact_lock_shared({LOCK_NAMESPACE}, 0), "
        locks = f"{shared}pg_advisory_xact_lock({LOCK_NAMESPACE}, {lock or 0})"
        limit = f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}"
        # A server may have other defaults.
        self.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {limit}; SELECT {locks}")

    def commit(self) -> None:
        """Commit; raise CommitOutcomeUnknown if the server is lost during the commit."""
        try:
            super().commit()
        except (errors.OperationalError, AcquireTimeout) as error:
            if self.closed:
                raise CommitOutcomeUnknown("The server was lost during a commit.") from error
            raise


def configure(engine: sa.Engine) -> None:
    """Limit the time of each response, and replace connections that were lost while idle."""

    @sa.event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> DeadlineConnection:
        options.setdefault("connect_timeout", int(RESPONSE_TIMEOUT))
        options.setdefault("options", "-c TimeZone=UTC -c DateStyle=ISO")
        options["client_encoding"] = "UTF8"
        driver = DeadlineConnection.connect(*arguments, autocommit=True, **options)
        encoding = driver.info.parameter_status("server_encoding")
        if encoding not in ("UTF8", "SQL_ASCII"):  # it can't store all text
            driver.close()
            raise errors.OperationalError(WRONG_ENCODING.format(encoding))
        return driver

    @sa.event.listens_for(engine, "checkout")
    def check_response(driver: DeadlineConnection, _record: Any, _proxy: Any) -> None:
        driver.timeout = RESPONSE_TIMEOUT
        try:
            driver.execute("")
        except errors.OperationalError as error:
            raise sa.exc.InvalidatePoolError from error
        driver.timeout = STATEMENT_TIMEOUT


def is_locked(error: BaseException) -> bool:
    """Return True if another process held the lock."""
    return isinstance(error, errors.QueryCanceled | errors.LockNotAvailable)


def is_unavailable(error: BaseException) -> bool:
    """Return True if the server is lost, refuses, starts, stops or is full, or lacks our tables."""
    return isinstance(error, errors.OperationalError | errors.InternalError | MISSING)
