"""Who is calling: the staff member of the bearer token, in the sandbox that it names."""

from contextlib import suppress
from functools import wraps

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests, Unauthorized

from conversations.callers import Caller, NoCaller, NoSandbox, get_caller
from conversations.staff_conversation import UnknownUid
from database.connections import begin_snapshot, get_connection, transaction
from demo.seeding import STAFF_TOKENS, make_demo_sandbox
from models import DEFAULT_SANDBOX
from sandboxes.lifecycle import NAME, SandboxDeleted, TooManySandboxes
from web.errors import CHALLENGE
from web.operations import View

READING = {"GET", "HEAD"}


def protect(blueprint: Blueprint) -> None:
    """Let only callers with a token use the routes of a blueprint, and no cache keep responses."""
    blueprint.before_request(authenticate)
    blueprint.after_request(forbid_storing)


def forbid_storing(response: Response) -> Response:
    """Keep a response out of all caches."""
    response.headers["Cache-Control"] = "no-store"
    return response


def authenticate() -> None:
    """Set `g.caller` to the staff member of the bearer token, or refuse with 401.

    What a request reads afterwards is of the same moment, unless it is one that writes. A browser's
    preflight carries no token and needs none. The log says why a token is refused.
    """
    if request.environ["REQUEST_METHOD"] == "OPTIONS":
        return
    try:
        g.caller = _find_caller(*read_token())
    except NoCaller as error:
        g.reason = str(error)
        raise Unauthorized("401 Unauthorized", www_authenticate=CHALLENGE) from None
    except TooManySandboxes:
        most = current_app.config["SANDBOXES"]
        raise TooManyRequests(
            f"There are {most:,} sandboxes, and all were used within a day: delete one with"
            " DELETE /__admin/sandbox, or let FLASK_SANDBOXES allow more.",
            retry_after=60,
        ) from None


def read_token() -> tuple[str, str]:
    """Return the token of this request, and the name of the sandbox that it is for.

    Raises NoCaller for a header that has none.
    """
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NoCaller("missing")
    token = token.strip()
    if "@" not in token:
        return token, DEFAULT_SANDBOX
    base, _, sandbox = token.rpartition("@")
    if not NAME.fullmatch(sandbox) or not current_app.config["SANDBOXES"]:
        raise NoSandbox("no sandbox")
    return base, sandbox


def again_if_superseded(view: View) -> View:
    """Let a view that writes begin again if its sandbox was changed while it waited.

    So the request acts as if it came after a reset, another state or clock, or a deletion. The
    second time nothing can change, since the lock is held from the beginning.
    """

    @wraps(view)
    def run(**arguments: str) -> ResponseReturnValue:
        before = _version(g.caller)
        try:
            return view(**arguments)
        except (SandboxDeleted, UnknownUid) as error:
            authenticate()
            if _version(g.caller) == before and isinstance(error, UnknownUid):
                raise
        while True:
            with transaction(g.caller.sandbox_id) as connection:
                if _is_still_there(connection):
                    return view(**arguments)
            authenticate()

    return run


def _is_still_there(connection: sa.Connection) -> bool:
    """Set `g.caller` anew; say whether they are still in the same sandbox."""
    sandbox_id = g.caller.sandbox_id
    with suppress(NoCaller):
        g.caller = get_caller(connection, *read_token())
        return bool(g.caller.sandbox_id == sandbox_id)
    return False


def _version(caller: Caller) -> tuple[int, int]:
    return caller.sandbox_id, caller.revision


def _find_caller(token: str, sandbox: str) -> Caller:
    """Return who calls; make the sandbox if a demo token is the first to name it."""
    while True:
        if request.environ["REQUEST_METHOD"] in READING:
            begin_snapshot()
        try:
            return get_caller(get_connection(), token, sandbox)
        except NoSandbox:
            if token not in STAFF_TOKENS or sandbox == DEFAULT_SANDBOX:
                raise
        make_demo_sandbox(sandbox, current_app.config["SANDBOXES"])
