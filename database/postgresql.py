"""PostgreSQL as this service uses it: whoever names the same lock waits for its turn."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

LOCK_MILLISECONDS = 5000  # how long a writer waits for the lock
LOCKS = 1986226548  # the class of our advisory locks, in which 0 is the lock of all
LOCK_NOT_AVAILABLE = "55P03"


def configure(engine: Engine) -> None:
    """Set up every connection that an engine makes."""
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "checkout", _check_connection)


def begin(execute: Callable[[str], Any], lock: int | None) -> None:
    """Begin a transaction that may write, as soon as no other has its lock."""
    execute("BEGIN")
    if lock is None:
        execute(f"SELECT pg_advisory_xact_lock({LOCKS}, 0)")
    else:
        execute(f"SELECT pg_advisory_xact_lock_shared({LOCKS}, 0)")
        execute(f"SELECT pg_advisory_xact_lock({LOCKS}, {lock})")


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that another process held the lock."""
    return getattr(error, "sqlstate", None) == LOCK_NOT_AVAILABLE


def _set_up_connection(connection: Any, _record: Any) -> None:
    connection.autocommit = True
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")


def _check_connection(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection that broke while nobody used it."""
    try:
        connection.execute("")
    except Exception as error:
        raise DisconnectionError from error
