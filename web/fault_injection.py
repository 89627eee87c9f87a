"""Fault injection: errors and delays by the header `Prefer` or by a sandbox's fault rules."""

import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from errno import ECONNRESET
from fnmatch import fnmatchcase
from functools import cache, partial
from socket import SHUT_RDWR
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Response

from database.connections import begin_snapshot, release_connection
from sandboxes.lifecycle import update_sandbox
from web.auth import authenticate_again, transaction_of_caller
from web.record import SAFE_METHODS, RequestRecord

Rule = Mapping[str, Any]  # as `FaultRuleSchema` has it


class Disconnect(Response):
    """A response that closes the connection instead."""

    def __call__(self, environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        """Raise ConnectionResetError, so that gunicorn closes the connection."""
        if "werkzeug.socket" in environ:  # Flask's own server keeps it open
            environ["werkzeug.socket"].shutdown(SHUT_RDWR)
        raise ConnectionResetError(ECONNRESET, "A fault rule closed the connection.")


def inject_fault(record: RequestRecord) -> Rule:
    """Delay a request; return the fault to inject with its `source` (as in `X-Fault`), or {}."""
    fault: dict[str, Any] = {}
    for preference, name in (("code", "status"), ("delay", "delay")):
        if preference in record.preferences:
            fault[name] = int(record.preferences[preference])
            record.applied.append(f"{preference}={fault[name]}")
    rules = record.caller.sandbox["fault_rules"]
    if rules and record.config["ADMIN_API"] and "status" not in fault:
        fault = {**apply_rule(record), **fault}
    if fault.get("delay"):
        release_connection()
        time.sleep(fault["delay"] / 1000)
        authenticate_again(record, begin_snapshot())
    ends = "status" in fault or fault.get("disconnect")
    return {"source": "preference", **fault} if ends else {}


def apply_rule(record: RequestRecord) -> Rule:
    """Return the fault rule that applies to a request, and decrement its `times`, or return {}."""
    request = record.request
    draw = cache(lambda _position: random.random())
    find = partial(find_rule, method=request.method, path=request.path, draw=draw)
    rules = record.caller.sandbox["fault_rules"]
    position = find(rules)
    if position is not None and "times" in rules[position]:
        with transaction_of_caller(record) as connection:
            rules = record.caller.sandbox["fault_rules"]  # they may have changed
            position = find(rules)
            if position is not None and "times" in rules[position]:
                counted = [dict(rule) for rule in rules]
                counted[position]["times"] -= 1
                update_sandbox(connection, record.caller.sandbox, fault_rules=counted)
        if request.method in SAFE_METHODS:
            authenticate_again(record, begin_snapshot())  # for the snapshot that it reads
    return {} if position is None else {"source": f"rule {position + 1}", **rules[position]}


def find_rule(
    rules: Sequence[Rule], method: str, path: str, draw: Callable[[int], float]
) -> int | None:
    """Return the position of the first matching rule, or None; `draw` returns a random number."""
    for position, rule in enumerate(rules):
        if (
            rule.get("times") != 0
            and rule.get("method", method).upper() == method
            and matches(rule.get("path", "*").rstrip("/"), path.rstrip("/"))
            and draw(position) < rule.get("probability", 1)
        ):
            return position
    return None


def matches(pattern: str, path: str) -> bool:
    """Return True if a path matches a pattern, in which each `*` matches any characters."""
    return fnmatchcase(path, re.sub(r"[?[]", r"[\g<0>]", pattern))
