"""PostgreSQL as this service uses it: the writes of one business wait for each other.

All that is particular to PostgreSQL is here.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError

LOCK_MILLISECONDS = 5000  # how long a writer waits for the lock
LOCKS = 1986226548  # the class of our advisory locks; 0 is the lock of all, others of a business
LOCK_NOT_AVAILABLE = "55P03"


def configure(engine: Engine) -> None:
    """Set up every connection that an engine makes."""
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "checkout", _check)
    event.listen(engine, "begin", _begin)


def take_write_lock(execute: Callable[[str], Any], business_id: int | None = None) -> None:
    """Begin a transaction that may write to one business, or to all, when no other does."""
    execute("BEGIN")
    if business_id is None:
        execute(f"SELECT pg_advisory_xact_lock({LOCKS}, 0)")
    else:
        execute(f"SELECT pg_advisory_xact_lock_shared({LOCKS}, 0)")
        execute(f"SELECT pg_advisory_xact_lock({LOCKS}, {business_id})")


def is_locked(error: BaseException | None) -> bool:
    """Say whether an error means that another process held a lock."""
    error = getattr(error, "orig", error)  # of SQLAlchemy's own
    return getattr(error, "sqlstate", None) == LOCK_NOT_AVAILABLE


def _set_up_connection(connection: Any, _record: Any) -> None:
    connection.autocommit = True  # reads need no transaction, and writes begin theirs
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")


def _check(connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection that broke while nobody used it."""
    try:
        connection.execute("")
    except Exception as error:
        raise DisconnectionError from error


def _begin(connection: Connection) -> None:
    """Take the lock at the start of a transaction that will write."""
    if connection.get_execution_options().get("write"):
        take_write_lock(connection.exec_driver_sql)
