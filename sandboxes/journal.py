"""The journal: which requests were made in a sandbox, the newest of which are kept."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import BigInteger, bindparam, delete, insert, select, update

from database.statements import Query, Row, Statement
from models import JournalEntry, Sandbox
from sandboxes.lifecycle import LOCK_SANDBOX

LOCK = -1  # of whoever writes a journal
SETTLED_SECONDS = 0.08  # after its response, when every process has stored a request
MICROSECONDS = 1_000_000
_columns = JournalEntry.__table__.columns.keys()
INSERT = Statement(insert(JournalEntry).values({name: bindparam(name) for name in _columns}))
_of_sandbox = JournalEntry.sandbox_id == bindparam("sandbox_id")
_newest = select(JournalEntry.id).where(_of_sandbox).order_by(JournalEntry.id.desc())
_least, _most = bindparam("least", type_=BigInteger), bindparam("most", type_=BigInteger)
SELECT_IDS = Query(select(JournalEntry.id).where(JournalEntry.id >= _least))
_newest_dropped = _newest.limit(1).offset(_most).scalar_subquery()
PRUNE = Statement(delete(JournalEntry).where(_of_sandbox, JournalEntry.id <= _newest_dropped))
NOTE_USE = Statement(
    update(Sandbox)
    .where(Sandbox.id == bindparam("sandbox_id"))
    .values(used_at=bindparam("used_at"))
)
SELECT_ENTRIES = Query(
    select(*JournalEntry.__table__.columns)
    .where(_of_sandbox, JournalEntry.id > bindparam("after", type_=BigInteger))
    .where(JournalEntry.id <= bindparam("until", type_=BigInteger))
    .order_by(JournalEntry.id.desc())
    .limit(bindparam("limit"))
)


class FinishedRequest(NamedTuple):
    """A request that has its response, but is not in the journal yet."""

    at: datetime  # when it had it, in real time
    version: int | None  # of the sandbox, as the caller had it, if there was a caller
    entry: Row


def write_journal(
    connection: sa.Connection, finished: Sequence[FinishedRequest], used: Iterable[int], most: int
) -> None:
    """Store requests, and the sandboxes that were used lately, by their ids.

    What was answered before the sandbox was made or its journal emptied is left out. The newest
    `most` entries of each sandbox are kept.
    """
    sandboxes = {}
    for sandbox_id in sorted({each.entry["sandbox_id"] for each in finished} | {*used}):
        if row := LOCK_SANDBOX.first(connection, {"sandbox_id": sandbox_id}):
            [sandboxes[sandbox_id]] = row
    kept = [
        each
        for each in sorted(finished, key=lambda each: each.at)
        if (sandbox := sandboxes.get(each.entry["sandbox_id"]))
        and each.at >= sandbox["emptied_at"]
        and (each.version is None or each.version >= sandbox["reset_version"])
    ]
    ids = _choose_ids(connection, [each.at for each in kept])
    INSERT.run_many(
        connection, [each.entry | {"id": number} for each, number in zip(kept, ids, strict=True)]
    )
    sandbox_ids = sorted({each.entry["sandbox_id"] for each in kept})
    PRUNE.run_many(connection, [{"sandbox_id": each, "most": most} for each in sandbox_ids])
    now = datetime.now(UTC)
    in_use = [each for each in used if each in sandboxes]
    NOTE_USE.run_many(connection, [{"sandbox_id": each, "used_at": now} for each in in_use])


def _choose_ids(connection: sa.Connection, times: Sequence[datetime]) -> list[int]:
    """Return an id for each time, of which the earliest comes first, so that ids grow with them.

    Whoever lists entries has seen those that had settled. If one comes later than that, all get ids
    from now on, so that nobody who asks for newer ones can miss it.
    """
    if not times:
        return []
    now = datetime.now(UTC).timestamp()
    oldest = times[0].timestamp()
    least = round((oldest if now - oldest < SETTLED_SECONDS else now) * MICROSECONDS)
    taken = {row["id"] for [row] in SELECT_IDS.all(connection, {"least": least})}
    ids = []
    for time in times:
        least = max(least, round(time.timestamp() * MICROSECONDS))
        while least in taken:
            least += 1
        taken.add(least)
        ids.append(least)
    return ids


def list_entries(
    connection: sa.Connection, sandbox_id: int, *, after: int, until: datetime, limit: int
) -> list[Row]:
    """Return the newest entries of a sandbox, newest first.

    They have ids greater than `after`, and were answered until a time since which all processes
    have had the time to store theirs.
    """
    values = {"sandbox_id": sandbox_id, "after": after, "limit": limit}
    values["until"] = round(until.timestamp() * MICROSECONDS)
    return [row for [row] in SELECT_ENTRIES.all(connection, values)]
