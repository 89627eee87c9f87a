"""Who is calling: the staff member of the bearer token."""

from flask import Blueprint, Response, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from conversations.callers import NoCaller, get_caller
from database.connections import get_connection
from models import DEFAULT_SANDBOX


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

    A browser's preflight carries no token and needs none. The log says why a token is refused.
    """
    environ = request.environ
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise NoCaller("missing")
        g.caller = get_caller(get_connection(), token.strip(), DEFAULT_SANDBOX)
    except NoCaller as error:
        g.reason = str(error)
        challenge = WWWAuthenticate("bearer")
        raise Unauthorized("401 Unauthorized", www_authenticate=challenge) from None
