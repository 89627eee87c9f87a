"""The journal of a sandbox: which requests were made lately, and what came of them."""

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue

from admin.schemas import JournalEntrySchema, JournalQuerySchema, JournalSchema
from database.connections import get_connection
from sandboxes.journal import list_entries
from sandboxes.lifecycle import empty_journal, hold_sandbox
from web.auth import again_if_superseded, protect
from web.journal import write_waiting
from web.operations import operation
from web.request_loading import NO_QUERY, load

journal = Blueprint("journal", __name__, url_prefix="/__admin/requests")
protect(journal)

journal_query = JournalQuerySchema()
entry_response = JournalEntrySchema()
USUAL_LIMIT = 100


@journal.get("")
@operation("listRequests", "Controls", JournalSchema, query=JournalQuerySchema)
def list_requests() -> ResponseReturnValue:
    """List the latest requests, newest first; with `after`, those with a greater id."""
    query, _ = load(journal_query)
    until = write_waiting()
    limit = min(query.get("limit", USUAL_LIMIT), current_app.config["JOURNAL"])
    after = query.get("after", 0)
    entries = list_entries(
        get_connection(), g.caller.sandbox_id, after=after, until=until, limit=limit
    )
    return {
        "requests": [entry_response.dump(entry) for entry in entries],
        "revision": g.caller.revision,
    }


@journal.delete("")
@operation("deleteRequests", "Controls", None, status=204)
@again_if_superseded
def delete_requests() -> ResponseReturnValue:
    """Forget the requests that were made so far."""
    load(NO_QUERY)
    with hold_sandbox(g.caller.sandbox_id) as (connection, sandbox):
        empty_journal(connection, sandbox)
    return "", 204
