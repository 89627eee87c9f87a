"""The decorator of views: it documents the route, loads the request and dumps the response."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from flask import Response
from flask.json import dumps
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from database.connections import begin_snapshot
from field_types.request_fields import RequestSchema
from followups import Fields
from schemas import WRONG_PAGE, PageSchema
from web import errors
from web.auth import SANDBOX_DELETED, authenticate_again
from web.fault_injection import Disconnect, inject_fault
from web.record import RequestRecord, get_record
from web.request_body import NOT_JSON, read_json
from web.request_loading import NO_QUERY, check_preferences, load_request

Examples = dict[str, tuple[str, Any]]  # by name: the summary, and the body
ErrorExamples = dict[int, tuple[str | None, str]]  # by status: the field, and the message

INJECTED = "This error was asked for."
BODY_STATUSES = {400, 413, 415}
ERROR_EXAMPLES: ErrorExamples = {  # of routes without their own
    400: (
        None,
        "The body can't be read as JSON: unexpected end of data: line 1 column 2 (char 1).",
    ),
    401: (None, errors.UNAUTHORIZED),
    403: (None, errors.NOT_AUTHORIZED),
    404: ("id", "Invalid conversation_uid"),
    409: (None, SANDBOX_DELETED),
    413: (None, "The body is larger than the limit of 1 MiB."),
    415: (None, NOT_JSON),
    422: ("archvied", '"archvied" is unknown.'),
    429: (None, errors.TOO_MANY_SANDBOXES.format(1000)),
    503: (None, errors.CANT_BE_USED),
}
ERROR_HEADERS = {  # of the same errors
    401: {"WWW-Authenticate": errors.CHALLENGE.format("The token has expired.")},
    429: {"Retry-After": "60"},
    503: {"Retry-After": "1"},
}
OPERATIONS: dict[Callable[..., Any], "Operation"] = {}  # by the view as Flask calls it


@dataclass(frozen=True)
class Operation:
    """The contract of a route, for its documentation and its requests.

    The view and `check_access` get the record and the path parameters. `check_access` raises the
    errors of 404 and 403, which precede those of invalid fields.
    """

    response: Schema | None  # None without a body
    full_response: Schema | None = None  # with `full_client`
    response_example: Any = None  # replaces that of the schema
    status: int = 200
    query: RequestSchema = NO_QUERY
    body: RequestSchema | None = None  # of the request
    array: str | None = None  # the field of `body` that is the request's full body
    examples: Examples = field(default_factory=dict)  # of the body
    is_body_required: bool = True
    is_body_loaded: bool = True  # else the view loads it
    max_bytes: int | None = None  # of the body, if other than usual
    check_access: Callable[..., object] | None = None
    errors: tuple[int, ...] = ()  # in addition to those with examples, and to the common ones
    error_examples: ErrorExamples = field(default_factory=dict)
    other_errors: dict[int, tuple[Schema, Any]] = field(default_factory=dict)  # with bodies
    tag: str | None = None  # if other than its blueprint's

    def __call__(self, view: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
        """Return the view for Flask, which loads the request and dumps the response."""

        @wraps(view)
        def run(**path: str) -> ResponseReturnValue:
            record = get_record()
            is_admin = record.environ["PATH_INFO"].startswith("/__admin/")
            if record.preferences:
                has_pages = isinstance(self.query, PageSchema)
                check_preferences(record, is_admin=is_admin, has_pages=has_pages)
            if not is_admin and (fault := inject_fault(record)):
                return self._fail(record, fault)
            if self.max_bytes:
                record.request.max_content_length = self.max_bytes
            try:
                sent: Fields = {}
                if self.array:
                    sent = {self.array: read_json(record, list)}
                elif self.body:
                    sent = read_json(record, dict, is_required=self.is_body_required)
                body = self.body if self.is_body_loaded else None
                load_request(record, self.query, body, sent, is_strict=is_admin)
                answer = view(record, **path)
            except (ValidationError, BadRequest, RequestEntityTooLarge) as error:
                if record.known_caller:
                    authenticate_again(record, begin_snapshot())  # the body may have taken seconds
                if self.check_access and isinstance(error, ValidationError):
                    self.check_access(record, **path)
                raise
            return answer if isinstance(answer, Response) else self._dump(record, answer)

        OPERATIONS[run] = self
        return run

    def find_errors(self, *, needs_token: bool = True) -> dict[int, Any]:
        """Return an example of each error's body by status, documented and injected."""
        own = (WRONG_PAGE if isinstance(self.query, PageSchema) else {}) | self.error_examples
        statuses = {*self.errors, *own, 422, 503}
        statuses |= {401, 409, 429} if needs_token else set()
        statuses |= BODY_STATUSES if self.body else set()
        examples = ERROR_EXAMPLES | own
        bodies = {each: errors.error_body(each, examples[each]) for each in sorted(statuses)}
        return bodies | {status: body for status, (_, body) in self.other_errors.items()}

    def _fail(self, record: RequestRecord, fault: Mapping[str, Any]) -> Response:
        status = fault.get("status", 0)
        body = self.find_errors().get(status) or errors.error_body(status, (None, INJECTED))
        body = fault.get("body", body)
        match body:
            case {"errors": [{"message": str(message)}, *_]} | {"error": str(message)}:
                pass
            case _:
                message = INJECTED
        record.reason = f"X-Fault: {fault['source']}"
        record.error = errors.describe_error(status, None, f"{message} ({record.reason})")
        if not status:
            return Disconnect()
        record.headers |= ERROR_HEADERS.get(status, {}) | {"X-Fault": fault["source"]}
        return Response(dumps(body) + "\n", status, content_type="application/json")

    def _dump(self, record: RequestRecord, answer: Any) -> ResponseReturnValue:
        schema = self.response
        if self.full_response and record.query.get("full_client"):
            schema = self.full_response
        if schema is None:
            return "", self.status
        body = [schema.dump(each) for each in answer] if schema.many else schema.dump(answer)
        return body, self.status
