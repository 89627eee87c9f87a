"""The rules by which requests of a sandbox fail or come late."""

from flask import Blueprint

from admin.schemas import FaultRulesSchema, FaultsSchema
from database.connections import get_connection
from database.statements import Row
from sandboxes.lifecycle import change_sandbox, get_sandbox, lock_sandbox
from web.auth import require_token, transaction_of_caller
from web.operations import ArrayIn, Examples, operation
from web.record import RequestRecord

faults = Blueprint("faults", __name__, url_prefix="/__admin/faults")
require_token(faults)

FAULT_EXAMPLES: Examples = {
    "twice": (
        "The next two PUTs of a conversation fail, after most of a second",
        [{"method": "PUT", "path": "/v2/*", "status": 503, "delay": 800, "times": 2}],
    ),
    "slow": ("Every third request or so is delayed", [{"delay": 2_000, "probability": 0.3}]),
}


@faults.get("")
@operation("listFaults", "Controls", FaultsSchema)
def list_faults(record: RequestRecord) -> Row:
    """Show the rules by which requests fail or are delayed.

    `times` is how often a rule still applies.
    """
    return get_sandbox(get_connection(), record.caller.sandbox_id)


@faults.put("")
@operation(
    "replaceFaults",
    "Controls",
    FaultsSchema,
    body=ArrayIn(FaultRulesSchema, "faults"),
    examples=FAULT_EXAMPLES,
    error_examples={422: ("faults[0].delay", "It must be an integer from 0 to 30,000, not 99999.")},
)
def replace_faults(record: RequestRecord) -> Row:
    """Replace the rules by which requests fail or are delayed.

    They are for requests of this sandbox under `/v2` and `/platform/v1`. The first rule that
    matches a request applies; a request that fails stores nothing. For a single request the header
    `Prefer: code=503` or `Prefer: delay=800` does the same.
    """
    return set_faults(record, record.body["faults"])


@faults.delete("")
@operation("deleteFaults", "Controls", FaultsSchema, response_example={"faults": []})
def delete_faults(record: RequestRecord) -> Row:
    """Delete the rules.

    No request fails or is delayed any more, but for those that ask for it with `Prefer`.
    """
    return set_faults(record, [])


def set_faults(record: RequestRecord, rules: list[Row]) -> Row:
    """Store the rules of the caller's sandbox; return its row."""
    with transaction_of_caller(record) as connection:
        sandbox = lock_sandbox(connection, record.caller.sandbox_id)
        return change_sandbox(connection, sandbox, faults=rules)
