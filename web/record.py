"""The record of a request, shared by all functions that serve it."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from wsgiref.types import WSGIEnvironment

from flask import Config, Request, g
from flask.globals import request_ctx

from conversations.callers import Caller
from followups import Fields
from models import DEFAULT_SANDBOX

PREFERENCE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')  # `urllib.request` takes 0.3 MB
SAFE_METHODS = {"GET", "HEAD"}  # of requests that only read


@dataclass(slots=True)
class RequestRecord:
    """The data of a request; the access log and the journal are written from it."""

    request: Request  # each access through Flask's proxy takes a microsecond
    environ: WSGIEnvironment
    config: Config  # of the app
    time: datetime  # the real time when it began
    started_at: float  # by `time.perf_counter`
    token: str  # without the sandbox's name; empty if there is none
    sandbox: str  # the name in the token
    preferences: dict[str, str]  # of the header `Prefer`, in lower case
    known_caller: Caller | None = None  # set by authentication
    raw_body: bytes | None = None
    is_body_read: bool = False  # or found unreadable
    query: Fields = field(default_factory=dict)  # as the schemas loaded it
    body: Fields = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)  # the names in `X-Ignored`
    applied: list[str] = field(default_factory=list)  # the preferences in `Preference-Applied`
    headers: dict[str, str] = field(default_factory=dict)  # more headers of the response
    changed: list[str] = field(default_factory=list)  # the fields that the request changed
    error: dict[str, Any] | None = None  # the first error of the response
    reason: str | None = None  # of an error, for the access log

    @property
    def caller(self) -> Caller:
        """Return the caller; raise LookupError if the request was not authenticated."""
        if self.known_caller is None:
            raise LookupError("The request was not authenticated.")
        return self.known_caller

    @property
    def origin(self) -> str:
        """Return the scheme and the host that the request names; empty if its host is invalid."""
        return f"{self.request.scheme}://{self.request.host}" if self.request.host else ""


def start_record() -> RequestRecord:
    """Create the record of the current request."""
    request, config = request_ctx.request, request_ctx.app.config
    environ = request.environ
    token, sandbox = parse_authorization(environ.get("HTTP_AUTHORIZATION", ""))
    prefer = environ.get("HTTP_PREFER", "")
    preferences = parse_preferences(prefer) if prefer else {}
    now = datetime.now(UTC), perf_counter()
    record = g.record = RequestRecord(request, environ, config, *now, token, sandbox, preferences)
    return record


def get_record() -> RequestRecord:
    """Return the record of this request."""
    record: RequestRecord = g.record
    return record


def parse_authorization(header: str) -> tuple[str, str]:
    """Return the bearer token, without the last `@`, and the sandbox's name after it."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "bearer":
        return "", DEFAULT_SANDBOX
    token, at, sandbox = credentials.strip().rpartition("@")
    return (token, sandbox) if at else (sandbox, DEFAULT_SANDBOX)


def parse_preferences(header: str) -> dict[str, str]:
    """Return the preferences of a header `Prefer` (RFC 7240) by name, in lower case.

    The first of a repeated preference applies; parameters are dropped. The time is linear.
    """
    preferences: dict[str, str] = {}
    for item in PREFERENCE.findall(header.lower()):
        name, _, value = item.partition(";")[0].partition("=")
        value = value.strip()
        is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
        value = re.sub(r"\\(.)", r"\1", value[1:-1]) if is_quoted else value
        preferences.setdefault(name.strip(), value)
    return preferences
