"""The sandbox of the caller: what there is to see of it, its reset, its deletion, its state."""

from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import Conflict

from admin.clock import read_time
from admin.schemas import SandboxResetSchema, SandboxSchema
from conversations.callers import Caller, NoCaller, get_caller
from database.connections import get_connection
from database.statements import Row
from demo.seeding import STAFF_TOKENS, read_demo, seed_sandbox
from models import DEFAULT_SANDBOX
from sandboxes import lifecycle
from sandboxes.lifecycle import get_sandbox, lock_sandbox
from sandboxes.summary import describe_sandbox
from states.export import show_state, write_state
from states.parsing import read_state
from states.schema import SandboxState
from web.auth import read_token, require_token, transaction_of_caller
from web.operations import Examples, operation
from web.record import RequestRecord

sandbox = Blueprint("sandbox", __name__, url_prefix="/__admin")
require_token(sandbox)

MAX_STATE_BYTES = 8 * 2**20  # of a state

STATE_EXAMPLES: Examples = {
    "short": (
        "A whole inbox of one conversation; everything else is as freshly seeded",
        {
            "conversations": [
                {
                    "uid": "first00000000001",
                    "client": "Ann Lee",
                    "messages": [{"from": "client", "text": "Hi", "at": "-2h"}],
                }
            ]
        },
    ),
}


@sandbox.get("/sandbox")
@operation("getSandbox", "Controls", SandboxSchema)
def show_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Show your sandbox at a glance.

    Its clock, its staff with the token to call as each of them, and how many conversations each of
    your folders has.
    """
    stored = get_sandbox(get_connection(), record.caller.sandbox_id)
    return describe(stored, record.caller)


@sandbox.delete("/sandbox")
@operation("deleteSandbox", "Controls", None, status=204, errors=(409,))
def delete_sandbox(record: RequestRecord) -> None:
    """Delete your sandbox.

    The next request that names it makes it anew. The sandbox `default` can't be deleted.
    """
    if record.caller.sandbox == DEFAULT_SANDBOX:
        raise Conflict(
            "The sandbox default can't be deleted; POST /__admin/reset makes it as if it were new."
        )
    with transaction_of_caller(record) as connection:
        lifecycle.delete_sandbox(connection, record.caller.sandbox_id)


@sandbox.post("/reset")
@operation(
    "resetSandbox",
    "Controls",
    SandboxSchema,
    body=SandboxResetSchema,
    is_body_required=False,
    error_examples={422: ("now", "Invalid time.")},
)
def reset_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Reset your sandbox.

    Its content is as freshly seeded, its clock runs, it has no rules and no recent requests. With
    `now` it is as if it had been made then, and its clock stands there: two resets to the same time
    give the same bytes.
    """
    frozen_at = read_time(record, "now") if "now" in record.body else None
    with transaction_of_caller(record) as connection:
        stored = lock_sandbox(connection, record.caller.sandbox_id)
        fresh = seed_sandbox(connection, stored, frozen_at)
        try:
            caller = get_caller(connection, *read_token())
        except NoCaller:  # their token was not of the demo
            caller = None
        return describe(fresh, caller)


@sandbox.get("/state")
@operation("getState", "Controls", SandboxState)
def get_state(record: RequestRecord) -> Response:
    """Show all content of your sandbox.

    What is shown can be edited and sent back.
    """
    connection = get_connection()
    return respond(show_state(connection, get_sandbox(connection, record.caller.sandbox_id)))


@sandbox.put("/state")
@operation(
    "replaceState",
    "Controls",
    SandboxState,
    body=SandboxState,
    examples=STATE_EXAMPLES,
    error_examples={
        413: (None, "The body is larger than 8 MiB, which is the most that is read."),
        422: ("conversations[0].client", "It is required."),
    },
    load_body=lambda document: read_state(document, read_demo()),
    max_bytes=MAX_STATE_BYTES,
)
def replace_state(record: RequestRecord) -> Response:
    """Replace all content of your sandbox.

    Send a state as it is shown, or a short one; most fields have defaults. Times are absolute or
    relative to now, as in `-2h`, `-3d` and `+30m`. Clock (but for `now`), rules and recent requests
    stay.
    """
    with transaction_of_caller(record) as connection:
        stored = lock_sandbox(connection, record.caller.sandbox_id)
        shown = show_state(connection, lifecycle.load_state(connection, stored, record.body))
    return respond(shown)


def describe(stored: Row, caller: Caller | None) -> dict[str, Any]:
    """Return the summary of a sandbox for a caller."""
    token, _ = read_token()
    return describe_sandbox(get_connection(), stored, caller, [token, *STAFF_TOKENS])


def respond(state: Row) -> Response:
    """Return the response with a state."""
    return Response(write_state(state), mimetype="application/json")
