"""Whether the server and its database work, for whoever watches them."""

from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, copy_current_request_context, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from werkzeug.exceptions import ServiceUnavailable

from admin.schemas import HealthSchema
from database.connections import backend_name, get_connection
from models import Sandbox
from web.operations import operation
from web.request_loading import NO_QUERY, load

ANSWER_SECONDS = 1.0  # that the database may take
NO_ANSWER = "The database does not answer."

health_response = HealthSchema()
health = Blueprint("health", __name__)
checks = ThreadPoolExecutor(4, "health")


@health.get("/__admin/health")
@operation(
    "getHealth",
    "Controls",
    HealthSchema,
    error_examples={503: (None, NO_ANSWER)},
    needs_token=False,
)
def show_health() -> ResponseReturnValue:
    """Show that the server and its database work.

    It needs no token. The response is a 503 if the database does not answer within a second.
    """
    load(NO_QUERY)
    check = checks.submit(copy_current_request_context(ask_database))
    try:
        check.result(ANSWER_SECONDS)
    except TimeoutError:
        check.cancel()
        raise ServiceUnavailable(NO_ANSWER, retry_after=1) from None
    version = current_app.config["VERSION"]
    return health_response.dump({"version": version, "database": backend_name()})


def ask_database() -> None:
    """Read a row; raise the database's error if that is impossible."""
    get_connection().execute(select(Sandbox.id).limit(1)).first()
