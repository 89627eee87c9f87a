"""Fault injection: errors and delays by the header `Prefer`, or by the rules of the sandbox."""

import random
import time

from flask import Blueprint, current_app, request

from database.connections import release_connection
from sandboxes.fault_rules import Fault, count_down, find_fault, find_rule
from sandboxes.lifecycle import get_sandbox, update_sandbox
from web.auth import SAFE_METHODS, authenticate_again, transaction_of_caller
from web.errors import CODES, InjectedError
from web.record import RequestRecord, get_record

MAX_DELAY_MS = 30_000


def enable_fault_injection(blueprint: Blueprint) -> None:
    """Apply preferences and fault rules to the requests of a blueprint."""
    blueprint.before_request(inject_fault)


def inject_fault() -> None:
    """Delay this request, or raise InjectedError, if its preferences or a rule ask for it."""
    record = get_record()
    if record.environ["REQUEST_METHOD"] == "OPTIONS":
        return
    fault = read_preferred_fault(record) if record.preferences else Fault()
    if fault.status is None and record.caller.fault_rules and current_app.config["ADMIN_API"]:
        by_rule = apply_rules(record)
        fault = Fault(by_rule.delay if fault.delay is None else fault.delay, by_rule.status)
    if fault.delay:
        release_connection()
        time.sleep(fault.delay / 1000)
        authenticate_again(record)
    if fault.status:
        raise InjectedError(fault.status)


def read_preferred_fault(record: RequestRecord) -> Fault:
    """Return the fault that the header asks for; a value that can't be applied is ignored."""
    status = _read_number(record.preferences.get("code"))
    delay = _read_number(record.preferences.get("delay"))
    if status in CODES:
        record.apply_preference(f"code={status}")
    else:
        status = None
    if delay is not None and delay <= MAX_DELAY_MS:
        record.apply_preference(f"delay={delay}")
    else:
        delay = None
    return Fault(delay, status)


def apply_rules(record: RequestRecord) -> Fault:
    """Return the fault that the sandbox's rules ask for, and count the rule that applies."""
    rules = record.caller.fault_rules
    numbers: dict[int, float] = {}

    def draw(position: int) -> float:
        return numbers.setdefault(position, random.random())

    position = find_rule(rules, request.method, request.path, draw)
    if position is None or "times" not in rules[position]:
        return find_fault(rules, position)
    with transaction_of_caller(record) as connection:
        sandbox = get_sandbox(connection, record.caller.sandbox_id, lock=True)
        rules = sandbox["fault_rules"]  # others may have counted in the meantime
        position = find_rule(rules, request.method, request.path, draw)
        if position is not None and "times" in rules[position]:
            update_sandbox(connection, sandbox, fault_rules=count_down(rules, position))
    if request.method in SAFE_METHODS:
        authenticate_again(record)  # for the snapshot that it reads
    return find_fault(rules, position)


def _read_number(text: str | None) -> int | None:
    """Return a number of at most nine digits, or None for anything else."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= 9):
        return None
    return int(text)
