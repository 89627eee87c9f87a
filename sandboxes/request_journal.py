"""The request journal: the newest requests of each sandbox and their outcomes."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import BigInteger, bindparam, delete, insert, select, update

from database.statements import Query, Row, Statement
from models import JournalEntry, Sandbox
from sandboxes.lifecycle import LOCK_SANDBOX

JOURNAL_LOCK = -1  # the lock of the process that writes the journal
_columns = JournalEntry.__table__.columns
INSERT = Statement(insert(JournalEntry).values({c.key: bindparam(c.key) for c in _columns[1:]}))
_of_sandbox = JournalEntry.sandbox_id == bindparam("sandbox_id")
_of_kind = _of_sandbox & sa.or_(
    sa.not_(bindparam("of_401", type_=sa.Boolean)), JournalEntry.status == 401
)
_newest = select(JournalEntry.id).where(_of_kind)
_newest = _newest.order_by(JournalEntry.time.desc(), JournalEntry.id.desc())
PRUNE = Statement(
    delete(JournalEntry).where(JournalEntry.id.in_(_newest.offset(bindparam("limit"))))
)
SELECT_ENTRIES = Query(
    select(*_columns)
    .where(_of_sandbox, JournalEntry.id > bindparam("after", type_=BigInteger))
    .order_by(JournalEntry.time.desc(), JournalEntry.id.desc())
    .limit(bindparam("limit"))
)


class FinishedRequest(NamedTuple):
    """A request that has its response and is not stored yet."""

    sandbox_id: int
    generation: int  # of the sandbox when the request found its caller
    entry: Row | None  # None stores only the sandbox's use


def write_journal(
    connection: sa.Connection, finished: Sequence[FinishedRequest], limit: int
) -> None:
    """Store requests, and keep the `limit` newest of each sandbox, a quarter of them with 401.

    Entries from before a reset of the sandbox or its journal are dropped.
    """
    generations: dict[int, int] = {}
    for sandbox_id in sorted({each.sandbox_id for each in finished}):
        if row := LOCK_SANDBOX.first(connection, {"sandbox_id": sandbox_id}):
            generations[sandbox_id] = row[0]["generation"]
    stored, refused = Counter[int](), Counter[int]()  # by the sandbox's id
    entries = []
    for sandbox_id, generation, entry in reversed(finished):
        if entry and generations.get(sandbox_id) == generation and stored[sandbox_id] < limit:
            if entry["status"] == 401:
                refused[sandbox_id] += 1
            if entry["status"] != 401 or refused[sandbox_id] <= limit // 4:
                stored[sandbox_id] += 1
                entries.append(entry | {"sandbox_id": sandbox_id})
    entries.reverse()  # the oldest first
    INSERT.run_many(connection, entries)
    for of_401, limited, most in ((True, refused, limit // 4), (False, stored, limit)):
        values = {"of_401": of_401, "limit": most}
        PRUNE.run_many(connection, [values | {"sandbox_id": each} for each in limited])
    if used := {each.sandbox_id for each in finished if each.entry is None}:
        touch = update(Sandbox).where(Sandbox.id.in_(used)).values(last_used_at=datetime.now(UTC))
        connection.execute(touch)


def list_entries(
    connection: sa.Connection, sandbox_id: int, *, after: int, limit: int
) -> list[Row]:
    """Return the newest entries of a sandbox with ids greater than `after`, newest first."""
    values = {"sandbox_id": sandbox_id, "after": after, "limit": limit}
    return [row | row["details"] for [row] in SELECT_ENTRIES.all(connection, values)]
