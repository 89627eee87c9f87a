"""How each request to vcita's routes reaches the request journal.

A thread of each process stores requests in batches shortly after their responses: to store each one
before its response makes reads wait for writers, and GETs less than half as fast.
"""

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from threading import Lock, Timer
from time import monotonic, perf_counter

from flask import Flask, current_app

from database.connections import database_error_types, get_connection, is_unavailable, transaction
from models import DEFAULT_SANDBOX
from sandboxes.lifecycle import find_sandbox
from sandboxes.request_journal import JOURNAL_LOCK, FinishedRequest, write_journal
from web.access_log import describe_query
from web.record import RequestRecord

VCITA_PREFIXES = ("/v2/", "/platform/v1/")
BATCH_WINDOW = 0.035  # seconds that the first request of a batch waits for others
RETRY_DELAY = 1.0  # seconds until the next attempt, while the database can't be written
RETRY_WINDOW = 30.0  # seconds after its response in which a request is tried again
MAX_WAITING = 10_000  # requests of a process, while the database can't be written
USE_INTERVAL = timedelta(minutes=1)  # between two notes that a sandbox is in use
MAX_LENGTH = 2_000  # characters of each field
MAX_BODY_BYTES = 4 * MAX_LENGTH


class JournalWriter:
    """The requests of a process that are not stored yet, and the thread that stores them."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting: deque[FinishedRequest] = deque()
        self._guard = Lock()
        self._timer: Timer | None = None

    def add(self, finished: FinishedRequest) -> None:
        """Store a request soon."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(finished)
        self._schedule(BATCH_WINDOW)

    def write(self) -> None:
        """Store all waiting requests, or schedule the next attempt."""
        self._timer = None
        with self._guard, self._app.app_context():
            finished = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                if finished:
                    with transaction(JOURNAL_LOCK) as connection:
                        write_journal(connection, finished, self._app.config["JOURNAL"])
            except Exception as error:
                if not (isinstance(error, database_error_types()) and is_unavailable(error)):
                    self._app.logger.exception("Requests are missing in the journal.")
                    return
                since = monotonic() - RETRY_WINDOW
                self._waiting.extendleft(
                    each for each in reversed(finished) if each.finished_at > since
                )
                self._schedule(RETRY_DELAY)

    def _schedule(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = Timer(seconds, self.write)
            self._timer.daemon = True
            self._timer.start()


def record_request(record: RequestRecord, status: int) -> None:
    """Hand a request that has its response to the journal's writer."""
    writer: JournalWriter = current_app.extensions["journal_writer"]
    environ = record.environ
    now, seconds = datetime.now(UTC), perf_counter() - record.started_at
    caller, error, body = record.known_caller, record.error, record.raw_body
    token, name = record.token, record.sandbox
    if caller and name != DEFAULT_SANDBOX and now - caller.last_used_at > USE_INTERVAL:
        writer.add(FinishedRequest(caller.sandbox_id, caller.generation, None, monotonic()))
    is_on = record.config["JOURNAL"] and record.config["ADMIN_API"]
    is_of_vcita = f"{environ['PATH_INFO']}/".startswith(VCITA_PREFIXES)
    if not (is_on and is_of_vcita) or environ["REQUEST_METHOD"] == "OPTIONS":
        return
    if caller is None and status >= 500:
        return
    sandbox = (caller.sandbox_id, caller.generation) if caller else _find_sandbox(name)
    if sandbox is None:
        return
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
    text = body[:MAX_BODY_BYTES].decode(errors="replace") if body else None
    details = {
        "status": status,
        "user_agent": _redact(environ.get("HTTP_USER_AGENT", ""), token),
        "method": environ["REQUEST_METHOD"],
        "path": _redact(path, token),
        "query": describe_query(_redact(environ.get("QUERY_STRING", ""), token)),
        "milliseconds": round(seconds * 1000, 1),
        "staff_uid": caller and caller.staff_uid,
        "ignored": [_redact(name, token) for name in record.ignored],
        "changed": record.changed,
        "error": _redact(error["message"], token) if error else None,
        "body": _redact(text, token) if text else None,
    }
    entry = {"time": now - timedelta(seconds=seconds), "details": details}
    writer.add(FinishedRequest(*sandbox, entry, monotonic()))


def _redact(text: str, token: str) -> str:
    """Return the beginning of a string without the token, in characters every database stores."""
    if token and token in text:
        text = re.sub(rf"(?<!\w){re.escape(token)}(?!\w)", "***", text)
    return text[:MAX_LENGTH].replace("\0", "\ufffd")


def _find_sandbox(name: str) -> tuple[int, int] | None:
    """Return the id and the generation of a sandbox, by default of the default one."""
    try:
        connection = get_connection()
        row = find_sandbox(connection, name) or find_sandbox(connection, DEFAULT_SANDBOX)
    except database_error_types():
        return None
    return (row["id"], row["generation"]) if row else None
