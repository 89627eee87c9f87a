"""The journal of a sandbox: which requests were made lately, and what came of them."""

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue

from admin.schemas import JournalQuerySchema, JournalSchema
from database.connections import get_connection
from sandboxes.journal import list_entries
from sandboxes.lifecycle import clear_journal, locked_sandbox
from web.auth import again_if_superseded, protect
from web.operations import operation
from web.request_loading import NO_QUERY, load

journal = Blueprint("journal", __name__, url_prefix="/__admin/requests")
protect(journal)

journal_query = JournalQuerySchema()
journal_response = JournalSchema()
USUAL_LIMIT = 100


@journal.get("")
@operation(
    "listRequests",
    "Controls",
    JournalSchema,
    query=JournalQuerySchema,
    error_examples={422: ("after", 'It must be a whole number, 0 or more, not "-1".')},
)
def list_requests() -> ResponseReturnValue:
    """List recent requests of the sandbox.

    The newest comes first. They are those under `/v2` and `/platform/v1`, by all callers; each is
    listed at the latest a second after its response. A page that polls sends the greatest id that
    it knows as `after`.
    """
    query, _ = load(journal_query)
    limit = min(query.get("limit", USUAL_LIMIT), current_app.config["JOURNAL"])
    after = query.get("after", 0)
    entries = list_entries(get_connection(), g.caller.sandbox_id, after=after, limit=limit)
    return journal_response.dump({"requests": entries, "revision": g.caller.revision})


@journal.delete("")
@operation("deleteRequests", "Controls", None, status=204)
@again_if_superseded
def delete_requests() -> ResponseReturnValue:
    """Empty the list of recent requests.

    What came before will not appear any more.
    """
    load(NO_QUERY)
    with locked_sandbox(g.caller.sandbox_id) as (connection, sandbox):
        clear_journal(connection, sandbox)
    return "", 204
