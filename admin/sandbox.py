"""The sandbox of the caller: what there is to see of it, its reset, its deletion, its state."""

from typing import Any

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Conflict

from admin.clock import read_time
from admin.schemas import SandboxResetSchema, SandboxSchema
from conversations.callers import Caller, NoCaller, get_caller
from database.connections import get_connection, transaction
from database.statements import Row
from demo.seeding import STAFF_TOKENS, read_demo, seed_sandbox
from models import DEFAULT_SANDBOX
from sandboxes.lifecycle import delete_sandbox, get_sandbox, hold_sandbox, load_state
from sandboxes.summary import describe_sandbox
from states.export import show_state, write_state
from states.parsing import parse_state
from states.schema import SandboxState
from web.auth import again_if_superseded, protect, read_token
from web.operations import Examples, operation
from web.request_body import read_object, read_optional_object
from web.request_loading import NO_QUERY, load

sandbox = Blueprint("sandbox", __name__, url_prefix="/__admin")
protect(sandbox)

reset_body = SandboxResetSchema()
sandbox_response = SandboxSchema()
MOST_BYTES = 8 * 2**20  # of a state

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
def show_sandbox() -> ResponseReturnValue:
    """Show your sandbox at a glance.

    Its clock, its staff with the token to call as each of them, and how many conversations each of
    your folders has.
    """
    load(NO_QUERY)
    return describe(get_sandbox(get_connection(), g.caller.sandbox_id), g.caller)


@sandbox.delete("/sandbox")
@operation("deleteSandbox", "Controls", None, status=204, errors=(409,))
@again_if_superseded
def remove_sandbox() -> ResponseReturnValue:
    """Delete your sandbox.

    The next request that names it makes it anew. The sandbox `default` can't be deleted.
    """
    load(NO_QUERY)
    if g.caller.sandbox == DEFAULT_SANDBOX:
        raise Conflict(
            "The sandbox default can't be deleted; POST /__admin/reset makes it as if it were new."
        )
    with transaction(g.caller.sandbox_id) as connection:
        delete_sandbox(connection, g.caller.sandbox_id)
    return "", 204


@sandbox.post("/reset")
@operation(
    "resetSandbox",
    "Controls",
    SandboxSchema,
    body=SandboxResetSchema,
    is_body_required=False,
    error_examples={422: ("now", "Invalid time.")},
)
@again_if_superseded
def reset_sandbox() -> ResponseReturnValue:
    """Reset your sandbox.

    Its content is as freshly seeded, its clock runs, it has no rules and no recent requests. With
    `now` it is as if it had been made then, and its clock stands there: two resets to the same time
    give the same bytes.
    """
    _, sent = load(NO_QUERY, reset_body, read_optional_object)
    frozen_at = read_time("now", sent["now"]) if "now" in sent else None
    with hold_sandbox(g.caller.sandbox_id) as (connection, stored):
        fresh = seed_sandbox(connection, stored, frozen_at)
        try:
            caller = get_caller(connection, *read_token())
        except NoCaller:  # their token was not of the demo
            caller = None
        return describe(fresh, caller)


@sandbox.get("/state")
@operation("getState", "Controls", SandboxState)
def show_content() -> ResponseReturnValue:
    """Show all content of your sandbox.

    What is shown can be edited and sent back.
    """
    load(NO_QUERY)
    connection = get_connection()
    return respond(show_state(connection, get_sandbox(connection, g.caller.sandbox_id)))


@sandbox.put("/state")
@operation(
    "replaceState",
    "Controls",
    SandboxState,
    body=SandboxState,
    examples=STATE_EXAMPLES,
    error_examples={
        413: (None, "The body is larger than 8 MiB, which is the most that is read."),
        422: ("conversations[0].client", "It is required: send a string."),
    },
)
@again_if_superseded
def replace_content() -> ResponseReturnValue:
    """Replace all content of your sandbox.

    Send a state as it is shown, or a short one; most fields have defaults. Times are absolute or
    relative to now, as in `-2h`, `-3d` and `+30m`. Clock (but for `now`), rules and recent requests
    stay.
    """
    request.max_content_length = MOST_BYTES
    document = read_object()
    load(NO_QUERY)
    state = parse_state(document, read_demo())
    with hold_sandbox(g.caller.sandbox_id) as (connection, stored):
        shown = show_state(connection, load_state(connection, stored, state))
    return respond(shown)


def describe(stored: Row, caller: Caller | None) -> dict[str, Any]:
    """Return the response that shows a sandbox."""
    token, _ = read_token()
    described = describe_sandbox(get_connection(), stored, caller, [token, *STAFF_TOKENS])
    return sandbox_response.dump(described)


def respond(state: Row) -> Response:
    """Return the response that shows a state."""
    return Response(write_state(state), mimetype="application/json")
