"""The log: one line for each request, with nothing of its token or its body."""

import json
import logging
import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote

from flask import Flask, Response, current_app, g, request

LOGGER = logging.getLogger("request_log")
LONGEST = 300  # characters of a path, and of a query
SECRETS = re.compile("token|auth|bearer|jwt|key|secret|password", re.IGNORECASE)  # in names
NOT_PRINTABLE = re.compile(r"[^!-~]")
THIS_MACHINE = {"127.0.0.1", "::1"}


def init_app(app: Flask) -> None:
    """Let an app log each request: who did what, how long it took, and what was wrong."""
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler())
        LOGGER.setLevel(logging.INFO)
    app.before_request(start_clock)
    app.after_request(log_request)


def start_clock() -> None:
    """Note when a request began."""
    g.begun = perf_counter()


def log_request(response: Response) -> Response:
    """Log a request that has its response."""
    fields = describe_request(response.status_code)
    if current_app.config["LOG_FORMAT"] == "json":
        line = json.dumps(fields)
    else:
        line = write_line(**fields)
    # `LOGGER.info` would also look for the line of code that logs.
    LOGGER.handle(LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, line, (), None))
    return response


def describe_request(status: int) -> dict[str, Any]:
    """Return what the log says of this request; what there is none of is left out."""
    environ = request.environ
    fields = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "method": environ["REQUEST_METHOD"],
        "path": quote(environ["PATH_INFO"].encode("latin-1"))[:LONGEST],  # as WSGI has it
        "query": describe_query(environ.get("QUERY_STRING", "")),
        "status": status,
        "milliseconds": round((perf_counter() - g.begun) * 1000, 1),
    }
    address = environ.get("REMOTE_ADDR", "")  # of the client, or else of the proxy in front
    if address and address not in THIS_MACHINE:
        fields["address"] = NOT_PRINTABLE.sub("?", address)[:LONGEST]
    if caller := g.get("caller"):
        fields["sandbox"] = caller.sandbox
        fields["business"] = caller.business_uid
        fields["staff"] = caller.staff_uid
    if error := g.get("error"):
        fields["code"] = error["code"]
        if "field" in error:
            fields["field"] = NOT_PRINTABLE.sub("?", error["field"])[:LONGEST]
    if reason := g.get("reason"):
        fields["reason"] = reason
    return fields


def describe_query(query: str) -> str:
    """Return a query as it was sent, but for what its names say is secret, and cut if long."""
    if not query:
        return ""
    parts = []
    for part in query.split("&"):
        name, equals, _ = part.partition("=")
        parts.append(f"{name}=***" if equals and SECRETS.search(unquote(name)) else part)
    return NOT_PRINTABLE.sub("?", "&".join(parts))[:LONGEST]


def write_line(
    time: str, method: str, path: str, query: str, status: int, milliseconds: float, **others: str
) -> str:
    """Return the line of a request for people."""
    target = f"{path}?{query}" if query else path
    line = f"{time} {method} {target} {status} {milliseconds} ms"
    return " ".join([line, *(f"{name}={value}" for name, value in others.items())])
