"""Fault injection: the rule that applies to a request."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Rule = Mapping[str, Any]  # optional: method, path, status, delay, times, probability


@dataclass(frozen=True)
class Fault:
    """The fault that a request gets: a delay in milliseconds, an error, both or nothing."""

    delay: int | None = None
    status: int | None = None


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


def find_fault(rules: Sequence[Rule], position: int | None) -> Fault:
    """Return the fault of the rule at a position; without a position, one that does nothing."""
    rule = {} if position is None else rules[position]
    return Fault(rule.get("delay"), rule.get("status"))


def matches(pattern: str, path: str) -> bool:
    """Return True if a path matches a pattern, in which each `*` matches any characters."""
    return fnmatchcase(path, re.sub(r"[?[]", r"[\g<0>]", pattern))
