"""Errors and delays on demand: by the header `Prefer`, or by the rules of the sandbox."""

import random
import time
from collections.abc import Sequence

from flask import Blueprint, current_app, g, request

from conversations.callers import Caller, Superseded
from database.connections import give_connection_back, start_to_wait, transaction
from sandboxes.faults import Fault, Rule, count_down, fault_of, find_rule
from sandboxes.lifecycle import change_sandbox, lock_sandbox
from web.auth import authenticate
from web.errors import CODES, AskedFor
from web.request_loading import note_preference, read_preferences

LONGEST_DELAY = 30_000  # milliseconds


def let_fail(blueprint: Blueprint) -> None:
    """Let callers ask for errors and delays of the routes of a blueprint."""
    blueprint.before_request(fail_on_demand)


def fail_on_demand() -> None:
    """Delay this request, or raise AskedFor, where its caller or a rule of the sandbox says so."""
    if request.environ["REQUEST_METHOD"] == "OPTIONS":
        return
    fault = read_preferred_fault() if "HTTP_PREFER" in request.environ else Fault()
    if fault.status is None and g.caller.faults and current_app.config["ADMIN_API"]:
        by_rule = find_fault()
        fault = Fault(fault.delay or by_rule.delay, by_rule.status)
    if fault.delay:
        give_connection_back()
        time.sleep(fault.delay / 1000)
        start_to_wait()
        authenticate()  # the sandbox may be another by now
    if fault.status:
        raise AskedFor(fault.status)


def read_preferred_fault() -> Fault:
    """Return what the header asks for; what can't be done is ignored."""
    preferences = read_preferences()
    status, delay = _read_number(preferences.get("code")), _read_number(preferences.get("delay"))
    if status not in CODES:
        status = None
    else:
        note_preference(f"code={status}")
    if delay is None or delay > LONGEST_DELAY:
        delay = None
    else:
        note_preference(f"delay={delay}")
    return Fault(delay or 0, status)


def find_fault() -> Fault:
    """Return what the rules of the sandbox do to this request, and count it."""
    numbers: dict[int, float] = {}

    def draw(position: int) -> float:
        return numbers.setdefault(position, random.random())

    while True:
        rules: Sequence[Rule] = g.caller.faults
        position = find_rule(rules, request.method, request.path, draw)
        if position is None:
            return Fault()
        if "times" not in rules[position] or _count(position):
            return fault_of(rules[position])


def _count(position: int) -> bool:
    """Count that a rule of the sandbox applied; say whether the sandbox was as the caller had it.

    Where another request was faster, the rule may be spent. Sets `g.caller` anew.
    """
    caller: Caller = g.caller
    try:
        with transaction(caller.sandbox_id) as connection:
            sandbox = lock_sandbox(connection, caller.sandbox_id)
            is_current = bool(sandbox["revision"] == caller.revision)
            if is_current:
                change_sandbox(connection, sandbox, faults=count_down(caller.faults, position))
    except Superseded:
        is_current = False
    authenticate()
    return is_current


def _read_number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) if text is not None and is_number else None
