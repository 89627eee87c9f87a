"""The rules by which requests of a sandbox fail or come late."""

from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from admin.schemas import FaultRuleSchema, FaultRulesSchema, FaultsSchema
from database.connections import get_connection
from database.statements import Row
from field_types.state_fields import name_paths
from sandboxes.lifecycle import change_sandbox, get_sandbox, hold_sandbox
from web.auth import again_if_superseded, protect
from web.operations import array_of, operation
from web.request_body import read_array
from web.request_loading import NO_QUERY, load

faults = Blueprint("faults", __name__, url_prefix="/__admin/faults")
protect(faults)

faults_body = FaultRulesSchema()


@faults.get("")
@operation("listFaults", "Controls", FaultsSchema)
def show_faults() -> ResponseReturnValue:
    """Show the rules of the sandbox, with how often each still applies."""
    load(NO_QUERY)
    return show(get_sandbox(get_connection(), g.caller.sandbox_id))


@faults.put("")
@operation("replaceFaults", "Controls", FaultsSchema, body=array_of(FaultRuleSchema))
@again_if_superseded
def replace_faults() -> ResponseReturnValue:
    """Replace the rules of the sandbox."""
    try:
        _, sent = load(NO_QUERY, faults_body, lambda: {"faults": read_array()})
    except ValidationError as error:
        raise ValidationError(name_paths(error.messages)) from None
    return set_faults(sent["faults"])


@faults.delete("")
@operation("deleteFaults", "Controls", FaultsSchema)
@again_if_superseded
def delete_faults() -> ResponseReturnValue:
    """Delete the rules of the sandbox."""
    load(NO_QUERY)
    return set_faults([])


def set_faults(rules: list[Row]) -> dict[str, Any]:
    """Store the rules of the caller's sandbox; return the response."""
    with hold_sandbox(g.caller.sandbox_id) as (connection, stored):
        return show(change_sandbox(connection, stored, faults=rules))


def show(stored: Row) -> dict[str, Any]:
    """Return the response that shows the rules of a sandbox."""
    return {"faults": stored["faults"]}
