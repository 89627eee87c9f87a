"""The journal of a sandbox: which requests were made lately, and what came of them."""

from typing import Any

from flask import Blueprint, current_app

from admin.schemas import JournalQuerySchema, JournalSchema
from database.connections import get_connection
from sandboxes.journal import list_entries
from sandboxes.lifecycle import empty_journal, lock_sandbox
from web.auth import require_token, transaction_of_caller
from web.journal import write_waiting
from web.operations import operation
from web.record import RequestRecord

journal = Blueprint("journal", __name__, url_prefix="/__admin/requests")
require_token(journal)

DEFAULT_LIMIT = 100


@journal.get("")
@operation(
    "listRequests",
    "Controls",
    JournalSchema,
    query=JournalQuerySchema,
    error_examples={422: ("after", 'It must be a whole number, 0 or more, not "-1".')},
)
def list_requests(record: RequestRecord) -> dict[str, Any]:
    """List recent requests of the sandbox.

    The newest comes first. They are those under `/v2` and `/platform/v1`, by whoever made them.
    A page that polls sends the greatest id that it knows as `after`.
    """
    until = write_waiting()
    limit = min(record.query.get("limit", DEFAULT_LIMIT), current_app.config["JOURNAL"])
    after = record.query.get("after", 0)
    entries = list_entries(
        get_connection(), record.caller.sandbox_id, after=after, until=until, limit=limit
    )
    return {"requests": entries, "revision": record.caller.revision}


@journal.delete("")
@operation("deleteRequests", "Controls", None, status=204)
def delete_requests(record: RequestRecord) -> None:
    """Empty the list of recent requests.

    What came before will not appear any more.
    """
    with transaction_of_caller(record) as connection:
        empty_journal(connection, lock_sandbox(connection, record.caller.sandbox_id))
