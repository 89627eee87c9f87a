"""The journal: which requests were made in a sandbox, the newest of which are kept."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import BigInteger, bindparam, delete, insert, select, update

from database.statements import Query, Row, Statement
from models import JournalEntry, Sandbox

LOCK = -1  # of whoever writes a journal, so that ids are stored in their order
_columns = [column.key for column in JournalEntry.__table__.columns if column.key != "id"]
INSERT = Statement(insert(JournalEntry).values({name: bindparam(name) for name in _columns}))
_of_sandbox = JournalEntry.sandbox_id == bindparam("sandbox_id")
_newest = select(JournalEntry.id).where(_of_sandbox).order_by(JournalEntry.id.desc())
_newest_dropped = _newest.limit(1).offset(bindparam("most", type_=BigInteger)).scalar_subquery()
PRUNE = Statement(delete(JournalEntry).where(_of_sandbox, JournalEntry.id <= _newest_dropped))
NOTE_USE = Statement(
    update(Sandbox)
    .where(Sandbox.id == bindparam("sandbox_id"))
    .values(used_at=bindparam("used_at"))
)
SELECT_ENTRIES = Query(
    select(*JournalEntry.__table__.columns)
    .where(_of_sandbox, JournalEntry.id > bindparam("after", type_=BigInteger))
    .order_by(JournalEntry.id.desc())
    .limit(bindparam("limit"))
)


class FinishedRequest(NamedTuple):
    """A request that has its response, but is not in the journal yet."""

    at: datetime  # when it had it, in real time
    entry: Row


def write_journal(
    connection: sa.Connection, finished: Sequence[FinishedRequest], used: Iterable[int], most: int
) -> None:
    """Store requests, and the sandboxes that were used lately, by their ids.

    What was answered before the sandbox was made or its journal emptied is left out. The newest
    `most` entries of each sandbox are kept.
    """
    wanted = {each.entry["sandbox_id"] for each in finished} | {*used}
    query = select(Sandbox.id, Sandbox.emptied_at).where(Sandbox.id.in_(wanted))
    locked = connection.execute(query.order_by(Sandbox.id).with_for_update())
    emptied_at = {sandbox_id: time for sandbox_id, time in locked}
    entries = [
        each.entry
        for each in finished
        if each.entry["sandbox_id"] in emptied_at
        and each.at >= emptied_at[each.entry["sandbox_id"]]
    ]
    INSERT.run_many(connection, entries)
    sandbox_ids = sorted({entry["sandbox_id"] for entry in entries})
    PRUNE.run_many(connection, [{"sandbox_id": each, "most": most} for each in sandbox_ids])
    now = datetime.now(UTC)
    in_use = [each for each in used if each in emptied_at]
    NOTE_USE.run_many(connection, [{"sandbox_id": each, "used_at": now} for each in in_use])


def list_entries(
    connection: sa.Connection, sandbox_id: int, *, after: int, limit: int
) -> list[Row]:
    """Return the newest entries of a sandbox, of those with a greater id; newest first."""
    values = {"sandbox_id": sandbox_id, "after": after, "limit": limit}
    return [row for [row] in SELECT_ENTRIES.all(connection, values)]
