"""What the OpenAPI document says of a route, written beside its view."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flask.typing import ResponseReturnValue
from marshmallow import Schema

View = Callable[..., ResponseReturnValue]
Examples = dict[str, tuple[str, Any]]  # by name: what it shows, and the body


class Operation(NamedTuple):
    """What the document says of a route beyond its path, its method and its view's docstring."""

    name: str
    tag: str
    ok: Any  # the schema of the response, or None where it has no body
    errors: tuple[int, ...] = ()
    query: type[Schema] | None = None
    body: Any = None  # the schema of the request's body
    is_body_required: bool = True
    examples: Examples = {}
    status: int = 200
    others: dict[int, Any] = {}  # responses of their own
    needs_token: bool = True
    is_list: bool = False  # with links to other pages


OPERATIONS: dict[View, Operation] = {}


def operation(name: str, tag: str, ok: Any, **more: Any) -> Callable[[View], View]:
    """Let the document describe a view, by its docstring and by what an Operation says."""

    def describe(view: View) -> View:
        OPERATIONS[view] = Operation(name, tag, ok, **more)
        return view

    return describe


def object_of(**properties: Any) -> dict[str, Any]:
    """Return the JSON Schema of an object that has all these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def array_of(items: Any) -> dict[str, Any]:
    """Return the JSON Schema of an array."""
    return {"type": "array", "items": items}


def response_of(text: str, schema: Any) -> dict[str, Any]:
    """Return what the document says of a response."""
    return {"description": text, "content": {"application/json": {"schema": schema}}}
