"""Who is calling: the staff member of the bearer token."""

from flask import g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from conversations.callers import find_caller
from database.connections import get_connection
from models import DEFAULT_SANDBOX


def authenticate() -> None:
    """Set `g.caller` to the staff member of the bearer token, or refuse with 401.

    A browser's preflight carries no token and needs none.
    """
    environ = request.environ
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    caller = None
    if scheme.lower() == "bearer":
        caller = find_caller(get_connection(), token.strip(), DEFAULT_SANDBOX)
    if caller is None:
        raise Unauthorized("401 Unauthorized", www_authenticate=WWWAuthenticate("bearer"))
    g.caller = caller
