"""The sandbox of the caller: what there is to see of it, its reset, its deletion, its state."""

from typing import Any

import orjson
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
from sandboxes.overview import describe_sandbox
from sandboxes.shown_state import show_state
from sandboxes.states import SandboxState, read_state
from web.auth import again_if_superseded, protect, read_token
from web.operations import operation
from web.request_body import read_object, read_optional_object
from web.request_loading import NO_QUERY, load

sandbox = Blueprint("sandbox", __name__, url_prefix="/__admin")
protect(sandbox)

reset_body = SandboxResetSchema()
sandbox_response = SandboxSchema()
MOST_BYTES = 8 * 2**20  # of a state


@sandbox.get("/sandbox")
@operation("getSandbox", "Controls", SandboxSchema)
def show_sandbox() -> ResponseReturnValue:
    """Show the caller's sandbox: its clock, its staff, and how much each folder has."""
    load(NO_QUERY)
    return describe(get_sandbox(get_connection(), g.caller.sandbox_id), g.caller)


@sandbox.delete("/sandbox")
@operation("deleteSandbox", "Controls", None, status=204, errors=(409,))
@again_if_superseded
def remove_sandbox() -> ResponseReturnValue:
    """Delete the caller's sandbox; the next request that names it makes it anew."""
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
    "resetSandbox", "Controls", SandboxSchema, body=SandboxResetSchema, is_body_required=False
)
@again_if_superseded
def reset_sandbox() -> ResponseReturnValue:
    """Make the caller's sandbox as if it were new; with `now`, as if it had been made then."""
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
    """Show all content of the caller's sandbox."""
    load(NO_QUERY)
    connection = get_connection()
    return respond(show_state(connection, get_sandbox(connection, g.caller.sandbox_id)))


@sandbox.put("/state")
@operation("replaceState", "Controls", SandboxState, body=SandboxState)
@again_if_superseded
def replace_content() -> ResponseReturnValue:
    """Replace all content of the caller's sandbox."""
    request.max_content_length = MOST_BYTES
    document = read_object()
    load(NO_QUERY)
    state = read_state(document, read_demo())
    with hold_sandbox(g.caller.sandbox_id) as (connection, stored):
        shown = show_state(connection, load_state(connection, stored, state))
    return respond(shown)


def describe(stored: Row, caller: Caller | None) -> dict[str, Any]:
    """Return the response that shows a sandbox."""
    token, _ = read_token()
    described = describe_sandbox(get_connection(), stored, caller, [token, *STAFF_TOKENS])
    return sandbox_response.dump(described)


def respond(state: Row) -> Response:
    """Return the response that shows a state, with a line for each field."""
    data = orjson.dumps(state, default=dict, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return Response(data, mimetype="application/json")
