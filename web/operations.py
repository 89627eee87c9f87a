"""The decorator of a view: it describes the route, loads the request, and dumps the answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from flask import Response, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, ValidationError

from field_types.request_fields import RequestSchema
from web.auth import authenticate_again
from web.record import RequestRecord, get_record
from web.request_body import read_array, read_object, read_optional_object
from web.request_loading import NO_QUERY, load_request

View = Callable[..., object]  # takes a request's record, and returns what is dumped
Route = Callable[..., ResponseReturnValue]  # as Flask calls it
Examples = dict[str, tuple[str, Any]]  # by name: what it shows, and the body


class OneOf(NamedTuple):
    """A response of one of several schemas, which the value of a field tells apart."""

    name: str
    description: str
    field: str
    schemas: dict[str, type[Schema]]
    choose: Callable[[RequestRecord], str]


class ArrayOf(NamedTuple):
    """A response that is an array."""

    items: type[Schema]


ResponseBody = type[Schema] | OneOf | ArrayOf | None  # None where there is no body


class ArrayIn(NamedTuple):
    """A request body that is an array: the one field of a schema."""

    schema: type[RequestSchema]
    field: str


class Operation(NamedTuple):
    """What the document says of a route beyond its path, its method and its docstring."""

    response: ResponseBody
    tag: str
    query: type[RequestSchema] | None = None
    body: type[Schema] | ArrayIn | None = None  # of the request
    is_body_required: bool = True
    examples: Examples = {}
    status: int = 200
    errors: tuple[int, ...] = ()  # besides those that every route of its kind has
    error_examples: dict[int, tuple[str | None, str]] = {}  # by status: the field, the message
    other_responses: dict[int, type[Schema]] = {}  # that are no ErrorResponse
    response_example: Any = None  # where that of the schema would not be true
    needs_token: bool = True
    is_list: bool = False  # with links to other pages


OPERATIONS: dict[Route, Operation] = {}


def operation(
    response: ResponseBody,
    tag: str,
    *,
    check_access: Callable[..., object] | None = None,
    load_body: Callable[[dict[str, Any]], Any] | None = None,
    max_bytes: int | None = None,
    **more: Any,
) -> Callable[[View], Route]:
    """Describe a route, load its requests into their records, and dump what its view returns.

    The view and `check_access` get the record and the parts of the path. `check_access` raises the
    errors of 404 and 403, which come before those of wrong fields; the record has the right ones.
    `load_body` loads a body for which a schema alone is not enough; a body may have `max_bytes`.
    """
    described = Operation(response, tag, **more)
    query = described.query() if described.query else NO_QUERY
    body, read = _find_body(described)
    dump = _find_dump(response)

    def decorate(view: View) -> Route:
        @wraps(view)
        def run(**path: str) -> ResponseReturnValue:
            record = get_record()
            if max_bytes:
                request.max_content_length = max_bytes
            try:
                if load_body:
                    sent = read(record)
                    load_request(record, query, None, read)
                    record.body = load_body(sent)
                else:
                    load_request(record, query, body, read)
                answer = view(record, **path)
            except ValidationError:
                if check_access:
                    authenticate_again(record)  # the body may have taken its time
                    check_access(record, **path)
                raise
            if isinstance(answer, Response):
                return answer
            return dump(record, answer), described.status

        OPERATIONS[run] = described
        return run

    return decorate


def _find_body(
    described: Operation,
) -> tuple[RequestSchema | None, Callable[[RequestRecord], dict[str, Any]]]:
    """Return the schema that loads a body, if there is one, and what reads the body."""
    if isinstance(described.body, ArrayIn):
        field = described.body.field
        return described.body.schema(), lambda record: {field: read_array(record)}
    read = read_object if described.is_body_required else read_optional_object
    if described.body is None or not issubclass(described.body, RequestSchema):
        return None, read
    return described.body(), read


def _find_dump(response: ResponseBody) -> Callable[[RequestRecord, Any], Any]:
    """Return the function that makes JSON of what a view returns."""
    if response is None:
        return lambda _record, _answer: ""
    if isinstance(response, ArrayOf):
        dump_each = response.items().dump
        return lambda _record, answer: [dump_each(each) for each in answer]
    if isinstance(response, OneOf):
        dumps = {value: schema().dump for value, schema in response.schemas.items()}
        return lambda record, answer: dumps[response.choose(record)](answer)
    dump = response().dump
    return lambda _record, answer: dump(answer)
