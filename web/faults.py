"""Errors and delays on demand: by the header `Prefer`, or by the rules of the sandbox."""

import random
import time

from flask import Blueprint, current_app, g, request

from conversations.callers import Caller
from database.connections import give_connection_back
from sandboxes.faults import Fault, count_down, find_fault, find_rule
from sandboxes.lifecycle import Superseded, change_sandbox, hold_sandbox
from web.auth import READING, authenticate
from web.errors import CODES, ErrorOnDemand
from web.request_loading import note_preference, read_preferences

MAX_DELAY_MS = 30_000


def allow_faults(blueprint: Blueprint) -> None:
    """Let callers ask for errors and delays of the routes of a blueprint."""
    blueprint.before_request(fail_on_demand)


def fail_on_demand() -> None:
    """Delay this request, or raise ErrorOnDemand, where its caller or a rule says so."""
    if request.environ["REQUEST_METHOD"] == "OPTIONS":
        return
    fault = read_preferred_fault() if "HTTP_PREFER" in request.environ else Fault()
    if fault.status is None and g.caller.faults and current_app.config["ADMIN_API"]:
        by_rule = apply_rules()
        fault = Fault(by_rule.delay if fault.delay is None else fault.delay, by_rule.status)
    if fault.delay:
        give_connection_back()
        time.sleep(fault.delay / 1000)
        authenticate()  # the sandbox may be another by now
    if fault.status:
        raise ErrorOnDemand(fault.status)


def read_preferred_fault() -> Fault:
    """Return what the header asks for; what can't be done is ignored."""
    preferences = read_preferences()
    status, delay = _read_number(preferences.get("code")), _read_number(preferences.get("delay"))
    if status in CODES:
        note_preference(f"code={status}")
    else:
        status = None
    if delay is not None and delay <= MAX_DELAY_MS:
        note_preference(f"delay={delay}")
    else:
        delay = None
    return Fault(delay, status)


def apply_rules() -> Fault:
    """Return what the rules of the sandbox do to this request, and count it."""
    caller: Caller = g.caller
    numbers: dict[int, float] = {}

    def draw(position: int) -> float:
        return numbers.setdefault(position, random.random())

    position = find_rule(caller.faults, request.method, request.path, draw)
    if position is None or "times" not in caller.faults[position]:
        return find_fault(caller.faults, position)
    try:
        with hold_sandbox(caller.sandbox_id) as (connection, sandbox):
            rules = sandbox["faults"]  # which others may have counted since
            position = find_rule(rules, request.method, request.path, draw)
            if position is not None and "times" in rules[position]:
                change_sandbox(connection, sandbox, faults=count_down(rules, position))
    except Superseded:  # no sandbox, no rules
        authenticate()
        return Fault()
    if request.method in READING:
        authenticate()  # for what it is going to read
    return find_fault(rules, position)


def _read_number(text: str | None) -> int | None:
    """Return a number of at most nine digits, or None for anything else."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= 9):
        return None
    return int(text)
