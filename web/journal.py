"""The journal: each request to vcita's routes is kept for a while, with its response's outcome.

Requests are stored shortly after their responses, several at once, by a thread of each process.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from threading import Lock, Timer
from time import perf_counter

from flask import Flask, Response, current_app, g, request

from conversations.callers import Caller, NoCaller
from database.connections import (
    database_errors,
    get_connection,
    give_connection_back,
    is_unavailable,
    transaction,
)
from database.errors import UnknownOutcome
from database.statements import Row
from models import DEFAULT_SANDBOX
from sandboxes.journal import LOCK, Answered, write_journal
from sandboxes.lifecycle import find_sandbox
from web.auth import authenticate, read_token
from web.request_log import describe_query

VENDOR_PREFIXES = ("/v2/", "/platform/v1/")
WAIT_SECONDS = 0.03  # in which others may join
MOST_WAITING = 10_000  # of a process, while the database can't be written
USED_AGAIN = timedelta(minutes=1)  # after which it is written that a sandbox is in use
LONGEST = 2_000  # characters of a body, and of everything else that a client may make long
SHORTEST_SECRET = 5  # characters of a token that could not be a part of any word
BODY_BYTES = 4 * LONGEST


class Recorder:
    """The requests of a process that are not in the journal yet, and the sandboxes in use."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._answered: deque[Answered] = deque(maxlen=MOST_WAITING)
        self._used: set[int] = set()
        self._guard = Lock()
        self._timer: Timer | None = None

    def add(self, answered: Answered) -> None:
        """Let a request be stored soon."""
        self._answered.append(answered)
        self._schedule()

    def note_use(self, sandbox_id: int) -> None:
        """Let it be stored soon that a sandbox was used."""
        self._used.add(sandbox_id)
        self._schedule()

    def write(self) -> None:
        """Store what is waiting; keep it for another time if the database can't be used."""
        with self._guard, self._app.app_context():
            self._timer = None
            answered, used = list(self._answered), set(self._used)
            if not answered and not used:
                return
            errors: tuple[type[Exception], ...] = (*database_errors(), UnknownOutcome)
            try:
                with transaction(LOCK) as connection:
                    write_journal(connection, answered, used, self._app.config["JOURNAL"])
            except errors as error:
                if is_unavailable(error):
                    return
                self._app.logger.error("Requests are missing in the journal: %s", error)
            for _ in answered:
                self._answered.popleft()
            self._used -= used

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = Timer(WAIT_SECONDS, self.write)
            self._timer.daemon = True
            self._timer.start()


def init_app(app: Flask) -> None:
    """Let an app keep its requests."""
    app.extensions["recorder"] = Recorder(app)
    app.after_request(record_request)


def write_waiting() -> None:
    """Store the requests of this process that are not in the journal yet, now."""
    recorder: Recorder = current_app.extensions["recorder"]
    give_connection_back()  # there may be no other
    recorder.write()
    authenticate()  # in a snapshot that has them


def record_request(response: Response) -> Response:
    """Keep a request that has its response."""
    recorder: Recorder = current_app.extensions["recorder"]
    caller: Caller | None = g.get("caller")
    now = datetime.now(UTC)
    if caller and caller.sandbox != DEFAULT_SANDBOX and now - caller.used_at > USED_AGAIN:
        recorder.note_use(caller.sandbox_id)
    if not current_app.config["JOURNAL"] or not current_app.config["ADMIN_API"]:
        return response
    path = request.path
    if request.environ["REQUEST_METHOD"] == "OPTIONS" or not f"{path}/".startswith(VENDOR_PREFIXES):
        return response
    sandbox_id = caller.sandbox_id if caller else None
    if caller is None and response.status_code < 500:
        sandbox_id = _find_sandbox_id()
    if sandbox_id is not None:
        entry = _describe(response.status_code, now)
        recorder.add(Answered(now, entry | {"sandbox_id": sandbox_id}))
    return response


def _describe(status: int, now: datetime) -> Row:
    """Return what the journal says of this request."""
    environ = request.environ
    seconds = perf_counter() - g.begun
    error = g.get("error")
    body: bytes | None = g.get("body")
    caller: Caller | None = g.get("caller")
    return {
        "time": now - timedelta(seconds=seconds),
        "status": status,
        "user_agent": _clean(environ.get("HTTP_USER_AGENT", "")),
        "method": environ["REQUEST_METHOD"],
        "path": _clean(request.path),
        "query": _clean(describe_query(environ.get("QUERY_STRING", ""))),
        "microseconds": round(seconds * 1_000_000),
        "staff_uid": caller.staff_uid if caller else None,
        "ignored": g.get("ignored", []),
        "changed": g.get("changed", []),
        "error": error and _clean(error["message"]),
        "body": _clean(body[:BODY_BYTES].decode(errors="replace")) if body else None,
    }


def _clean(text: str) -> str:
    """Return the first characters of a text, without the token, as every database stores them."""
    token = request.environ.get("HTTP_AUTHORIZATION", "").rpartition(" ")[2].partition("@")[0]
    if len(token) >= SHORTEST_SECRET:
        text = text.replace(token, "***")
    return text[:LONGEST].replace("\0", "\ufffd")


def _find_sandbox_id() -> int | None:
    """Return the id of the sandbox that the token names, or else of the default one."""
    try:
        _, name = read_token()
    except NoCaller:
        name = DEFAULT_SANDBOX
    try:
        connection = get_connection()
        sandbox = find_sandbox(connection, name) or find_sandbox(connection, DEFAULT_SANDBOX)
    except database_errors():
        return None
    return sandbox["id"] if sandbox else None
