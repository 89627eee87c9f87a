"""The clock of a sandbox: it runs, or stands at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from admin.schemas import ClockAdvanceSchema, ClockSchema, ClockSettingSchema
from database.connections import get_connection
from database.statements import Row
from ruby_time import parse_time
from sandboxes.lifecycle import change_sandbox, get_sandbox, hold_sandbox
from sandboxes.summary import describe_clock
from states.parsing import check_range
from web.auth import again_if_superseded, protect
from web.operations import Examples, operation
from web.request_loading import NO_QUERY, load

clock = Blueprint("clock", __name__, url_prefix="/__admin/clock")
protect(clock)

clock_body = ClockSettingSchema()
advance_body = ClockAdvanceSchema()
clock_response = ClockSchema()

ADVANCE_EXAMPLES: Examples = {
    "a day": ("By a day", {"seconds": 86_400}),
    "to": ("To a later time", {"to": "2036-05-06T07:30:00Z"}),
}


@clock.get("")
@operation("getClock", "Controls", ClockSchema)
def show_clock() -> ResponseReturnValue:
    """Show what time it is in the sandbox.

    The clock of a sandbox runs with real time, unless it was stopped.
    """
    load(NO_QUERY)
    return show(get_sandbox(get_connection(), g.caller.sandbox_id))


@clock.put("")
@operation(
    "freezeClock",
    "Controls",
    ClockSchema,
    body=ClockSettingSchema,
    error_examples={422: ("now", "Invalid time.")},
)
@again_if_superseded
def freeze_clock() -> ResponseReturnValue:
    """Stop the clock at a time.

    It may lie before or after now. Whatever the sandbox says in terms of today and tomorrow, and
    whether a reminder is overdue, goes by this clock.
    """
    _, sent = load(NO_QUERY, clock_body)
    return set_clock(read_time("now", sent["now"]))


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
@again_if_superseded
def advance_clock() -> ResponseReturnValue:
    """Move the clock forward, and stop it there.

    So a reminder becomes overdue without waiting for it. It never goes back this way.
    """
    _, sent = load(NO_QUERY, advance_body)
    to = read_time("to", sent["to"]) if "to" in sent else None
    with hold_sandbox(g.caller.sandbox_id) as (connection, sandbox):
        now = sandbox["frozen_at"] or datetime.now(UTC)
        time = to or now + timedelta(seconds=sent["seconds"])
        if time < now:
            raise ValidationError({"to": ["It must not be earlier than now."]})
        check_range(time, "to" if to else "seconds")
        return show(change_sandbox(connection, sandbox, frozen_at=time))


@clock.delete("")
@operation(
    "runClock",
    "Controls",
    ClockSchema,
    response_example={"now": "2026-05-05T07:30:00.000Z", "frozen": False},
)
@again_if_superseded
def run_clock() -> ResponseReturnValue:
    """Let the clock run again.

    It shows real time then.
    """
    load(NO_QUERY)
    return set_clock(None)


def show(sandbox: Row) -> dict[str, Any]:
    """Return the response that shows the clock of a sandbox."""
    return clock_response.dump(describe_clock(sandbox))


def set_clock(time: datetime | None) -> dict[str, Any]:
    """Stop the clock of the caller's sandbox, or let it run; return the response."""
    with hold_sandbox(g.caller.sandbox_id) as (connection, sandbox):
        return show(change_sandbox(connection, sandbox, frozen_at=time))


def read_time(field: str, text: str) -> datetime:
    """Return the time for a clock that a field has; raise ValidationError."""
    try:
        time = parse_time(text, g.caller.now)
    except (ValueError, OverflowError):
        raise ValidationError({field: ["Invalid time."]}) from None
    check_range(time, field)
    return time
