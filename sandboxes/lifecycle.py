"""Sandboxes: creating, finding, updating, evicting and deleting them."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy import bindparam, delete, func, select, update

from database.statements import Query, Row, Statement, save_row
from models import DEFAULT_SANDBOX, Business, Conversation, JournalEntry, Message, Sandbox, new_row
from states.parsing import LIMITS, MAX_BYTES, TOO_LARGE, TOO_MANY
from states.storage import DELETE_CONTENT, Content, insert_rows, make_rows

NAME = re.compile("[A-Za-z0-9._-]{1,64}")
LINE_BYTES = 17  # an upper limit of the JSON around each field and array item of a state
EVICTION_AGE = timedelta(days=1)  # real time since the last use

_columns = Sandbox.__table__.columns
_has_id = Sandbox.id == bindparam("sandbox_id")
LOCK_SANDBOX = Query(select(*_columns).where(_has_id).with_for_update())  # ignored by SQLite
DELETE_SANDBOX = Statement(delete(Sandbox).where(_has_id))
DELETE_ENTRIES = Statement(
    delete(JournalEntry).where(JournalEntry.sandbox_id == bindparam("sandbox_id"))
)
COUNT_SANDBOXES = Statement(select(func.count()).where(Sandbox.name != DEFAULT_SANDBOX))
SELECT_SANDBOX_NAMED = Query(select(*_columns).where(Sandbox.name == bindparam("name")))
COUNTED: dict[str, Any] = {"conversations": Conversation, "messages": Message}
_in_sandbox = Business.sandbox_id == bindparam("sandbox_id")
_counts = (select(func.count(model.id)).join(Business) for model in COUNTED.values())
COUNT = Statement(select(*(count.where(_in_sandbox).scalar_subquery() for count in _counts)))
_size = Sandbox.state_size + bindparam("growth")
GROW = Statement(update(Sandbox).where(_has_id, _size <= MAX_BYTES).values(state_size=_size))


class TooManySandboxes(Exception):
    """The maximum number of sandboxes exists, and all were used within EVICTION_AGE."""


def find_sandbox(connection: sa.Connection, name: str) -> Row | None:
    """Return the row of a sandbox by name, or None."""
    row = SELECT_SANDBOX_NAMED.first(connection, {"name": name})
    return row[0] if row else None


def create_sandbox(connection: sa.Connection, name: str) -> Row:
    """Create a sandbox without content."""
    now = datetime.now(UTC)
    row = new_row(
        Sandbox,
        name=name,
        generation=secrets.randbits(63),
        revision=int(now.timestamp() * 1000),  # exceeds those of earlier sandboxes of this name
        last_used_at=now,
    )
    return save_row(connection, Sandbox, None, row)


def update_sandbox(connection: sa.Connection, sandbox: Row, **changes: Any) -> Row:
    """Update columns of a sandbox and increment its revision; return the row."""
    changes["revision"] = sandbox["revision"] + 1
    return save_row(connection, Sandbox, sandbox, sandbox | changes)


def load_state(
    connection: sa.Connection, sandbox: Row, state: Row, content: Content | None = None
) -> Row:
    """Replace a sandbox's content with a state, or with rows prepared from it; return its row."""
    frozen_at = state.get("now", sandbox["frozen_at"])
    content = content or make_rows(state, frozen_at or datetime.now(UTC))
    for statement in DELETE_CONTENT:
        statement.run(connection, {"sandbox_id": sandbox["id"]})
    insert_rows(connection, content, {"sandbox": [sandbox["id"]]})
    return update_sandbox(connection, sandbox, frozen_at=frozen_at, state_size=state["size"])


def grow_state(connection: sa.Connection, sandbox_id: int, field: str, *added: Row) -> None:
    """Add the size of new data to that of a sandbox's state; raise ValidationError at the limit."""
    [counts] = COUNT.run(connection, {"sandbox_id": sandbox_id}).fetchall()
    for name, count in zip(COUNTED, counts, strict=True):
        limit, _ = LIMITS[name]
        if count > limit:
            raise ValidationError({field: [TOO_MANY.format(limit, name)]})
    lines = sum(len(row) + len(row.get("channels", ())) for row in added)
    growth = len(orjson.dumps(added)) + lines * LINE_BYTES
    if not GROW.run(connection, {"sandbox_id": sandbox_id, "growth": growth}).rowcount:
        raise ValidationError({field: [TOO_LARGE]})


def clear_journal(connection: sa.Connection, sandbox: Row, **changes: Any) -> Row:
    """Clear a sandbox's request journal, also of requests not yet written; return the row."""
    values = {"sandbox_id": sandbox["id"]}
    LOCK_SANDBOX.first(connection, values)  # excludes the journal's writer
    DELETE_ENTRIES.run(connection, values)
    return update_sandbox(connection, sandbox, generation=secrets.randbits(63), **changes)


def delete_sandbox(connection: sa.Connection, sandbox_id: int) -> None:
    """Delete a sandbox with all its content."""
    DELETE_SANDBOX.run(connection, {"sandbox_id": sandbox_id})


def evict_sandbox(connection: sa.Connection) -> None:
    """Delete the least recently used sandbox; raise TooManySandboxes if its use is recent."""
    oldest = select(Sandbox.id, Sandbox.last_used_at).where(Sandbox.name != DEFAULT_SANDBOX)
    sandbox = connection.execute(oldest.order_by(Sandbox.last_used_at).limit(1)).one()
    if datetime.now(UTC) - sandbox.last_used_at < EVICTION_AGE:
        raise TooManySandboxes
    delete_sandbox(connection, sandbox.id)
