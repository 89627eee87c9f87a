"""The decorator of a view: it describes the route, loads the request, and dumps the answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from field_types.request_fields import RequestSchema
from web.auth import authenticate_again
from web.record import RequestRecord, get_record
from web.request_body import read_json
from web.request_loading import NO_QUERY, load_request

View = Callable[..., Any]  # takes a request's record, and returns what is dumped
Examples = dict[str, tuple[str, Any]]  # by name: what it shows, and the body
ErrorExamples = dict[int, tuple[str | None, str]]  # by status: the field, and the message

OPERATIONS: dict[Callable[..., Any], "Operation"] = {}  # by the view as Flask calls it


@dataclass(frozen=True)
class Operation:
    """The contract of a route, for the document and for the requests themselves.

    The view and `check_access` get the record and the parts of the path. `check_access` raises the
    errors of 404 and 403, which come before those of wrong fields; the record has the right ones.
    """

    response: Schema | None  # None where there is no body
    full_response: Schema | None = None  # with `full_client`
    response_example: Any = None  # where that of the schema would not be true
    status: int = 200
    query: RequestSchema = NO_QUERY
    body: RequestSchema | None = None  # of the request
    array: str | None = None  # the field of `body` that the request has as its whole body
    examples: Examples = field(default_factory=dict)  # of the body
    is_body_required: bool = True
    is_body_loaded: bool = True  # else the view does it
    max_bytes: int | None = None  # of the body, if other than usual
    check_access: Callable[..., object] | None = None
    errors: tuple[int, ...] = ()  # besides those with an example, and of every route of its kind
    error_examples: ErrorExamples = field(default_factory=dict)
    other_responses: dict[int, Schema] = field(default_factory=dict)  # that are no ErrorResponse
    tag: str | None = None  # if other than its blueprint's

    def __call__(self, view: View) -> Callable[..., ResponseReturnValue]:
        """Return the view as Flask calls it: with the request loaded, and the answer dumped."""

        @wraps(view)
        def run(**path: str) -> ResponseReturnValue:
            record = get_record()
            if self.max_bytes:
                record.request.max_content_length = self.max_bytes
            try:
                sent = self._read_body(record)
                load_request(record, self.query, self.body if self.is_body_loaded else None, sent)
                answer = view(record, **path)
            except (ValidationError, BadRequest, RequestEntityTooLarge) as error:
                if record.known_caller:
                    authenticate_again(record)  # the body may have taken its time
                if self.check_access and isinstance(error, ValidationError):
                    self.check_access(record, **path)
                raise
            return answer if isinstance(answer, Response) else self._dump(record, answer)

        OPERATIONS[run] = self
        return run

    def _read_body(self, record: RequestRecord) -> dict[str, Any]:
        if self.body is None:
            return {}
        if self.array:
            return {self.array: read_json(record, list)}
        body: dict[str, Any] = read_json(record, dict, is_required=self.is_body_required)
        return body

    def _dump(self, record: RequestRecord, answer: Any) -> ResponseReturnValue:
        schema = self.response
        if self.full_response and record.query.get("full_client"):
            schema = self.full_response
        if schema is None:
            return "", self.status
        body = [schema.dump(each) for each in answer] if schema.many else schema.dump(answer)
        return body, self.status
