"""Authentication: the staff member of the bearer token, in the token's sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from werkzeug.exceptions import Conflict

from conversations.callers import AuthenticationFailed, UnknownSandbox, get_caller
from database.connections import begin_snapshot, get_connection, transaction
from demo.seeding import STAFF_TOKENS, create_demo_sandbox
from models import DEFAULT_SANDBOX
from sandboxes.lifecycle import NAME
from web.record import SAFE_METHODS, RequestRecord, get_record

NO_TOKEN = "The header Authorization must be Bearer, a space and a token."
NO_NAME = "The name after @ must be 1 to 64 of A-Z a-z 0-9 . _ -; FLASK_SANDBOXES=0 allows none."
SANDBOX_DELETED = (
    "The sandbox was deleted while this request waited; nothing was stored. The next request with"
    " its name creates it again."
)


def authenticate() -> None:
    """Find the caller of this request; create the sandbox on its first use.

    A read-only request uses a single snapshot from here on.
    """
    record = get_record()
    record.headers["Cache-Control"] = "no-store"
    method = record.environ["REQUEST_METHOD"]
    if method == "OPTIONS":
        return
    if not record.token:
        raise AuthenticationFailed(NO_TOKEN)
    has_name = "@" in record.environ["HTTP_AUTHORIZATION"]
    if has_name and not (record.config["SANDBOXES"] and NAME.fullmatch(record.sandbox)):
        raise UnknownSandbox(NO_NAME)
    while True:
        connection = begin_snapshot() if method in SAFE_METHODS else get_connection()
        try:
            record.known_caller = get_caller(connection, record.token, record.sandbox)
            return
        except UnknownSandbox:
            if record.token not in STAFF_TOKENS or record.sandbox == DEFAULT_SANDBOX:
                raise
        create_demo_sandbox(record.sandbox, record.config["SANDBOXES"])


@contextmanager
def transaction_of_caller(record: RequestRecord) -> Iterator[sa.Connection]:
    """Begin the write transaction of the caller's sandbox, and find the caller again inside.

    A request that waited for the lock is thus applied after the changes of others.
    """
    with transaction(record.caller.sandbox["id"]) as connection:
        authenticate_again(record, connection)
        yield connection


def authenticate_again(record: RequestRecord, connection: sa.Connection) -> None:
    """Find the caller again after a wait; raise Conflict if the sandbox was deleted."""
    try:
        caller = get_caller(connection, record.token, record.sandbox)
    except UnknownSandbox:
        raise Conflict(SANDBOX_DELETED) from None
    if caller.sandbox["id"] != record.caller.sandbox["id"]:  # deleted, and created again
        raise Conflict(SANDBOX_DELETED)
    record.known_caller = caller
