"""The routes under /__admin: sandboxes, clocks, states, fault rules, request journals, health."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, copy_current_request_context, current_app
from marshmallow import ValidationError
from werkzeug.exceptions import Conflict, ServiceUnavailable

from admin import schemas
from conversations.callers import AuthenticationFailed, Caller, get_caller, hash_token
from conversations.folders import count_folders
from database.connections import db, get_connection
from database.statements import Row
from demo.seeding import STAFF_TOKENS, read_demo, seed_sandbox
from models import DEFAULT_SANDBOX, AccessToken, Business, Sandbox, StaffMember
from ruby_time.times import parse_time
from sandboxes import lifecycle
from sandboxes.request_journal import list_entries
from states import storage
from states.parsing import MAX_BYTES, check_range, parse_state
from states.schema import SandboxState
from web.auth import authenticate, transaction_of_caller
from web.operations import ErrorExamples, Examples, Operation
from web.record import RequestRecord

ANSWER_SECONDS = 1.0  # that the database may take to show its health
NO_ANSWER = "The database does not answer."
DEFAULT_STAYS = "The sandbox default can't be deleted; POST /__admin/reset resets it."
WRONG_TIME: ErrorExamples = {422: ("now", "Invalid time.")}
ADVANCE_EXAMPLES: Examples = {
    "a day": ("By a day", {"seconds": 86_400}),
    "to": ("To a later time", {"to": "2036-05-06T07:30:00Z"}),
}
SHORT_CONVERSATION = {
    "uid": "first00000000001",
    "client": "Ann Lee",
    "messages": [{"from": "client", "text": "Hi", "at": "-2h"}],
}
STATE_EXAMPLES: Examples = {
    "short": (
        "A whole inbox of one conversation; everything else is as freshly seeded",
        {"conversations": [SHORT_CONVERSATION]},
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
admin.before_request(authenticate)
health_checks = ThreadPoolExecutor(4, "health")


@contextmanager
def locked_sandbox_of_caller(record: RequestRecord) -> Iterator[tuple[sa.Connection, Row]]:
    """Begin the write transaction of the caller's sandbox, with its row."""
    with transaction_of_caller(record) as connection:
        yield connection, lifecycle.get_sandbox(connection, record.caller.sandbox_id, lock=True)


def change_sandbox(record: RequestRecord, **changes: Any) -> Row:
    """Change columns of the caller's sandbox; return its row."""
    with locked_sandbox_of_caller(record) as (connection, stored):
        return lifecycle.update_sandbox(connection, stored, **changes)


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


def describe_clock(sandbox: Row) -> dict[str, Any]:
    """Return the time in a sandbox, and whether its clock is frozen."""
    frozen_at = sandbox["frozen_at"]
    return {"now": frozen_at or datetime.now(UTC), "frozen": frozen_at is not None}


def describe_sandbox(record: RequestRecord, sandbox: Row, caller: Caller | None) -> dict[str, Any]:
    """Return the summary of a sandbox for a caller, or for None if a reset removed the caller."""
    connection, of_sandbox = get_connection(), {"sandbox_id": sandbox["id"]}
    suffix = "" if sandbox["name"] == DEFAULT_SANDBOX else f"@{sandbox['name']}"
    staff_ids = {
        row["digest"]: row["staff_id"]
        for [row] in storage.SELECT[AccessToken].all(connection, of_sandbox)
    }
    staff_tokens = {  # of the tokens in plain text that may be valid here, the caller's own wins
        staff_ids[digest]: f"{token}{suffix}"
        for token in (*reversed(STAFF_TOKENS), record.token)
        if (digest := hash_token(token)) in staff_ids
    }
    businesses = {row["id"]: row for [row] in storage.SELECT[Business].all(connection, of_sandbox)}
    staff = {
        row["id"]: {
            "uid": row["uid"],
            "display_name": row["display_name"],
            "access": row["access"],
            "business_uid": businesses[row["business_id"]]["uid"],
            "token": staff_tokens.get(row["id"]),
        }
        for [row] in storage.SELECT[StaffMember].all(connection, of_sandbox)
    }
    return {
        "name": sandbox["name"],
        **describe_clock(sandbox),
        "you": staff[caller.staff_id] if caller else None,
        "business": businesses[caller.business_id] if caller else None,
        "staff": list(staff.values()),
        "folders": count_folders(connection, caller) if caller else None,
    }


@admin.get("/sandbox")
@Operation(schemas.SandboxSchema())
def get_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Show your sandbox at a glance.

    Its clock, its staff with the token to call as each of them, and how many conversations each of
    your folders has.
    """
    return describe_sandbox(record, read_sandbox(record), record.caller)


@admin.delete("/sandbox")
@Operation(None, status=204, error_examples={409: (None, DEFAULT_STAYS)})
def delete_sandbox(record: RequestRecord) -> None:
    """Delete your sandbox.

    The next request that names it creates it again. The sandbox `default` can't be deleted.
    """
    if record.caller.sandbox == DEFAULT_SANDBOX:
        raise Conflict(DEFAULT_STAYS)
    with transaction_of_caller(record) as connection:
        lifecycle.delete_sandbox(connection, record.caller.sandbox_id)


@admin.post("/reset")
@Operation(
    schemas.SandboxSchema(),
    body=schemas.SandboxResetSchema(),
    is_body_required=False,
    error_examples=WRONG_TIME,
)
def reset_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Reset your sandbox.

    Its content is seeded again, its clock runs, and its rules and recorded requests are deleted.
    With `now` the clock is frozen at that time: two resets to the same time give byte-identical
    content.
    """
    frozen_at = read_time(record, "now") if "now" in record.body else None
    with locked_sandbox_of_caller(record) as (connection, stored):
        fresh = seed_sandbox(connection, stored, frozen_at)
        caller = None
        with suppress(AuthenticationFailed):  # the token was not one of the demo's
            caller = get_caller(connection, record.token, record.sandbox)
        return describe_sandbox(record, fresh, caller)


@admin.get("/state")
@Operation(SandboxState())
def get_state(record: RequestRecord) -> Response:
    """Show all content of your sandbox.

    Edit it, and send it back with `PUT`.
    """
    sandbox = read_sandbox(record)
    content = storage.read_rows(get_connection(), sandbox["id"])
    state = storage.write_state(content, sandbox["frozen_at"])
    return Response(state, mimetype="application/json")


@admin.put("/state")
@Operation(
    SandboxState(),
    body=SandboxState(),
    examples=STATE_EXAMPLES,
    error_examples={
        413: (None, "The body is larger than 16 MiB, which is the most that is read."),
        422: ("conversations[0].client", "It is required: send a string."),
    },
    is_body_loaded=False,
    max_bytes=MAX_BYTES,
)
def replace_state(record: RequestRecord) -> Response:
    """Replace all content of your sandbox.

    Send a state as it is shown, or a short one; most fields have defaults. Times are absolute or
    relative to now, as in `-2h`, `-3d` and `+30m`. The clock (unless the state has `now`), the
    rules and the recorded requests stay.
    """
    state = parse_state(record.body, read_demo())
    record.body = {}  # frees its memory
    sandbox = read_sandbox(record)
    while True:
        content, shown = storage.prepare_state(state, sandbox["frozen_at"])  # before others wait
        with locked_sandbox_of_caller(record) as (connection, stored):
            if stored["frozen_at"] == sandbox["frozen_at"]:
                lifecycle.load_state(connection, stored, state, content)
                return Response(shown, mimetype="application/json")
        sandbox = stored


@admin.get("/clock")
@Operation(schemas.ClockSchema())
def get_clock(record: RequestRecord) -> dict[str, Any]:
    """Show what time it is in the sandbox.

    The clock of a sandbox runs with real time, unless it is frozen.
    """
    return describe_clock(read_sandbox(record))


@admin.put("/clock")
@Operation(schemas.ClockSchema(), body=schemas.ClockSettingSchema(), error_examples=WRONG_TIME)
def freeze_clock(record: RequestRecord) -> dict[str, Any]:
    """Freeze the clock at a time.

    The time may be before or after now. The clock decides which day is today, and whether a
    reminder is overdue.
    """
    return describe_clock(change_sandbox(record, frozen_at=read_time(record, "now")))


@admin.post("/clock/advance")
@Operation(
    schemas.ClockSchema(),
    body=schemas.ClockAdvanceSchema(),
    examples=ADVANCE_EXAMPLES,
    response_example={"now": "2036-05-06T07:30:00.000Z", "frozen": True},
    error_examples={422: ("to", "It must not be earlier than now.")},
)
def advance_clock(record: RequestRecord) -> dict[str, Any]:
    """Move the clock forward, and freeze it there.

    This makes a reminder overdue without waiting. To go back, use `PUT /__admin/clock`.
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
@Operation(
    schemas.ClockSchema(),
    response_example={"now": "2026-05-05T07:30:00.000Z", "frozen": False},
)
def run_clock(record: RequestRecord) -> dict[str, Any]:
    """Run the clock.

    It shows real time again.
    """
    return describe_clock(change_sandbox(record, frozen_at=None))


@admin.get("/faults")
@Operation(schemas.FaultsSchema())
def list_faults(record: RequestRecord) -> Row:
    """Show the rules by which requests fail or are delayed.

    `times` is how often a rule still applies.
    """
    return read_sandbox(record)


@admin.put("/faults")
@Operation(
    schemas.FaultsSchema(),
    body=schemas.FaultsSchema(),
    array="faults",
    examples=FAULT_EXAMPLES,
    error_examples={422: ("faults[0].delay", "It must be an integer from 0 to 30,000, not 99999.")},
)
def replace_faults(record: RequestRecord) -> Row:
    """Replace the rules by which requests fail or are delayed.

    They are for requests of this sandbox under `/v2` and `/platform/v1`. The first rule that
    matches a request applies; a request that fails stores nothing. For a single request the header
    `Prefer: code=503` or `Prefer: delay=800` does the same.
    """
    return change_sandbox(record, **record.body)


@admin.delete("/faults")
@Operation(schemas.FaultsSchema(), response_example={"faults": []})
def delete_faults(record: RequestRecord) -> Row:
    """Delete the rules.

    Afterwards, requests fail or are delayed only if they ask for it with `Prefer`.
    """
    return change_sandbox(record, fault_rules=[])


@admin.get("/requests")
@Operation(
    schemas.JournalSchema(),
    query=schemas.JournalQuerySchema(),
    error_examples={422: ("after", 'It must be a whole number, 0 or more, not "-1".')},
)
def list_requests(record: RequestRecord) -> dict[str, Any]:
    """List the recorded requests of the sandbox.

    The newest comes first. They are those under `/v2` and `/platform/v1`, by all callers; each is
    listed at the latest a second after its response. A page that polls sends the greatest id that
    it knows as `after`.
    """
    after, limit = record.query["after"], min(record.query["limit"], current_app.config["JOURNAL"])
    entries = list_entries(get_connection(), record.caller.sandbox_id, after=after, limit=limit)
    return {"requests": entries, "revision": record.caller.revision}


@admin.delete("/requests")
@Operation(None, status=204)
def delete_requests(record: RequestRecord) -> None:
    """Delete the recorded requests.

    Requests before this one will not appear any more.
    """
    with locked_sandbox_of_caller(record) as (connection, stored):
        lifecycle.clear_journal(connection, stored)


@health.get("/health")
@Operation(schemas.HealthSchema(), error_examples={503: (None, NO_ANSWER)})
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
    return {"version": current_app.config["VERSION"], "database": db.engine.name}


def ask_database() -> None:
    """Read a row; raise the database's error if that is impossible."""
    get_connection().execute(sa.select(Sandbox.id).limit(1)).first()
