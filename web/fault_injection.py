"""Fault injection: errors and delays by the header `Prefer`, or by the rules of the sandbox."""

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

from database.connections import release_connection
from sandboxes.lifecycle import get_sandbox, update_sandbox
from web.auth import authenticate_again, transaction_of_caller
from web.record import SAFE_METHODS, RequestRecord

Rule = Mapping[str, Any]  # as `FaultRuleSchema` has it


class Disconnect(Response):
    """The end of a connection in place of a response."""

    def __call__(self, environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        """Raise ConnectionResetError, upon which gunicorn closes the connection."""
        if "werkzeug.socket" in environ:  # Flask's own server would keep it open
            environ["werkzeug.socket"].shutdown(SHUT_RDWR)
        raise ConnectionResetError(ECONNRESET, "A fault rule asked for a disconnect.")


def inject_fault(record: RequestRecord) -> Rule:
    """Delay a request, and return the fault that it gets: {} if there is none.

    Its preferences or a rule ask for it; `source` says which.
    """
    fault: dict[str, Any] = {}
    for preference, name in (("code", "status"), ("delay", "delay")):
        if preference in record.preferences:
            fault[name] = int(record.preferences[preference])
            record.applied.append(f"{preference}={fault[name]}")
    if "status" not in fault and record.caller.fault_rules and record.config["ADMIN_API"]:
        fault = {**apply_rule(record), **fault}
    if fault.get("delay"):
        release_connection()
        time.sleep(fault["delay"] / 1000)
        authenticate_again(record)
    ends = "status" in fault or fault.get("disconnect")
    return {"source": "preference", **fault} if ends else {}


def apply_rule(record: RequestRecord) -> Rule:
    """Return the sandbox's rule that applies to a request, and count it; {} if there is none."""
    request = record.request
    draw = cache(lambda _position: random.random())
    find = partial(find_rule, method=request.method, path=request.path, draw=draw)
    rules = record.caller.fault_rules
    position = find(rules)
    if position is not None and "times" in rules[position]:
        with transaction_of_caller(record) as connection:
            sandbox = get_sandbox(connection, record.caller.sandbox_id, lock=True)
            rules = sandbox["fault_rules"]  # others may have counted in the meantime
            position = find(rules)
            if position is not None and "times" in rules[position]:
                counted = [dict(rule) for rule in rules]
                counted[position]["times"] -= 1
                update_sandbox(connection, sandbox, fault_rules=counted)
        if request.method in SAFE_METHODS:
            authenticate_again(record)  # for the snapshot that it reads
    return {} if position is None else {"source": f"rule {position + 1}", **rules[position]}


def find_rule(
    rules: Sequence[Rule], method: str, path: str, draw: Callable[[int], float]
) -> int | None:
    """Return the position of the first rule that matches a request, or None.

    `draw` returns a random number from 0 to 1 for the rule at a position.
    """
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
