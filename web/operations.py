"""What the OpenAPI document says of a route, written beside its view."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask.typing import ResponseReturnValue
from marshmallow import Schema

View = Callable[..., ResponseReturnValue]
Examples = dict[str, tuple[str, Any]]  # by name: what it shows, and the body


class OneOf(NamedTuple):
    """A body of one of several schemas, which the value of a field tells apart."""

    name: str
    description: str
    field: str
    schemas: dict[str, type[Schema]]


class ArrayOf(NamedTuple):
    """A body that is an array."""

    items: type[Schema]
    most: int | None = None


Body = type[Schema] | OneOf | ArrayOf


class Operation(NamedTuple):
    """What the document says of a route beyond its path, its method and its view's docstring."""

    name: str
    tag: str
    ok: Body | None  # the response, or None where it has no body
    errors: tuple[int, ...] = ()  # besides those that every route of its kind has
    query: type[Schema] | None = None
    body: Body | None = None  # of the request
    is_body_required: bool = True
    examples: Examples = {}
    status: int = 200
    error_examples: dict[int, tuple[str | None, str]] = {}  # by status: the field, the message
    other_responses: dict[int, type[Schema]] = {}  # that are no ErrorResponse
    response_example: Any = None  # where that of the schema would not be true
    needs_token: bool = True
    is_list: bool = False  # with links to other pages


OPERATIONS: dict[View, Operation] = {}


def operation(name: str, tag: str, ok: Body | None, **more: Any) -> Callable[[View], View]:
    """Let the document describe a view, by its docstring and by what an Operation says."""

    def describe(view: View) -> View:
        OPERATIONS[view] = Operation(name, tag, ok, **more)
        return view

    return describe
