"""The access log: one line for each request, without its token and its body."""

import json
import logging
import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote

from field_types.response_fields import format_utc
from web.record import RequestRecord

LOGGER = logging.getLogger("access_log")
MAX_LENGTH = 300  # characters of a path, a query, an address or a field
SECRETS = re.compile("token|auth|bearer|jwt|key|secret|password", re.IGNORECASE)  # in names
NOT_PRINTABLE = re.compile(r"[^!-~]")
IN_EVERY_LINE = ("time", "method", "path", "query", "status", "milliseconds")
THIS_MACHINE = {"127.0.0.1", "::1"}


def init_logger() -> None:
    """Send the access log to standard error."""
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler())
        LOGGER.setLevel(logging.INFO)


def log_request(record: RequestRecord, status: int) -> None:
    """Log a request and the status of its response."""
    fields = describe_request(record, status)
    if record.config["LOG_FORMAT"] == "json":
        line = json.dumps(fields)
    else:
        time, method, path, query, status, milliseconds = map(fields.pop, IN_EVERY_LINE)
        target = f"{path}?{query}" if query else path
        line = f"{time} {method} {target} {status} {milliseconds} ms"
        line += "".join(f" {name}={value}" for name, value in fields.items())
    # `LOGGER.info` would also look for the line of code that logs.
    LOGGER.handle(LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, line, (), None))


def describe_request(record: RequestRecord, status: int) -> dict[str, Any]:
    """Return the fields of a request's line, without those that have no value."""
    environ = record.environ
    fields = {
        "time": format_utc(datetime.now(UTC), "milliseconds"),
        "method": environ["REQUEST_METHOD"],
        "path": quote(environ["PATH_INFO"].encode("latin-1"))[:MAX_LENGTH],  # as WSGI has it
        "query": describe_query(environ.get("QUERY_STRING", "")),
        "status": status,
        "milliseconds": round((perf_counter() - record.started_at) * 1000, 1),
    }
    address = environ.get("REMOTE_ADDR", "")  # of the client, or else of the proxy in front
    if address and address not in THIS_MACHINE:
        fields["address"] = NOT_PRINTABLE.sub("?", address)[:MAX_LENGTH]
    if caller := record.known_caller:
        fields["sandbox"] = caller.sandbox
        fields["business"] = caller.business_uid
        fields["staff"] = caller.staff_uid
    if error := record.error:
        fields["code"] = error["code"]
        if "field" in error:
            fields["field"] = NOT_PRINTABLE.sub("?", error["field"])[:MAX_LENGTH]
    if record.reason:
        fields["reason"] = record.reason
    return fields


def describe_query(query: str) -> str:
    """Return a query as sent, cut if it is long, without the values of secret parameters."""
    if not query:
        return ""
    parts = []
    for part in query.split("&"):
        name, equals, _ = part.partition("=")
        parts.append(f"{name}=***" if equals and SECRETS.search(unquote(name)) else part)
    return NOT_PRINTABLE.sub("?", "&".join(parts))[:MAX_LENGTH]
