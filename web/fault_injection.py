"""Fault injection: errors and delays by the header `Prefer`, or by the rules of the sandbox."""

import random
import re
import time
from collections.abc import Callable, Container, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from database.connections import release_connection
from sandboxes.lifecycle import get_sandbox, update_sandbox
from web.auth import authenticate_again, transaction_of_caller
from web.errors import CODES, InjectedError
from web.record import SAFE_METHODS, RequestRecord, get_record

MAX_DELAY_MS = 30_000
Rule = Mapping[str, Any]  # optional: method, path, status, delay, times, probability


def inject_fault() -> None:
    """Delay this request, or raise InjectedError, if its preferences or a rule ask for it."""
    record = get_record()
    if record.environ["REQUEST_METHOD"] == "OPTIONS":
        return
    status = _apply_preference(record, "code", CODES)
    delay = _apply_preference(record, "delay", range(MAX_DELAY_MS + 1))
    if status is None and record.caller.fault_rules and record.config["ADMIN_API"]:
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
        return find_rule(rules, record.request.method, record.request.path, draw)

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
    if record.request.method in SAFE_METHODS:
        authenticate_again(record)  # for the snapshot that it reads
    return {} if position is None else rules[position]


def find_rule(
    rules: Sequence[Rule], method: str, path: str, draw: Callable[[int], float]
) -> int | None:
    """Return the position of the first rule that matches a request, or None.

    `draw` returns a random number from 0 to 1 for the rule at a position.
    """
    for position, rule in enumerate(rules):
        if rule.get("times") == 0:
            continue
        if "method" in rule and rule["method"].upper() != method:
            continue
        if "path" in rule and not matches(rule["path"], path):
            continue
        if "probability" not in rule or draw(position) < rule["probability"]:
            return position
    return None


def count_down(rules: Sequence[Rule], position: int) -> list[dict[str, Any]]:
    """Return the rules with the `times` of the one at a position reduced by one."""
    counted = [dict(rule) for rule in rules]
    counted[position]["times"] -= 1
    return counted


def matches(pattern: str, path: str) -> bool:
    """Return True if a path matches a pattern, in which each `*` matches any characters."""
    return fnmatchcase(path, re.sub(r"[?[]", r"[\g<0>]", pattern))
