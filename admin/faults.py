"""The rules by which requests of a sandbox fail or come late."""

from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from admin.schemas import MAX_RULES, FaultRuleSchema, FaultRulesSchema, FaultsSchema
from database.connections import get_connection
from database.statements import Row
from sandboxes.lifecycle import change_sandbox, get_sandbox, hold_sandbox
from web.auth import again_if_superseded, protect
from web.operations import ArrayOf, Examples, operation
from web.request_body import read_array
from web.request_loading import NO_QUERY, load

faults = Blueprint("faults", __name__, url_prefix="/__admin/faults")
protect(faults)

faults_body = FaultRulesSchema()

FAULT_EXAMPLES: Examples = {
    "twice": (
        "The next two PUTs of a conversation fail, after most of a second",
        [{"method": "PUT", "path": "/v2/*", "status": 503, "delay": 800, "times": 2}],
    ),
    "slow": ("Every third request or so is delayed", [{"delay": 2_000, "probability": 0.3}]),
}


@faults.get("")
@operation("listFaults", "Controls", FaultsSchema)
def show_faults() -> ResponseReturnValue:
    """Show the rules by which requests fail or are delayed.

    `times` is how often a rule still applies.
    """
    load(NO_QUERY)
    return show(get_sandbox(get_connection(), g.caller.sandbox_id))


@faults.put("")
@operation(
    "replaceFaults",
    "Controls",
    FaultsSchema,
    body=ArrayOf(FaultRuleSchema, MAX_RULES),
    examples=FAULT_EXAMPLES,
    error_examples={422: ("faults[0].delay", "It must be an integer from 0 to 30,000, not 99999.")},
)
@again_if_superseded
def replace_faults() -> ResponseReturnValue:
    """Replace the rules by which requests fail or are delayed.

    They are for requests of this sandbox under `/v2` and `/platform/v1`. The first rule that
    matches a request applies; a request that fails stores nothing. For a single request the header
    `Prefer: code=503` or `Prefer: delay=800` does the same.
    """
    _, sent = load(NO_QUERY, faults_body, lambda: {"faults": read_array()})
    return set_faults(sent["faults"])


@faults.delete("")
@operation("deleteFaults", "Controls", FaultsSchema, response_example={"faults": []})
@again_if_superseded
def delete_faults() -> ResponseReturnValue:
    """Delete the rules.

    No request fails or is delayed any more, but for those that ask for it with `Prefer`.
    """
    load(NO_QUERY)
    return set_faults([])


def set_faults(rules: list[Row]) -> dict[str, Any]:
    """Store the rules of the caller's sandbox; return the response."""
    with hold_sandbox(g.caller.sandbox_id) as (connection, stored):
        return show(change_sandbox(connection, stored, faults=rules))


def show(stored: Row) -> dict[str, Any]:
    """Return the response that shows the rules of a sandbox."""
    return {"faults": stored["faults"]}
