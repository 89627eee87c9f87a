"""The journal: each request to vcita's routes is kept for a while, with its response's outcome.

Requests are stored shortly after their responses, several at once, by a thread of each process.
"""

import re
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from threading import Lock, Timer
from time import perf_counter
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, current_app, g, request

from conversations.callers import Caller, NoCaller
from database.connections import (
    database_error_types,
    get_connection,
    is_unavailable,
    release_connection,
    start_lock_timeout,
    transaction,
)
from database.statements import Row
from models import DEFAULT_SANDBOX
from sandboxes.journal import LOCK, SETTLED_SECONDS, FinishedRequest, write_journal
from sandboxes.lifecycle import find_sandbox
from web.auth import authenticate, read_token
from web.request_log import describe_query

VCITA_PREFIXES = ("/v2/", "/platform/v1/")
WAIT_SECONDS = 0.035  # in which others may join
MOST_SECONDS = 5.0  # that an attempt may take
READER_SECONDS = 0.5  # that whoever reads the journal waits for one
LATER_SECONDS = 1.0  # until the next attempt, where the database could not be written
KEPT = timedelta(seconds=30)  # for further attempts
MOST_WAITING = 10_000  # of a process, while the database can't be written
USED_AGAIN = timedelta(minutes=1)  # after which it is written that a sandbox is in use
LONGEST = 2_000  # characters of a body, and of everything else that a client may make long
BODY_BYTES = 4 * LONGEST


class Recorder:
    """The requests of a process that are not in the journal yet, and the sandboxes in use."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._finished: deque[FinishedRequest] = deque()
        self._used: set[int] = set()
        self._guard = Lock()
        self._timer: Timer | None = None

    def add(self, finished: FinishedRequest) -> None:
        """Let a request be stored soon."""
        if len(self._finished) < MOST_WAITING:
            self._finished.append(finished)
        self._write_soon(WAIT_SECONDS)

    def note_use(self, sandbox_id: int) -> None:
        """Let it be stored soon that a sandbox was used."""
        self._used.add(sandbox_id)
        self._write_soon(WAIT_SECONDS)

    def write(self, seconds: float = MOST_SECONDS) -> None:
        """Store what is waiting, within so many seconds, or else try again soon."""
        self._timer = None
        if not self._guard.acquire(timeout=seconds):
            self._write_soon(LATER_SECONDS)
            return
        try:
            finished = [self._finished.popleft() for _ in range(len(self._finished))]
            used = {self._used.pop() for _ in range(len(self._used))}
            if (finished or used) and not self._store(finished, used, seconds):
                since = datetime.now(UTC) - KEPT
                self._finished.extendleft(each for each in reversed(finished) if each.at > since)
                if self._finished:
                    self._write_soon(LATER_SECONDS)
        finally:
            self._guard.release()

    def _store(self, finished: list[FinishedRequest], used: set[int], seconds: float) -> bool:
        """Store requests; say whether there is nothing left to try again."""
        with self._app.app_context():
            start_lock_timeout(seconds)
            try:
                with transaction(LOCK) as connection:
                    write_journal(connection, finished, used, self._app.config["JOURNAL"])
            except Exception as error:
                if isinstance(error, database_error_types()) and is_unavailable(error):
                    return False
                self._app.logger.exception("Requests are missing in the journal.")
            return True

    def _write_soon(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = Timer(seconds, self.write)
            self._timer.daemon = True
            self._timer.start()


def init_app(app: Flask) -> None:
    """Let an app keep its requests."""
    app.extensions["recorder"] = Recorder(app)
    app.after_request(record_request)


def write_waiting() -> datetime:
    """Store the requests that are not in the journal yet; let other processes do the same.

    Returns the time until which all are stored. What this request reads afterwards is of a later
    moment.
    """
    release_connection()
    recorder: Recorder = current_app.extensions["recorder"]
    recorder.write(READER_SECONDS)
    until = datetime.now(UTC)
    time.sleep(SETTLED_SECONDS)
    authenticate()
    return until


def record_request(response: Response) -> Response:
    """Keep a request that has its response."""
    recorder: Recorder = current_app.extensions["recorder"]
    caller: Caller | None = g.get("caller")
    now = datetime.now(UTC)
    if caller and caller.sandbox != DEFAULT_SANDBOX and now - caller.used_at > USED_AGAIN:
        recorder.note_use(caller.sandbox_id)
    environ = request.environ
    is_vcitas = f"{environ['PATH_INFO']}/".startswith(VCITA_PREFIXES)
    if not is_vcitas or environ["REQUEST_METHOD"] == "OPTIONS":
        return response
    if not current_app.config["JOURNAL"] or not current_app.config["ADMIN_API"]:
        return response
    if caller:
        sandbox_id, version, staff_uid = caller.sandbox_id, caller.version, caller.staff_uid
    elif response.status_code < 500 and (found := _find_sandbox_id()):
        sandbox_id, version, staff_uid = found, None, None
    else:
        return response
    entry = _describe(environ, response.status_code, now)
    entry |= {"sandbox_id": sandbox_id, "staff_uid": staff_uid}
    recorder.add(FinishedRequest(now, version, entry))
    return response


def _describe(environ: WSGIEnvironment, status: int, now: datetime) -> Row:
    """Return what the journal says of this request, but for its sandbox and staff member."""
    seconds = perf_counter() - g.begun
    error = g.get("error")
    body: bytes | None = g.get("body")
    token, _ = _read_any_token()
    query = environ.get("QUERY_STRING")
    return {
        "time": now - timedelta(seconds=seconds),
        "status": status,
        "user_agent": _clean(environ.get("HTTP_USER_AGENT", ""), token),
        "method": environ["REQUEST_METHOD"],
        "path": _clean(request.path, token),
        "query": describe_query(_clean(query, token)) if query else "",
        "microseconds": round(seconds * 1_000_000),
        "ignored": _clean(",".join(g.get("ignored", ())), token),
        "changed": ",".join(g.get("changed", ())),
        "error": _clean(error["message"], token) if error else None,
        "body": _clean(body[:BODY_BYTES].decode(errors="replace"), token) if body else None,
    }


def _clean(text: str, token: str) -> str:
    """Return the first characters of a string, without the token, as every database stores them."""
    if token and token in text:
        text = re.sub(rf"(?<!\w){re.escape(token)}(?!\w)", "***", text)
    return text[:LONGEST].replace("\0", "\ufffd")


def _read_any_token() -> tuple[str, str]:
    """Return the token and the sandbox's name, or no token and the default one if there is none."""
    try:
        return read_token()
    except NoCaller:
        return "", DEFAULT_SANDBOX


def _find_sandbox_id() -> int | None:
    """Return the id of the sandbox that the token names, or else of the default one."""
    _, name = _read_any_token()
    try:
        connection = get_connection()
        sandbox = find_sandbox(connection, name) or find_sandbox(connection, DEFAULT_SANDBOX)
    except database_error_types():
        return None
    return sandbox["id"] if sandbox else None
