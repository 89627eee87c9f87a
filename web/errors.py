"""The one body of every error response, and which error gets which status."""

from collections.abc import Iterator
from errno import ECONNRESET
from typing import Any

from flask import Flask, request
from flask.json import dumps
from marshmallow import Schema, ValidationError, fields
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    UnprocessableEntity,
    default_exceptions,
)
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from conversations.staff_conversation import NotAllowed, UnknownUid
from database.connections import (
    database_errors,
    driver_error,
    give_connection_back,
    is_locked,
    is_unavailable,
)
from database.errors import UnknownOutcome
from demo.startup import DatabaseUnavailable
from field_types.descriptions import doc
from web.record import get_record
from web.request_body import close_connection

DRAIN_BYTES = 16 * 2**20  # of a caller's body, so that the response arrives
UNAUTHENTICATED_DRAIN_BYTES = 64 * 2**10
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal_error",
    502: "bad_gateway",
    503: "unavailable",
    504: "gateway_timeout",
}
MESSAGES = {
    404: "This server has no such route; /docs/ lists those that it has.",
    500: "The server failed to respond; its log says why.",
}


CHALLENGE = WWWAuthenticate("bearer")  # of every 401
HEADERS: dict[int, dict[str, Any]] = {  # of errors on demand
    401: {"www_authenticate": CHALLENGE},
    429: {"retry_after": 1},
    503: {"retry_after": 1},
}


class ErrorDetailSchema(Schema):
    """What is wrong, and with which field if one is at fault."""

    code = fields.String(**doc("What kind of error it is.", enum=list(CODES.values())))
    field = fields.String(**doc("The field at fault; left out where none is."))
    message = fields.String(**doc("What is wrong, in words."))


class ErrorResponseSchema(Schema):
    """The body of an error response. Nothing of the request was stored."""

    success = fields.Constant(False, **doc("Always false."))
    errors = fields.List(
        fields.Nested(ErrorDetailSchema),
        **doc("What is wrong; each wrong field has an entry."),
    )


class InjectedError(Exception):
    """An error that was asked for, with its status, one of those in CODES."""

    def __init__(self, status: int) -> None:
        super().__init__("This error was asked for.")
        self.status = status


def init_app(app: Flask) -> None:
    """Let an app respond to every error with the one body."""
    app.register_error_handler(HTTPException, respond_to_http_error)
    app.register_error_handler(ValidationError, respond_to_wrong_fields)
    app.register_error_handler(InjectedError, respond_to_injected_error)
    app.register_error_handler(UnknownUid, respond_to_unknown_uid)
    app.register_error_handler(NotAllowed, respond_to_forbidden_conversation)
    app.register_error_handler(DatabaseUnavailable, respond_to_unusable_database)
    app.register_error_handler(UnknownOutcome, respond_to_unknown_outcome)
    with app.app_context():
        for error in database_errors():
            app.register_error_handler(error, respond_to_database_error)
    app.before_request(refuse_two_slashes)
    app.after_request(drain_body)


def refuse_two_slashes() -> None:
    """Raise NotFound for a path that begins with two slashes, which Werkzeug takes for one."""
    if request.environ["PATH_INFO"].startswith("//"):
        raise NotFound


def respond_to_http_error(error: HTTPException) -> Response:
    """Respond to what Flask, Werkzeug or a view raises; the headers that belong to it stay."""
    if isinstance(error.response, Response):  # of a route that has an error body of its own
        return error.response
    status = error.code or 500
    message = MESSAGES.get(status, error.description)
    if status == 413:
        most = (request.max_content_length or 0) // 2**20
        message = f"The body is larger than {most} MiB, which is the most that is read."
    if isinstance(error, MethodNotAllowed):
        methods = ", ".join(sorted(error.valid_methods or ()))
        message = f"This route takes {methods}, not {request.method}."
    return _respond(error, [{"code": CODES[status], "message": message}])


def respond_to_wrong_fields(error: ValidationError) -> Response:
    """Respond with 422, and an entry for each wrong field."""
    return _respond(
        UnprocessableEntity(),
        [
            {"code": "invalid", "field": field, "message": " ".join(messages)}
            for field, messages in error.messages_dict.items()
        ],
    )


def respond_to_injected_error(error: InjectedError) -> Response:
    """Respond with the error that was asked for, and the headers that belong to it."""
    http_error = default_exceptions[error.status](**HEADERS.get(error.status, {}))
    return _respond(http_error, [{"code": CODES[error.status], "message": str(error)}])


def respond_to_unknown_uid(error: UnknownUid) -> Response:
    """Respond with 404, naming the field."""
    return _respond(NotFound(), [{"code": "invalid", "field": error.field, "message": str(error)}])


def respond_to_forbidden_conversation(_error: NotAllowed) -> Response:
    """Respond with 403."""
    return respond_to_http_error(Forbidden("You are not authorized to perform this action."))


def respond_to_database_error(error: Exception) -> Response:
    """Respond with 503 while the database can't be used, or not in time; raise anything else."""
    if not is_unavailable(error):
        raise error
    get_record().reason = " ".join(str(driver_error(error)).split())
    message = "The database can't be used now; nothing was stored. The server's log says why."
    if is_locked(error):
        message = "The database could not take the write in time; nothing was stored. Try again."
        if request.method in ("GET", "HEAD"):
            message = "The database could not respond in time. Try again."
    return respond_to_http_error(ServiceUnavailable(message, retry_after=1))


def respond_to_unknown_outcome(error: UnknownOutcome) -> Response:
    """Break the connection off: every response would say what we don't know."""
    get_record().reason = str(error)

    def break_off() -> Iterator[bytes]:
        raise ConnectionResetError(ECONNRESET, str(error))
        yield b""

    return Response(break_off(), 503)


def respond_to_unusable_database(error: DatabaseUnavailable) -> Response:
    """Respond with 503 while the database can't be used."""
    return respond_to_http_error(ServiceUnavailable(error.message, retry_after=60))


def drain_body(response: Response) -> Response:
    """Read and drop a body that was not read, so that its sender gets the response.

    The connection closes after a body that is longer than what is dropped.
    """
    environ = request.environ
    has_body = "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ
    record = get_record()
    if has_body and (not record.is_body_read or response.status_code == 413):
        give_connection_back()
        left = DRAIN_BYTES if record.known_caller else UNAUTHENTICATED_DRAIN_BYTES
        try:
            stream = get_input_stream(environ)
            while chunk := stream.read(min(left, 2**16)):
                record.raw_body = record.raw_body or chunk
                left -= len(chunk)
        except Exception:  # each WSGI server has errors of its own
            left = 0
        if left <= 0:
            close_connection(response)
    return response


def _respond(error: HTTPException, errors: list[dict[str, Any]]) -> Response:
    get_record().error = errors[0]
    response = error.get_response()
    response.set_data(dumps({"success": False, "errors": errors}) + "\n")
    response.content_type = "application/json"
    return response
