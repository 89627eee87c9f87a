"""The journal of a sandbox: which requests were made lately, and what came of them."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue

from admin.schemas import JournalQuerySchema
from database.connections import get_connection, transaction
from database.statements import Row
from field_types.request_fields import RequestSchema
from sandboxes.journal import list_entries
from sandboxes.lifecycle import empty_journal, lock_sandbox
from sandboxes.overview import show_time
from web.auth import again_if_superseded, protect
from web.journal import write_waiting
from web.request_loading import load

journal = Blueprint("journal", __name__, url_prefix="/__admin/requests")
protect(journal)

no_query = RequestSchema()
journal_query = JournalQuerySchema()
USUAL_LIMIT = 100


@journal.get("")
def list_requests() -> ResponseReturnValue:
    """List the latest requests, newest first; with `after`, those with a greater id."""
    query, _ = load(journal_query)
    until = datetime.now(UTC)
    write_waiting()
    limit = min(query.get("limit", USUAL_LIMIT), current_app.config["JOURNAL"])
    after = query.get("after", 0)
    entries = list_entries(
        get_connection(), g.caller.sandbox_id, after=after, until=until, limit=limit
    )
    return {"requests": [show(entry) for entry in entries], "revision": g.caller.revision}


@journal.delete("")
@again_if_superseded
def delete_requests() -> ResponseReturnValue:
    """Forget the requests that were made so far."""
    load(no_query)
    with transaction(g.caller.sandbox_id) as connection:
        empty_journal(connection, lock_sandbox(connection, g.caller.sandbox_id))
    return "", 204


def show(entry: Row) -> dict[str, Any]:
    """Return what the response shows of a request."""
    names = "id time status user_agent method path query milliseconds staff_uid".split()
    milliseconds = round(entry["microseconds"] / 1000, 1)
    values = entry | {"time": show_time(entry["time"]), "milliseconds": milliseconds}
    for name in ("ignored", "changed"):
        values[name] = entry[name].split(",") if entry[name] else []
    return {name: values[name] for name in [*names, "ignored", "changed", "error", "body"]}
