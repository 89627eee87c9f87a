"""The routes under /__admin: sandboxes, clocks, states, fault rules, request journals, health."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, copy_current_request_context, current_app
from marshmallow import ValidationError
from werkzeug.exceptions import Conflict, ServiceUnavailable

from admin.schemas import (
    ClockAdvanceSchema,
    ClockSchema,
    ClockSettingSchema,
    FaultRulesSchema,
    FaultsSchema,
    HealthSchema,
    JournalQuerySchema,
    JournalSchema,
    SandboxResetSchema,
    SandboxSchema,
)
from conversations.callers import Caller, NoCaller, get_caller
from database.connections import backend_name, get_connection
from database.statements import Row
from demo.seeding import STAFF_TOKENS, read_demo, seed_sandbox
from models import DEFAULT_SANDBOX, Sandbox
from ruby_time import parse_time
from sandboxes import lifecycle
from sandboxes.journal import list_entries
from sandboxes.summary import describe_clock, describe_sandbox
from states.export import show_state, write_state
from states.parsing import check_range, parse_state
from states.schema import SandboxState
from web.auth import require_token, transaction_of_caller
from web.operations import ArrayIn, Examples, operation
from web.record import RequestRecord

MAX_STATE_BYTES = 8 * 2**20
DEFAULT_LIMIT = 100  # requests of a journal
ANSWER_SECONDS = 1.0  # that the database may take to show its health
NO_ANSWER = "The database does not answer."
ADVANCE_EXAMPLES: Examples = {
    "a day": ("By a day", {"seconds": 86_400}),
    "to": ("To a later time", {"to": "2036-05-06T07:30:00Z"}),
}
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
FAULT_EXAMPLES: Examples = {
    "twice": (
        "The next two PUTs of a conversation fail, after most of a second",
        [{"method": "PUT", "path": "/v2/*", "status": 503, "delay": 800, "times": 2}],
    ),
    "slow": ("Every third request or so is delayed", [{"delay": 2_000, "probability": 0.3}]),
}

health = Blueprint("health", __name__, url_prefix="/__admin")  # needs no token
admin = Blueprint("admin", __name__, url_prefix="/__admin")
require_token(admin)
health_checks = ThreadPoolExecutor(4, "health")


@contextmanager
def locked_sandbox_of_caller(record: RequestRecord) -> Iterator[tuple[sa.Connection, Row]]:
    """Begin the write transaction of the caller's sandbox, with its row."""
    with transaction_of_caller(record) as connection:
        yield connection, lifecycle.lock_sandbox(connection, record.caller.sandbox_id)


def read_sandbox(record: RequestRecord) -> Row:
    """Return the row of the caller's sandbox."""
    return lifecycle.get_sandbox(get_connection(), record.caller.sandbox_id)


def read_time(record: RequestRecord, field: str) -> datetime:
    """Return the time for a clock that a field of the body has; raise ValidationError."""
    try:
        time = parse_time(record.body[field], record.caller.now)
    except (ValueError, OverflowError):
        raise ValidationError({field: ["Invalid time."]}) from None
    check_range(time, field)
    return time


# The sandbox


@admin.get("/sandbox")
@operation(SandboxSchema, "Controls")
def get_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Show your sandbox at a glance.

    Its clock, its staff with the token to call as each of them, and how many conversations each of
    your folders has.
    """
    return describe(record, read_sandbox(record), record.caller)


@admin.delete("/sandbox")
@operation(None, "Controls", status=204, errors=(409,))
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


@admin.post("/reset")
@operation(
    SandboxSchema,
    "Controls",
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
    with locked_sandbox_of_caller(record) as (connection, stored):
        fresh = seed_sandbox(connection, stored, frozen_at)
        try:
            caller = get_caller(connection, record.token, record.sandbox)
        except NoCaller:  # the token was not one of the demo's
            caller = None
        return describe(record, fresh, caller)


def describe(record: RequestRecord, stored: Row, caller: Caller | None) -> dict[str, Any]:
    """Return the summary of a sandbox for a caller."""
    return describe_sandbox(get_connection(), stored, caller, [record.token, *STAFF_TOKENS])


# The state


@admin.get("/state")
@operation(SandboxState, "Controls")
def get_state(record: RequestRecord) -> Response:
    """Show all content of your sandbox.

    What is shown can be edited and sent back.
    """
    return respond(show_state(get_connection(), read_sandbox(record)))


@admin.put("/state")
@operation(
    SandboxState,
    "Controls",
    body=SandboxState,
    examples=STATE_EXAMPLES,
    error_examples={
        413: (None, "The body is larger than 8 MiB, which is the most that is read."),
        422: ("conversations[0].client", "It is required: send a string."),
    },
    load_body=lambda document: parse_state(document, read_demo()),
    max_bytes=MAX_STATE_BYTES,
)
def replace_state(record: RequestRecord) -> Response:
    """Replace all content of your sandbox.

    Send a state as it is shown, or a short one; most fields have defaults. Times are absolute or
    relative to now, as in `-2h`, `-3d` and `+30m`. Clock (but for `now`), rules and recent requests
    stay.
    """
    with locked_sandbox_of_caller(record) as (connection, stored):
        shown = show_state(connection, lifecycle.load_state(connection, stored, record.body))
    return respond(shown)


def respond(state: Row) -> Response:
    """Return the response with a state."""
    return Response(write_state(state), mimetype="application/json")


# The clock


@admin.get("/clock")
@operation(ClockSchema, "Controls")
def get_clock(record: RequestRecord) -> dict[str, Any]:
    """Show what time it is in the sandbox.

    The clock of a sandbox runs with real time, unless it was stopped.
    """
    return describe_clock(read_sandbox(record))


@admin.put("/clock")
@operation(
    ClockSchema,
    "Controls",
    body=ClockSettingSchema,
    error_examples={422: ("now", "Invalid time.")},
)
def freeze_clock(record: RequestRecord) -> dict[str, Any]:
    """Stop the clock at a time.

    It may lie before or after now. Whatever the sandbox says in terms of today and tomorrow, and
    whether a reminder is overdue, goes by this clock.
    """
    return set_clock(record, read_time(record, "now"))


@admin.post("/clock/advance")
@operation(
    ClockSchema,
    "Controls",
    body=ClockAdvanceSchema,
    examples=ADVANCE_EXAMPLES,
    response_example={"now": "2036-05-06T07:30:00.000Z", "frozen": True},
    error_examples={422: ("to", "It must not be earlier than now.")},
)
def advance_clock(record: RequestRecord) -> dict[str, Any]:
    """Move the clock forward, and stop it there.

    So a reminder becomes overdue without waiting for it. It never goes back this way.
    """
    to = read_time(record, "to") if "to" in record.body else None
    with locked_sandbox_of_caller(record) as (connection, stored):
        now = stored["frozen_at"] or datetime.now(UTC)
        time = to or now + timedelta(seconds=record.body["seconds"])
        if time < now:
            raise ValidationError({"to": ["It must not be earlier than now."]})
        check_range(time, "to" if to else "seconds")
        return describe_clock(lifecycle.update_sandbox(connection, stored, frozen_at=time))


@admin.delete("/clock")
@operation(
    ClockSchema,
    "Controls",
    response_example={"now": "2026-05-05T07:30:00.000Z", "frozen": False},
)
def run_clock(record: RequestRecord) -> dict[str, Any]:
    """Let the clock run again.

    It shows real time then.
    """
    return set_clock(record, None)


def set_clock(record: RequestRecord, time: datetime | None) -> dict[str, Any]:
    """Freeze the clock of the caller's sandbox, or let it run; return its time."""
    with locked_sandbox_of_caller(record) as (connection, stored):
        return describe_clock(lifecycle.update_sandbox(connection, stored, frozen_at=time))


# Fault rules


@admin.get("/faults")
@operation(FaultsSchema, "Controls")
def list_faults(record: RequestRecord) -> dict[str, Any]:
    """Show the rules by which requests fail or are delayed.

    `times` is how often a rule still applies.
    """
    return {"faults": read_sandbox(record)["fault_rules"]}


@admin.put("/faults")
@operation(
    FaultsSchema,
    "Controls",
    body=ArrayIn(FaultRulesSchema, "faults"),
    examples=FAULT_EXAMPLES,
    error_examples={422: ("faults[0].delay", "It must be an integer from 0 to 30,000, not 99999.")},
)
def replace_faults(record: RequestRecord) -> dict[str, Any]:
    """Replace the rules by which requests fail or are delayed.

    They are for requests of this sandbox under `/v2` and `/platform/v1`. The first rule that
    matches a request applies; a request that fails stores nothing. For a single request the header
    `Prefer: code=503` or `Prefer: delay=800` does the same.
    """
    return set_faults(record, record.body["faults"])


@admin.delete("/faults")
@operation(FaultsSchema, "Controls", response_example={"faults": []})
def delete_faults(record: RequestRecord) -> dict[str, Any]:
    """Delete the rules.

    No request fails or is delayed any more, but for those that ask for it with `Prefer`.
    """
    return set_faults(record, [])


def set_faults(record: RequestRecord, rules: list[Row]) -> dict[str, Any]:
    """Store the rules of the caller's sandbox; return them."""
    with locked_sandbox_of_caller(record) as (connection, stored):
        lifecycle.update_sandbox(connection, stored, fault_rules=rules)
    return {"faults": rules}


# The request journal


@admin.get("/requests")
@operation(
    JournalSchema,
    "Controls",
    query=JournalQuerySchema,
    error_examples={422: ("after", 'It must be a whole number, 0 or more, not "-1".')},
)
def list_requests(record: RequestRecord) -> dict[str, Any]:
    """List recent requests of the sandbox.

    The newest comes first. They are those under `/v2` and `/platform/v1`, by all callers; each is
    listed at the latest a second after its response. A page that polls sends the greatest id that
    it knows as `after`.
    """
    limit = min(record.query.get("limit", DEFAULT_LIMIT), current_app.config["JOURNAL"])
    after = record.query.get("after", 0)
    entries = list_entries(get_connection(), record.caller.sandbox_id, after=after, limit=limit)
    return {"requests": entries, "revision": record.caller.revision}


@admin.delete("/requests")
@operation(None, "Controls", status=204)
def delete_requests(record: RequestRecord) -> None:
    """Empty the list of recent requests.

    What came before will not appear any more.
    """
    with locked_sandbox_of_caller(record) as (connection, stored):
        lifecycle.clear_journal(connection, stored)


# Health


@health.get("/health")
@operation(HealthSchema, "Controls", error_examples={503: (None, NO_ANSWER)}, needs_token=False)
def get_health(_record: RequestRecord) -> dict[str, str]:
    """Show that the server and its database work.

    It needs no token. The response is a 503 if the database does not answer within a second.
    """
    check = health_checks.submit(copy_current_request_context(ask_database))
    try:
        check.result(ANSWER_SECONDS)
    except TimeoutError:
        check.cancel()
        raise ServiceUnavailable(NO_ANSWER, retry_after=1) from None
    return {"version": current_app.config["VERSION"], "database": backend_name()}


def ask_database() -> None:
    """Read a row; raise the database's error if that is impossible."""
    get_connection().execute(sa.select(Sandbox.id).limit(1)).first()
