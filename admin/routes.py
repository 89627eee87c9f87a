"""The routes under /__admin: sandboxes, clocks, states, fault rules, request journals, health."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from demo.seeding import INBOX, STAFF_TOKENS, read_state_file, seed_sandbox
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

ANSWER_SECONDS = 1.0  # for the database to respond to a health check
NO_ANSWER = "The database is not responding."
DEFAULT_STAYS = "The sandbox default can't be deleted. To reset it, use POST /__admin/reset."
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
        "An inbox of one conversation; all other data is the demo data",
        {"conversations": [SHORT_CONVERSATION]},
    )
}
FAULT_EXAMPLES: Examples = {
    "twice": (
        "The next two PUTs fail after 800 ms",
        [{"method": "PUT", "path": "/v2/*", "status": 503, "delay": 800, "times": 2}],
    ),
    "slow": ("About every third request is delayed", [{"delay": 2_000, "probability": 0.3}]),
}

health = Blueprint("health", __name__, url_prefix="/__admin")  # needs no token
admin = Blueprint("admin", __name__, url_prefix="/__admin")
admin.before_request(authenticate)
health_checks = ThreadPoolExecutor(4, "health")


def change_sandbox(record: RequestRecord, **changes: Any) -> Row:
    """Update columns of the caller's sandbox; return its row."""
    with transaction_of_caller(record) as connection:
        return lifecycle.update_sandbox(connection, record.caller.sandbox, **changes)


def read_time(record: RequestRecord, field: str) -> datetime:
    """Return the time in a field of the body; raise ValidationError if no clock can show it."""
    try:
        time = parse_time(record.body[field], record.caller.now)
    except ValueError:
        raise ValidationError({field: ["Invalid time."]}) from None
    check_range(time, field)
    return time


def describe_clock(sandbox: Row) -> dict[str, Any]:
    """Return the time in a sandbox, and whether its clock is frozen."""
    frozen_at = sandbox["frozen_at"]
    return {"now": frozen_at or datetime.now(UTC), "frozen": frozen_at is not None}


def describe_sandbox(record: RequestRecord, sandbox: Row, caller: Caller | None) -> dict[str, Any]:
    """Return the summary of a sandbox; `caller` is None if a reset removed them."""
    connection = get_connection()
    suffix = "" if sandbox["name"] == DEFAULT_SANDBOX else f"@{sandbox['name']}"
    content = storage.read_rows(connection, sandbox["id"], (Business, StaffMember, AccessToken))
    businesses = {row["id"]: row for row in content[Business]}
    staff = {row["id"]: row for row in content[StaffMember]}
    staff_ids = {row["digest"]: row["staff_id"] for row in content[AccessToken]}
    staff_tokens = {  # the known plain-text tokens; the caller's own wins
        staff_ids[digest]: f"{token}{suffix}"
        for token in (*reversed(STAFF_TOKENS), record.token)
        if (digest := hash_token(token)) in staff_ids
    }
    for row in staff.values():
        row["business_uid"] = businesses[row["business_id"]]["uid"]
        row["token"] = staff_tokens.get(row["id"])
    return {
        "name": sandbox["name"],
        **describe_clock(sandbox),
        "you": staff[caller.staff["id"]] if caller else None,
        "business": businesses[caller.business["id"]] if caller else None,
        "staff": content[StaffMember],
        "folders": count_folders(connection, caller) if caller else None,
    }


@admin.get("/sandbox")
@Operation(schemas.SandboxSchema())
def get_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Get a summary of your sandbox.

    It has the clock, the staff with their tokens, and the size of each of your folders.
    """
    return describe_sandbox(record, record.caller.sandbox, record.caller)


@admin.delete("/sandbox")
@Operation(None, status=204, error_examples={409: (None, DEFAULT_STAYS)})
def delete_sandbox(record: RequestRecord) -> None:
    """Delete your sandbox.

    The next request to it creates it again. The sandbox `default` can't be deleted.
    """
    if record.sandbox == DEFAULT_SANDBOX:
        raise Conflict(DEFAULT_STAYS)
    with transaction_of_caller(record) as connection:
        lifecycle.delete_sandbox(connection, record.caller.sandbox["id"])


@admin.post("/reset")
@Operation(
    schemas.SandboxSchema(),
    body=schemas.SandboxResetSchema(),
    is_body_required=False,
    error_examples=WRONG_TIME,
)
def reset_sandbox(record: RequestRecord) -> dict[str, Any]:
    """Reset your sandbox.

    Restores the seed data, unfreezes the clock, and deletes the fault rules and recorded requests.
    With `now`, freezes the clock at that time, so two resets give byte-identical content.
    """
    frozen_at = read_time(record, "now") if "now" in record.body else None
    with transaction_of_caller(record) as connection:
        fresh = seed_sandbox(connection, record.caller.sandbox, frozen_at)
        caller = None
        with suppress(AuthenticationFailed):  # the demo data does not have this token
            caller = get_caller(connection, record.token, record.sandbox)
        return describe_sandbox(record, fresh, caller)


@admin.get("/state")
@Operation(SandboxState())
def get_state(record: RequestRecord) -> Response:
    """Get the state of your sandbox.

    The state is all its data. Edit it and send it back with `PUT`.
    """
    sandbox = record.caller.sandbox
    content = storage.read_rows(get_connection(), sandbox["id"])
    state = storage.serialize_state(content, sandbox["frozen_at"])
    return Response(state, mimetype="application/json")


@admin.put("/state")
@Operation(
    SandboxState(),
    body=SandboxState(),
    examples=STATE_EXAMPLES,
    error_examples={
        413: (None, "The body is larger than the limit of 16 MiB."),
        422: ("conversations[0].client", "It is required: send a string."),
    },
    is_body_loaded=False,
    max_bytes=MAX_BYTES,
)
def replace_state(record: RequestRecord) -> Response:
    """Replace the state of your sandbox.

    Send a full state or a short one; most fields have defaults. Times are absolute or relative to
    now, such as `-2h`, `-3d` and `+30m`. Fault rules and recorded requests are kept, and so is the
    clock unless the state has `now`.
    """
    state = parse_state(record.body, read_state_file(INBOX))
    record.body = {}  # frees its memory
    while True:
        frozen_at = record.caller.sandbox["frozen_at"]
        content, shown = storage.prepare_state(state, frozen_at)  # before the lock
        with transaction_of_caller(record) as connection:
            sandbox = record.caller.sandbox
            if sandbox["frozen_at"] == frozen_at:
                lifecycle.load_state(connection, sandbox, state, content)
                return Response(shown, mimetype="application/json")


@admin.get("/clock")
@Operation(schemas.ClockSchema())
def get_clock(record: RequestRecord) -> dict[str, Any]:
    """Get the time in your sandbox.

    The clock shows real time unless it is frozen.
    """
    return describe_clock(record.caller.sandbox)


@admin.put("/clock")
@Operation(schemas.ClockSchema(), body=schemas.ClockSettingSchema(), error_examples=WRONG_TIME)
def freeze_clock(record: RequestRecord) -> dict[str, Any]:
    """Freeze the clock at a time.

    The time may be past or future. Relative dates (today, tomorrow, overdue) follow this clock.
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
    """Move the clock forward and freeze it there.

    Use this to make a reminder overdue. To go back, use `PUT /__admin/clock`.
    """
    to = read_time(record, "to") if "to" in record.body else None
    with transaction_of_caller(record) as connection:
        now, sandbox = record.caller.now, record.caller.sandbox
        time = to or now + timedelta(seconds=record.body["seconds"])
        if time < now:
            raise ValidationError({"to": ["It must not be earlier than now."]})
        check_range(time, "to" if to else "seconds")
        return describe_clock(lifecycle.update_sandbox(connection, sandbox, frozen_at=time))


@admin.delete("/clock")
@Operation(
    schemas.ClockSchema(), response_example={"now": "2026-05-05T07:30:00.000Z", "frozen": False}
)
def run_clock(record: RequestRecord) -> dict[str, Any]:
    """Unfreeze the clock.

    It shows real time again.
    """
    return describe_clock(change_sandbox(record, frozen_at=None))


@admin.get("/faults")
@Operation(schemas.FaultsSchema())
def list_faults(record: RequestRecord) -> Row:
    """List the fault rules of your sandbox.

    `times` is how many more times a rule applies.
    """
    return record.caller.sandbox


@admin.put("/faults")
@Operation(
    schemas.FaultsSchema(),
    body=schemas.FaultsSchema(),
    array="faults",
    examples=FAULT_EXAMPLES,
    error_examples={422: ("faults[0].delay", "It must be an integer from 0 to 30,000, not 99999.")},
)
def replace_faults(record: RequestRecord) -> Row:
    """Replace the fault rules of your sandbox.

    They apply to its requests under `/v2` and `/platform/v1`. The first rule that matches a request
    applies; a failed request stores nothing. For a single request, send the header
    `Prefer: code=503` or `Prefer: delay=800` instead.
    """
    return change_sandbox(record, **record.body)


@admin.delete("/faults")
@Operation(schemas.FaultsSchema(), response_example={"faults": []})
def delete_faults(record: RequestRecord) -> Row:
    """Delete the fault rules of your sandbox.

    Requests with a `Prefer` header can still fail or be delayed.
    """
    return change_sandbox(record, fault_rules=[])


@admin.get("/requests")
@Operation(
    schemas.JournalSchema(),
    query=schemas.JournalQuerySchema(),
    error_examples={422: ("after", 'It must be a whole number, 0 or more, not "-1".')},
)
def list_requests(record: RequestRecord) -> dict[str, Any]:
    """List the recorded requests of your sandbox, newest first.

    The requests under `/v2` and `/platform/v1` of all callers appear within one second of their
    responses. To poll, send the highest `id` you have as `after`.
    """
    after, limit = record.query["after"], min(record.query["limit"], current_app.config["JOURNAL"])
    entries = list_entries(get_connection(), record.caller.sandbox["id"], after=after, limit=limit)
    return {"requests": entries, "revision": record.caller.sandbox["revision"]}


@admin.delete("/requests")
@Operation(None, status=204)
def delete_requests(record: RequestRecord) -> None:
    """Delete the recorded requests of your sandbox.

    The request journal is empty afterwards.
    """
    with transaction_of_caller(record) as connection:
        lifecycle.clear_journal(connection, record.caller.sandbox)


@health.get("/health")
@Operation(schemas.HealthSchema(), error_examples={503: (None, NO_ANSWER)})
def get_health(_record: RequestRecord) -> dict[str, str]:
    """Check the server and its database.

    This needs no token. The response is 503 if the database does not respond within one second.
    """
    check = health_checks.submit(copy_current_request_context(ask_database))
    try:
        check.result(ANSWER_SECONDS)
    except TimeoutError:
        check.cancel()
        raise ServiceUnavailable(NO_ANSWER, retry_after=1) from None
    return {"version": current_app.config["VERSION"], "database": db.engine.name}


def ask_database() -> None:
    """Read a row; raise the database's error on failure."""
    get_connection().execute(sa.select(Sandbox.id).limit(1)).first()
