"""Writes requests to vcita's routes to the request journal, in batches after their responses."""

from collections import deque
from contextlib import suppress
from datetime import timedelta
from threading import Lock, Timer
from time import perf_counter

from flask import Flask, current_app

from database.connections import database_error_types, get_connection, is_unavailable, transaction
from models import DEFAULT_SANDBOX
from sandboxes.lifecycle import find_sandbox
from sandboxes.request_journal import JOURNAL_LOCK, FinishedRequest, write_journal
from web.access_log import describe_query, redact
from web.record import RequestRecord

VCITA_PREFIXES = ("/v2/", "/platform/v1/")
BATCH_WINDOW = 0.1  # seconds from a batch's first request until it is written
RETRY_DELAY = 1.0  # seconds between attempts while the database can't be written
MAX_WAITING = 10_000  # requests of a process while the database can't be written
USE_INTERVAL = timedelta(minutes=1)  # between updates of a sandbox's `last_used_at`
MAX_LENGTH = 2_000  # characters of each field
MAX_BODY_BYTES = 4 * MAX_LENGTH


class JournalWriter:
    """The unwritten requests of a process, and the thread that writes them."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting: deque[FinishedRequest] = deque(maxlen=MAX_WAITING)
        self._guard = Lock()
        self._timer: Timer | None = None

    def add(self, finished: FinishedRequest) -> None:
        """Schedule a request to be written."""
        self._waiting.append(finished)
        self._schedule(BATCH_WINDOW)

    def write(self) -> None:
        """Write all waiting requests; schedule a retry on failure."""
        self._timer = None
        with self._guard, self._app.app_context():
            finished = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                if finished:
                    with transaction(JOURNAL_LOCK) as connection:
                        write_journal(connection, finished, self._app.config["JOURNAL"])
            except Exception as error:
                if not is_unavailable(error):
                    self._app.logger.exception("Requests could not be written to the journal.")
                    return
                self._waiting.extendleft(reversed(finished))
                self._schedule(RETRY_DELAY)

    def _schedule(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = Timer(seconds, self.write)
            self._timer.daemon = True
            self._timer.start()


def record_request(record: RequestRecord, status: int | None) -> None:
    """Schedule a request to be written with the status of its response, or None without one."""
    writer: JournalWriter = current_app.extensions["journal_writer"]
    environ = record.environ
    time, seconds = record.time, perf_counter() - record.started_at
    caller, error, body = record.known_caller, record.error, record.raw_body
    token, name = record.token, record.sandbox
    sandbox = caller and caller.sandbox
    if sandbox and name != DEFAULT_SANDBOX and abs(time - sandbox["last_used_at"]) > USE_INTERVAL:
        writer.add(FinishedRequest(sandbox["id"], sandbox["generation"], None))
    is_on = record.config["JOURNAL"] and record.config["ADMIN_API"]
    is_of_vcita = f"{environ['PATH_INFO']}/".startswith(VCITA_PREFIXES)
    if not (is_on and is_of_vcita) or environ["REQUEST_METHOD"] == "OPTIONS":
        return
    if not sandbox and (status or 0) < 500:
        with suppress(*database_error_types()):
            connection = get_connection()
            sandbox = find_sandbox(connection, name) or find_sandbox(connection, DEFAULT_SANDBOX)
    if not sandbox:
        return
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
    text = body[:MAX_BODY_BYTES].decode(errors="replace") if body else None
    details = {
        "user_agent": _redact(environ.get("HTTP_USER_AGENT", ""), token),
        "method": environ["REQUEST_METHOD"],
        "path": _redact(path, token),
        "query": describe_query(environ.get("QUERY_STRING", ""), token),
        "milliseconds": round(seconds * 1000, 1),
        "staff_uid": caller and caller.staff["uid"],
        "ignored": [_redact(name, token) for name in record.ignored],
        "changed": record.changed,
        "error": _redact(error["message"], token) if error else None,
        "body": _redact(text, token) if text else None,
    }
    time = time.replace(microsecond=time.microsecond // 1000 * 1000)  # as shown
    entry = {"time": time, "status": status, "details": details}
    writer.add(FinishedRequest(sandbox["id"], sandbox["generation"], entry))


def _redact(text: str, token: str) -> str:
    """Truncate a string, and remove the token and characters that no database stores."""
    return redact(text, token)[:MAX_LENGTH].replace("\0", "\ufffd")
