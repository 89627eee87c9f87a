"""Whether the server and its database work, for whoever watches them."""

from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, copy_current_request_context, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from werkzeug.exceptions import ServiceUnavailable

from database.connections import database_kind, get_connection
from models import Sandbox
from web.operations import object_of, operation
from web.request_loading import NO_QUERY, load

ANSWER_SECONDS = 1.0  # that the database may take

health = Blueprint("health", __name__)
checks = ThreadPoolExecutor(4, "health")


@health.get("/__admin/health")
@operation(
    "getHealth",
    "Controls",
    object_of(
        status={"type": "string", "const": "ok"},
        version={"type": "string"},
        database={"type": "string", "enum": ["sqlite", "postgresql"]},
    ),
    needs_token=False,
)
def show_health() -> ResponseReturnValue:
    """Show that the database answers, or respond with 503."""
    load(NO_QUERY)
    check = checks.submit(copy_current_request_context(ask_database))
    try:
        check.result(ANSWER_SECONDS)
    except TimeoutError:
        check.cancel()
        raise ServiceUnavailable("The database does not answer.", retry_after=1) from None
    return {"status": "ok", "version": current_app.config["VERSION"], "database": database_kind()}


def ask_database() -> None:
    """Read a row; raise the database's error if that is impossible."""
    get_connection().execute(select(Sandbox.id).limit(1)).first()
