"""Fault injection: errors and delays by the header `Prefer`, or by the rules of the sandbox."""

import random
import time
from collections.abc import Container, Sequence

from flask import Blueprint, current_app, request

from database.connections import release_connection
from sandboxes.fault_rules import Rule, count_down, find_rule
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
    status = _apply_preference(record, "code", CODES)
    delay = _apply_preference(record, "delay", range(MAX_DELAY_MS + 1))
    if status is None and record.caller.fault_rules and current_app.config["ADMIN_API"]:
        rule = apply_rule(record)
        status = rule.get("status")
        delay = rule.get("delay") if delay is None else delay
    if delay:
        release_connection()
        time.sleep(delay / 1000)
        authenticate_again(record)
    if status:
        raise InjectedError(status)


def _apply_preference(record: RequestRecord, name: str, allowed: Container[int]) -> int | None:
    """Return the number that a preference asks for; a value that can't be applied is ignored."""
    text = record.preferences.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) in allowed):
        return None
    record.apply_preference(f"{name}={int(text)}")
    return int(text)


def apply_rule(record: RequestRecord) -> Rule:
    """Return the sandbox's rule that applies to a request, and count it; {} if there is none."""
    numbers: dict[int, float] = {}

    def find(rules: Sequence[Rule]) -> int | None:
        return find_rule(rules, request.method, request.path, draw)

    def draw(position: int) -> float:
        return numbers.setdefault(position, random.random())

    rules = record.caller.fault_rules
    position = find(rules)
    if position is None or "times" not in rules[position]:
        return {} if position is None else rules[position]
    with transaction_of_caller(record) as connection:
        sandbox = get_sandbox(connection, record.caller.sandbox_id, lock=True)
        rules = sandbox["fault_rules"]  # others may have counted in the meantime
        position = find(rules)
        if position is not None and "times" in rules[position]:
            update_sandbox(connection, sandbox, fault_rules=count_down(rules, position))
    if request.method in SAFE_METHODS:
        authenticate_again(record)  # for the snapshot that it reads
    return {} if position is None else rules[position]
