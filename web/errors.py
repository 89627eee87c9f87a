"""Error responses: their shared body, and the status and message of each error."""

from typing import Any

from flask import current_app, request
from flask.json import dumps
from marshmallow import Schema, ValidationError, fields
from werkzeug import exceptions
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from conversations.callers import AuthenticationFailed
from conversations.staff_conversation import AccessDenied, UnknownUid
from database import connections
from demo.startup import DatabaseUnavailable
from field_types.texts import doc
from sandboxes.lifecycle import TooManySandboxes
from web.record import SAFE_METHODS, get_record

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
OTHER = "http_error"  # the code of every other status
CANT_BE_USED = "The database is unavailable; nothing was stored. See the server's log."
OUTCOME_UNKNOWN = (
    "The database was lost during the commit, so the outcome is unknown."
    " Check the data before you retry the request."
)
NOT_AUTHORIZED = "You are not authorized to perform this action."  # vcita's own
TOO_MANY_SANDBOXES = (
    "The limit of {:,} sandboxes is reached, and all were used within the last day. Delete one with"
    " DELETE /__admin/sandbox, or raise FLASK_SANDBOXES."
)
VCITA = ("/v2/", "/v3/", "/platform/", "/business/")  # where vcita has its routes
ELSEWHERE = (
    "This server has no such route; it implements only vcita's conversations API."
    " To use it alongside another server, see {}/docs/testing.md#alongside-the-rest-of-vcita."
)
MESSAGES = {
    404: "This server has no such route; /docs/ lists its routes.",
    500: "The server failed to respond. See its log.",
}
UNAUTHORIZED = "401 Unauthorized"  # vcita's own
CHALLENGE = 'Bearer error="invalid_token", error_description="{}"'  # RFC 6750


class ErrorDetailSchema(Schema):
    """An error, with the invalid field if there is one."""

    code = fields.String(**doc("The kind of error.", enum=[*CODES.values(), OTHER]))
    field = fields.String(**doc("The invalid field; omitted if there is none."))
    message = fields.String(**doc("The error message."))


class ErrorResponseSchema(Schema):
    """The body of an error response. Nothing was stored, unless a 503 says it is unknown."""

    success = fields.Constant(False, **doc("Always false."))
    errors = fields.List(
        fields.Nested(ErrorDetailSchema), **doc("The errors, one for each invalid field.")
    )


def respond(error: Exception) -> Response:
    """Return the response to an error; raise an unexpected error again."""
    match error:
        case ValidationError():
            wrong = ((field, " ".join(each)) for field, each in error.messages_dict.items())
            return _respond(exceptions.UnprocessableEntity(), *wrong)
        case UnknownUid():
            return _respond(exceptions.NotFound(), (error.field, str(error)))
        case AuthenticationFailed():
            record = get_record()
            record.reason = str(error)
            is_told = record.environ.get("HTTP_AUTHORIZATION", "").strip()  # RFC 6750, 3.1
            record.headers["WWW-Authenticate"] = CHALLENGE.format(error) if is_told else "Bearer"
            response = _respond(exceptions.Unauthorized(), (None, UNAUTHORIZED))
            record.error = describe_error(401, None, f"{UNAUTHORIZED}: {error}")
            return response
        case TooManySandboxes():
            limit = current_app.config["SANDBOXES"]
            error = exceptions.TooManyRequests(TOO_MANY_SANDBOXES.format(limit), retry_after=60)
        case AccessDenied():
            error = exceptions.Forbidden(NOT_AUTHORIZED)
        case DatabaseUnavailable():
            get_record().reason = error.message
            error = exceptions.ServiceUnavailable(error.message, retry_after=60)
        case connections.CommitOutcomeUnknown():
            get_record().reason = str(error)
            error = exceptions.ServiceUnavailable(OUTCOME_UNKNOWN, retry_after=1)
        case HTTPException():
            pass
        case _:
            error = _explain_database_error(error)
    if isinstance(error.response, Response):  # of a route with its own error body
        return error.response
    return _respond(error, (None, _find_message(error)))


def _explain_database_error(error: Exception) -> exceptions.ServiceUnavailable:
    """Return the 503 if the database is unavailable; raise any other error again."""
    if not connections.is_unavailable(error):
        raise error
    get_record().reason = " ".join(str(connections.unwrap_driver_error(error)).split())
    message = CANT_BE_USED
    if connections.is_locked(error):
        message = "Timed out waiting for the database; nothing was stored. Try again."
        if request.method in SAFE_METHODS:
            message = "The database timed out. Try again."
    return exceptions.ServiceUnavailable(message, retry_after=1)


def _find_message(error: HTTPException) -> str:
    if error.code == 413:
        limit = (request.max_content_length or 0) // 2**20
        return f"The body is larger than the limit of {limit} MiB."
    if isinstance(error, exceptions.MethodNotAllowed):
        methods = ", ".join(sorted(error.valid_methods or ()))
        return f"The method {request.method} is not allowed; this route accepts {methods}."
    if error.code == 404 and request.path.startswith(VCITA):
        return ELSEWHERE.format(request.script_root)
    if error.code and error.code not in CODES:
        return HTTP_STATUS_CODES.get(error.code, str(error.code))
    return MESSAGES.get(error.code or 500, error.description or "")


def error_body(status: int, *wrong: tuple[str | None, str]) -> dict[str, Any]:
    """Return the body of an error, with an entry for each field and its message."""
    return {"success": False, "errors": [describe_error(status, *each) for each in wrong]}


def describe_error(status: int, field: str | None, message: str) -> dict[str, str]:
    """Return an entry of an error body."""
    if field is None:
        return {"code": CODES.get(status, OTHER), "message": message}
    return {"code": "invalid", "field": field, "message": message}


def _respond(error: HTTPException, *wrong: tuple[str | None, str]) -> Response:
    body = error_body(error.code or 500, *wrong)
    get_record().error = body["errors"][0]
    response = error.get_response()
    response.set_data(dumps(body) + "\n")
    response.content_type = "application/json"
    return response
