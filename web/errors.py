"""The one body of refusals, and what becomes it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Flask, request
from flask.json import dumps
from marshmallow import ValidationError
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    UnprocessableEntity,
)
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from database import statements as database
from models import db

DRAINED_BYTES = 8 * 2**20
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    503: "unavailable",
}
MESSAGES = {
    404: "This server has no such route; its README lists those that it has.",
    413: "The body is larger than 1 MiB, which is the most that is read.",
    500: "The server failed to answer; its log says why.",
}


class UnknownUid(NotFound):
    """A uid that names nothing of the calling staff's business."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def init_app(app: Flask) -> None:
    """Let an app answer every refusal with the contract's body."""
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(ValidationError, answer_validation_error)
    with app.app_context():
        driver: Any = db.engine.dialect.loaded_dbapi
    app.register_error_handler(driver.OperationalError, answer_database_error)
    app.after_request(drain_body)


def answer_http_error(error: HTTPException) -> Response:
    """Answer what Flask, Werkzeug or a view refuses; the headers that belong to it stay."""
    status = error.code or 500
    message = MESSAGES.get(status, error.description)
    if isinstance(error, UnknownUid):
        return _answer(
            error, [{"code": "invalid", "field": error.field, "message": error.description}]
        )
    if isinstance(error, MethodNotAllowed):
        methods = ", ".join(sorted(error.valid_methods or ()))
        message = f"This route answers {methods}, and not {request.method}."
    return _answer(error, [{"code": CODES.get(status, "refused"), "message": message}])


def answer_validation_error(error: ValidationError) -> Response:
    """Answer what a schema or a rule refuses, one entry for each wrong field."""
    return _answer(
        UnprocessableEntity(),
        [
            {"code": "invalid", "field": field, "message": " ".join(messages)}
            for field, messages in _each_field(error.messages_dict)
        ],
    )


def answer_database_error(error: Exception) -> Response:
    """Answer a write that could not be had in time with 503; anything else is a bug."""
    if not database.is_locked(error):
        raise error
    message = "The database could not take the write in time; nothing was stored. Try again."
    return _answer(ServiceUnavailable(retry_after=1), [{"code": CODES[503], "message": message}])


def drain_body(response: Response) -> Response:
    """Read and drop a body that was not read, up to 8 MiB, so that its sender hears the answer."""
    environ = request.environ
    has_body = "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ
    if has_body and ("stream" not in request.__dict__ or response.status_code == 413):
        left = DRAINED_BYTES
        with suppress(Exception):  # a body that can't be read needs no more reading
            stream = get_input_stream(environ)
            while left > 0 and (chunk := stream.read(min(left, 2**16))):
                left -= len(chunk)
    return response


def _each_field(messages: dict[str, Any], above: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield the fields at fault by their own names, however deep in the body they are."""
    for field, below in messages.items():
        if isinstance(below, dict):
            yield from _each_field(below, field)
        else:
            yield (above if field == "_schema" else field), below


def _answer(error: HTTPException, errors: list[dict[str, Any]]) -> Response:
    response = error.get_response()
    response.set_data(dumps({"success": False, "errors": errors}) + "\n")
    response.content_type = "application/json"
    return response
