"""The access log: one line for each request, without its token and body."""

import json
import logging
import re
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from flask.logging import default_handler

from field_types.response_fields import format_utc
from web.record import RequestRecord

LOGGER = logging.getLogger("access_log")
MAX_LENGTH = 300  # characters of a path, a query, an address or a field
SERVER_FORMAT = "[%(asctime)s] %(levelname)s in %(module)s: %(message)s"
SECRETS = re.compile("token|auth|bearer|jwt|key|secret|password", re.IGNORECASE)  # in names
CHARACTER = re.compile("%[0-9a-fA-F]{2}|.", re.DOTALL)  # of a URL
ESCAPED = r"(?<=%[0-9a-fA-F]{{2}})|(?<=\\u[0-9a-fA-F]{{4}})|(?<=\\[bfnrt])"  # of a URL or JSON
WORD = rf"(?:(?<!\w)|{ESCAPED}){{}}(?!\w)"
NOT_PRINTABLE = re.compile("[^ -~]")
IN_EVERY_LINE = ("time", "method", "path", "query", "status", "milliseconds")


class CleanFormatter(logging.Formatter):
    """Format each record as a line of printable ASCII, with its traceback indented below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        return "\n    ".join(map(clean, super().format(record).splitlines()))


def init_logger() -> None:
    """Send the access log to standard error, and protect Flask's log against forged lines."""
    default_handler.setFormatter(CleanFormatter(SERVER_FORMAT))
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler())


def clean(text: str) -> str:
    """Replace all characters except printable ASCII with `?`."""
    return text if text.isascii() and text.isprintable() else NOT_PRINTABLE.sub("?", text)


def log_request(record: RequestRecord, status: int) -> None:
    """Log a request if LOG_LEVEL includes its status; 0 means no response."""
    if 0 < status < 400 and record.config["LOG_LEVEL"] == "warning":
        return
    fields = describe_request(record, status)
    if record.config["LOG_FORMAT"] == "json":
        line = json.dumps(fields)
    else:
        time, method, path, query, _, milliseconds = map(fields.pop, IN_EVERY_LINE)
        target = f"{path}?{query}" if query else path
        line = f"{time} {method} {target} {status} {milliseconds} ms"
        line += "".join(f" {name}={value}" for name, value in fields.items())
    # `LOGGER.info` would also look up the caller's line of code.
    LOGGER.handle(LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, line, (), None))


def describe_request(record: RequestRecord, status: int) -> dict[str, Any]:
    """Return the fields of a request's line that have a value."""
    environ = record.environ
    path = redact(environ["PATH_INFO"], record.token).encode("latin-1")  # as WSGI has it
    fields = {
        "time": format_utc(datetime.now(UTC), "milliseconds"),
        "method": _show(environ["REQUEST_METHOD"]),
        "path": quote(path, safe="/*")[:MAX_LENGTH],
        "query": describe_query(environ.get("QUERY_STRING", ""), record.token),
        "status": status,
        "milliseconds": round((perf_counter() - record.started_at) * 1000, 1),
    }
    address = environ.get("REMOTE_ADDR", "")  # of the client, or else of the proxy in front
    if address not in ("", "127.0.0.1", "::1"):
        fields["address"] = _show(address)
    if caller := record.known_caller:
        fields["sandbox"] = record.sandbox
        fields["business"] = _show(caller.business["uid"])
        fields["staff"] = _show(caller.staff["uid"])
    if error := record.error:
        fields["code"] = error["code"]
        if "field" in error:
            fields["field"] = _show(redact(error["field"], record.token))
    if record.reason:
        fields["reason"] = clean(record.reason)  # last, as it may have spaces
    return fields


def _show(text: str) -> str:
    """Return a value that can't be mistaken for two, cut if it is long."""
    return clean(text).replace(" ", "?")[:MAX_LENGTH]


def describe_query(query: str, token: str) -> str:
    """Return a query, truncated and without the token and other secrets."""
    if not query:
        return ""
    parts = []
    for part in redact(query, token).split("&"):
        name, equals, _ = part.partition("=")
        parts.append(f"{name}=***" if equals and SECRETS.search(unquote(name)) else part)
    return _show("&".join(parts))


def redact(text: str, token: str) -> str:
    """Replace the token in a text with `***`, also if it is percent-encoded."""
    if not token:
        return text
    if token in text:
        text = re.sub(WORD.format(re.escape(token)), "***", text)
    for decode in (unquote, unquote_plus) if "%" in text or "+" in text else ():
        plain = decode(text, "latin-1")
        if token in plain:
            sent = CHARACTER.findall(text)  # as many as in the plain text
            for match in re.finditer(WORD.format(re.escape(token)), plain):
                sent[match.start() : match.end()] = ["***", *[""] * (len(token) - 1)]
            text = "".join(sent)
    return text
