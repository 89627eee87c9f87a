"""The clock of a sandbox: it runs, or stands at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint
from marshmallow import ValidationError

from admin.schemas import ClockAdvanceSchema, ClockSchema, ClockSettingSchema
from database.connections import get_connection
from ruby_time import parse_time
from sandboxes.lifecycle import change_sandbox, get_sandbox, lock_sandbox
from sandboxes.summary import describe_clock
from states.parsing import check_clock
from web.auth import require_token, transaction_of_caller
from web.operations import Examples, operation
from web.record import RequestRecord

clock = Blueprint("clock", __name__, url_prefix="/__admin/clock")
require_token(clock)

ADVANCE_EXAMPLES: Examples = {
    "a day": ("By a day", {"seconds": 86_400}),
    "to": ("To a later time", {"to": "2036-05-06T07:30:00Z"}),
}


@clock.get("")
@operation("getClock", "Controls", ClockSchema)
def get_clock(record: RequestRecord) -> dict[str, Any]:
    """Show what time it is in the sandbox.

    The clock of a sandbox runs with real time, unless it was stopped.
    """
    return describe_clock(get_sandbox(get_connection(), record.caller.sandbox_id))


@clock.put("")
@operation(
    "freezeClock",
    "Controls",
    ClockSchema,
    body=ClockSettingSchema,
    error_examples={422: ("now", "Invalid time.")},
)
def freeze_clock(record: RequestRecord) -> dict[str, Any]:
    """Stop the clock at a time.

    It may lie before or after now. Whatever the sandbox says in terms of today and tomorrow, and
    whether a reminder is overdue, goes by this clock.
    """
    return set_clock(record, read_time(record, "now"))


@clock.post("/advance")
@operation(
    "advanceClock",
    "Controls",
    ClockSchema,
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
    with transaction_of_caller(record) as connection:
        sandbox = lock_sandbox(connection, record.caller.sandbox_id)
        now = sandbox["frozen_at"] or datetime.now(UTC)
        time = to or now + timedelta(seconds=record.body["seconds"])
        if time < now:
            raise ValidationError({"to": ["It must not be earlier than now."]})
        check_clock(time, "to" if to else "seconds")
        return describe_clock(change_sandbox(connection, sandbox, frozen_at=time))


@clock.delete("")
@operation(
    "runClock",
    "Controls",
    ClockSchema,
    response_example={"now": "2026-05-05T07:30:00.000Z", "frozen": False},
)
def run_clock(record: RequestRecord) -> dict[str, Any]:
    """Let the clock run again.

    It shows real time then.
    """
    return set_clock(record, None)


def set_clock(record: RequestRecord, time: datetime | None) -> dict[str, Any]:
    """Freeze the clock of the caller's sandbox, or let it run; return what it shows."""
    with transaction_of_caller(record) as connection:
        sandbox = lock_sandbox(connection, record.caller.sandbox_id)
        return describe_clock(change_sandbox(connection, sandbox, frozen_at=time))


def read_time(record: RequestRecord, field: str) -> datetime:
    """Return the time for a clock that a field of the body has; raise ValidationError."""
    try:
        time = parse_time(record.body[field], record.caller.now)
    except (ValueError, OverflowError):
        raise ValidationError({field: ["Invalid time."]}) from None
    check_clock(time, field)
    return time
