"""PostgreSQL as this service uses it: whoever names the same lock waits for its turn."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, event

from database.errors import UnknownOutcome

CONNECTIONS = 15  # of a process
WRITERS = 8  # that a process lets try for the database's locks at once, whoever they write for
STATEMENT_SECONDS = 5.0  # that a statement may take
ANSWER_SECONDS = 2.0  # that the server may take to say that it is there
OUTCOME_SECONDS = 30.0  # how long we ask for the outcome of a commit whose answer was lost
LOCKS = 1986226548  # the class of our advisory locks, in which 0 is the lock of all


class Unanswered(psycopg.OperationalError):
    """The server took too long to answer; the connection is of no more use."""


class PatientConnection(psycopg.Connection[Any]):
    """A connection on which no answer is waited for without a limit."""

    seconds: float | None = STATEMENT_SECONDS
    transaction_id: int
    begun_at: datetime  # by the server's clock
    open_another: Callable[[], "PatientConnection"]

    def wait(
        self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None
    ) -> Any:
        """Return what a generator of psycopg's returns; raise Unanswered if that takes too long."""
        return super().wait(_limit(gen, self.seconds), interval, timeout)


def configure(engine: Engine) -> None:
    """Set up every connection that an engine makes."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _set_up_connection)


def is_in_memory(_url: URL) -> bool:
    """Say whether a database lives in the memory of one process."""
    return False


def create(_url: URL) -> None:
    """Leave it to the server's owner to make a database."""


def prepare(_driver: PatientConnection) -> None:
    """Leave the server as it is."""


def tidy_up(_driver: PatientConnection) -> None:
    """Leave the server as it is."""


def is_usable(driver: PatientConnection) -> bool:
    """Say whether a connection that nobody used for a while still works."""
    driver.seconds = ANSWER_SECONDS
    try:
        driver.execute("")
    except psycopg.Error:
        return False
    finally:
        driver.seconds = STATEMENT_SECONDS
    return True


def begin_snapshot(driver: PatientConnection) -> None:
    """Let the statements until `roll_back` read what was stored when the first of them began."""
    driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def begin(driver: PatientConnection, lock: int | None, seconds: float) -> None:
    """Begin a transaction that may write, as soon as no other has its lock.

    No statement in it may take longer than that, whatever it waits for.
    """
    locks = f"pg_advisory_xact_lock({LOCKS}, 0)"
    if lock is not None:
        locks = f"pg_advisory_xact_lock_shared({LOCKS}, 0), pg_advisory_xact_lock({LOCKS}, {lock})"
    milliseconds = max(1, round(seconds * 1000))
    driver.seconds = milliseconds / 1000 + ANSWER_SECONDS  # the server is the first to give up
    cursor = driver.execute(
        f"BEGIN; SET LOCAL statement_timeout = {milliseconds};"
        f" SELECT {locks}, txid_current(), now()"
    )
    while cursor.nextset():
        pass
    [row] = cursor.fetchall()
    driver.transaction_id, driver.begun_at = row[-2:]


def commit(driver: PatientConnection) -> None:
    """Store what the transaction wrote.

    Raises UnknownOutcome if the server is lost at that moment, and can't tell afterwards.
    """
    driver.seconds = None  # there is no way back
    try:
        driver.commit()
    except psycopg.OperationalError:
        if not driver.closed or not _was_committed(driver):
            raise
    finally:
        driver.seconds = STATEMENT_SECONDS


def roll_back(driver: PatientConnection) -> None:
    """Forget what the transaction wrote."""
    driver.seconds = STATEMENT_SECONDS
    if driver.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        driver.rollback()


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that another process held the lock, or any other."""
    return isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable)


def is_unavailable(error: BaseException) -> bool:
    """Say whether an error is the server's own, and not that of a statement.

    So it is where the server is lost, refuses, starts, stops, is full, or without our tables.
    """
    return isinstance(
        error,
        psycopg.OperationalError
        | psycopg.InternalError
        | psycopg.errors.UndefinedTable
        | psycopg.errors.UndefinedColumn,
    )


# After a crash the server may use the id of a transaction again, if that one is not stored. Such an
# end of the server is followed by a checkpoint, whose time has whole seconds.
OUTCOME = """SELECT txid_status(%s), checkpoint_time >= date_trunc('second', %s::timestamptz)
    FROM pg_control_checkpoint()"""


def _was_committed(driver: PatientConnection) -> bool:
    """Ask for the outcome of a transaction whose connection is lost."""
    deadline = time.monotonic() + OUTCOME_SECONDS
    while time.monotonic() < deadline:
        try:
            with closing(driver.open_another()) as fresh:
                values = (driver.transaction_id, driver.begun_at)
                [(outcome, may_be_another)] = fresh.execute(OUTCOME, values).fetchall()
        except psycopg.errors.InvalidParameterValue:  # there has been no such transaction
            return False
        except psycopg.Error:
            outcome = None
        if outcome == "aborted":
            return False
        if outcome == "committed":
            if may_be_another:
                break
            return True
        time.sleep(0.2)
    raise UnknownOutcome("The database server was lost while it stored a change.")


def _connect(_dialect: Any, _record: Any, arguments: list[Any], options: Any) -> PatientConnection:
    options = {"connect_timeout": int(ANSWER_SECONDS)} | options
    connection = PatientConnection.connect(*arguments, **options)
    connection.open_another = partial(PatientConnection.connect, *arguments, **options)
    return connection


def _set_up_connection(connection: PatientConnection, _record: Any) -> None:
    connection.autocommit = True
    connection.execute("SET TIME ZONE 'UTC'")


def _limit(gen: Generator[Any, Any, Any], seconds: float | None) -> Generator[Any, Any, Any]:
    """Let a generator of psycopg's wait for so long, each time that it is run."""
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and deadline is not None and time.monotonic() > deadline:
                raise Unanswered("the server does not answer")
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value
