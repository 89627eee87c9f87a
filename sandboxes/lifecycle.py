"""Sandboxes: how they are made, found, changed as a whole, and deleted."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, delete, func, select

from database.connections import transaction
from database.statements import Query, Row, Statement, save_row
from models import (
    DEFAULT_SANDBOX,
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    JournalEntry,
    Message,
    Sandbox,
    StaffMember,
    new_row,
)
from states.export import OF_SANDBOX
from states.storage import StoredToken, empty, replace_content

LOCK = -2  # of whoever makes a sandbox
NAME = re.compile("[A-Za-z0-9._-]{1,64}")
UNUSED = timedelta(days=1)  # real time, after which a sandbox gives way to a new one

_sandbox = select(*Sandbox.__table__.columns).where(Sandbox.id == bindparam("sandbox_id"))
SELECT_SANDBOX = Query(_sandbox)
LOCK_SANDBOX = Query(_sandbox.with_for_update())  # SQLite has its one lock instead
SELECT_SANDBOX_NAMED = Query(
    select(*Sandbox.__table__.columns).where(Sandbox.name == bindparam("name"))
)
SELECT_SANDBOXES = Query(select(*Sandbox.__table__.columns).order_by(Sandbox.name))
_staff = select(StaffMember.id).join(Business).where(OF_SANDBOX)
EMPTY_JOURNAL = Statement(
    delete(JournalEntry).where(JournalEntry.sandbox_id == bindparam("sandbox_id"))
)
DELETE = (
    EMPTY_JOURNAL,
    Statement(delete(AccessToken).where(AccessToken.sandbox_id == bindparam("sandbox_id"))),
    Statement(delete(StaffMember).where(StaffMember.id.in_(_staff))),
    Statement(delete(Business).where(OF_SANDBOX)),
    Statement(delete(Sandbox).where(Sandbox.id == bindparam("sandbox_id"))),
)


class Superseded(Exception):
    """While a request waited, its sandbox was deleted."""


class NoRoom(Exception):
    """Another sandbox would have to go first."""


class TooManySandboxes(Exception):
    """There are as many as there may be, and all were used lately."""


def get_sandbox(connection: sa.Connection, sandbox_id: int) -> Row:
    """Return the row of a sandbox; raise Superseded if it was deleted."""
    return _get(SELECT_SANDBOX, connection, sandbox_id)


def lock_sandbox(connection: sa.Connection, sandbox_id: int) -> Row:
    """Return the row of a sandbox, which nobody else changes until this transaction ends.

    Raises Superseded if it was deleted.
    """
    return _get(LOCK_SANDBOX, connection, sandbox_id)


@contextmanager
def hold_sandbox(sandbox_id: int) -> Iterator[tuple[sa.Connection, Row]]:
    """Hold the write lock of a sandbox, and yield the connection and the sandbox's row.

    Raises Superseded if it was deleted, and what `transaction` does.
    """
    with transaction(sandbox_id) as connection:
        yield connection, lock_sandbox(connection, sandbox_id)


def find_sandbox(connection: sa.Connection, name: str) -> Row | None:
    """Return the row of the sandbox of a name, or None."""
    row = SELECT_SANDBOX_NAMED.first(connection, {"name": name})
    return row[0] if row else None


def list_sandboxes(connection: sa.Connection) -> list[Row]:
    """Return the rows of all sandboxes, in the order of their names."""
    return [row for [row] in SELECT_SANDBOXES.all(connection, {})]


def make_sandbox(connection: sa.Connection, name: str) -> Row:
    """Make a sandbox without content."""
    now = datetime.now(UTC)
    number = int(now.timestamp() * 1000)  # greater than of any sandbox that had the name before
    row = new_row(
        Sandbox,
        name=name,
        version=number,
        reset_version=number,
        revision=number,
        used_at=now,
        emptied_at=now,
    )
    return save_row(connection, Sandbox, None, row)


def change_sandbox(connection: sa.Connection, sandbox: Row, **changes: Any) -> Row:
    """Change columns of a sandbox; return the row.

    Its revision moves, and its version, too, unless only the faults change.
    """
    moved = {"revision": sandbox["revision"] + 1}
    if changes.keys() != {"faults"}:
        moved["version"] = sandbox["version"] + 1
    return save_row(connection, Sandbox, sandbox, sandbox | changes | moved)


def reset_sandbox(
    connection: sa.Connection,
    sandbox: Row,
    state: Row,
    invalid_tokens: Iterable[StoredToken],
    frozen_at: datetime | None = None,
) -> Row:
    """Make a sandbox as if it were new, with the content of a state and `invalid_tokens`.

    Its clock stands at a time if one is given or the state has one, or else runs.
    """
    if frozen_at is None and state.get("now"):
        frozen_at = state["now"].absolute
    now = frozen_at or datetime.now(UTC)
    replace_content(connection, sandbox["id"], state, now, invalid_tokens)
    EMPTY_JOURNAL.run(connection, {"sandbox_id": sandbox["id"]})
    fresh = {"reset_version": sandbox["version"] + 1, "emptied_at": datetime.now(UTC)}
    return change_sandbox(connection, sandbox, frozen_at=frozen_at, faults=[], **fresh)


def load_state(connection: sa.Connection, sandbox: Row, state: Row) -> Row:
    """Replace the content of a sandbox by a state; its clock stays where the state has no `now`."""
    frozen_at = sandbox["frozen_at"]
    if "now" in state:
        frozen_at = state["now"] and state["now"].absolute
    replace_content(connection, sandbox["id"], state, frozen_at or datetime.now(UTC))
    return change_sandbox(connection, sandbox, frozen_at=frozen_at)


def empty_journal(connection: sa.Connection, sandbox: Row) -> None:
    """Forget the requests that were made in a sandbox."""
    EMPTY_JOURNAL.run(connection, {"sandbox_id": sandbox["id"]})
    emptied = sandbox | {"emptied_at": datetime.now(UTC)}
    save_row(connection, Sandbox, sandbox, emptied)


def delete_sandbox(connection: sa.Connection, sandbox_id: int) -> None:
    """Delete a sandbox with all that it holds."""
    lock_sandbox(connection, sandbox_id)
    empty(connection, sandbox_id)
    for statement in DELETE:
        statement.run(connection, {"sandbox_id": sandbox_id})


def delete_other_sandboxes(connection: sa.Connection) -> None:
    """Delete all sandboxes but the default one, which may lose its content, too."""
    for emptied in (JournalEntry, Message, Collaborator, Conversation, Client):
        connection.execute(delete(emptied))
    others = select(Sandbox.id).where(Sandbox.name != DEFAULT_SANDBOX)
    businesses = select(Business.id).where(Business.sandbox_id.in_(others))
    connection.execute(delete(AccessToken).where(AccessToken.sandbox_id.in_(others)))
    connection.execute(delete(StaffMember).where(StaffMember.business_id.in_(businesses)))
    connection.execute(delete(Business).where(Business.sandbox_id.in_(others)))
    connection.execute(delete(Sandbox).where(Sandbox.name != DEFAULT_SANDBOX))


def _get(query: Query, connection: sa.Connection, sandbox_id: int) -> Row:
    row = query.first(connection, {"sandbox_id": sandbox_id})
    if row is None:
        raise Superseded
    return row[0]  # type: ignore[no-any-return]


def make_room(connection: sa.Connection, most: int, *, may_delete: bool) -> None:
    """Let there be fewer sandboxes than `most` besides the default one.

    For that, those go that nobody used for a day, the least recently used first. Raises NoRoom
    where nothing may be deleted, and TooManySandboxes where none of them may go.
    """
    others = Sandbox.name != DEFAULT_SANDBOX
    count = connection.scalar(select(func.count()).select_from(Sandbox).where(others)) or 0
    while count >= most:
        if not may_delete:
            raise NoRoom
        by_use = select(Sandbox.id, Sandbox.used_at).where(others).order_by(Sandbox.used_at)
        sandbox_id, used_at = connection.execute(by_use.limit(1)).one()
        if datetime.now(UTC) - used_at < UNUSED:
            raise TooManySandboxes
        delete_sandbox(connection, sandbox_id)
        count -= 1
