"""The texts of fields: descriptions in the OpenAPI document, error messages, and their checks."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Regexp

Explain = Callable[[], str]
MAX_ERRORS = 100  # of an array, and of a response
VALUE = "\N{SUBSTITUTE}"  # a placeholder for the wrong value
EXAMPLE_ROW = {"now": datetime(2026, 5, 5, 7, 30, tzinfo=UTC), "zone": ZoneInfo("Asia/Jerusalem")}
HAS_NO_NUL = Regexp(r"^[^\u0000]*$", error="It must not contain a NUL character.")
NOT_EMPTY = Length(min=1, error="It must have at least one character.")


def doc(description: str, *examples: Any, **more: Any) -> dict[str, Any]:
    """Return the option of a field with its description, example and additional JSON Schema."""
    shown = {"examples": [*examples]} if examples else {}
    return {"metadata": {"description": description, **shown, **more}}


def describe_by_column(field: fields.Field[Any]) -> dict[str, Any]:
    """Return the description and example of a field's column in its schema's `tables`."""
    name = field.attribute or field.name
    for model in getattr(field.parent, "tables", ()):
        column = model.__table__.columns.get(name)
        if column is not None and column.doc:
            described = {"description": column.doc}
            if "examples" not in field.metadata:
                serialize = getattr(field, "serialize_value", lambda example, _row: example)
                described["examples"] = [serialize(column.info["example"], EXAMPLE_ROW)]
            return described
    return {}


def must_be(kind: str) -> dict[str, Any]:
    """Return the error messages of a field that accepts one kind of value."""
    wrong = f"It must be {kind}, not {VALUE}."
    return {"required": f"It is required: send {kind}.", "null": wrong, "invalid": wrong}


def one_of(choices: Iterable[Any]) -> OneOf:
    """Return the validator of a value that must be one of several."""
    return OneOf([*choices], error=f"It must be one of {{choices}}, not {VALUE}.")


def explain_unknown(name: str, what: str, known: Collection[str]) -> str:
    """Return the message for an unknown name, with the nearest known one."""
    near = get_close_matches(name[:64].lower(), known, n=1)
    return f"{quote(name)} is {what}" + (f'; did you mean "{near[0]}"?' if near else ".")


def quote(value: Any) -> str:
    """Return a value as a message quotes it, or only the kind of an array or object."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…{text[-1]}"


def flatten_errors(error: ValidationError) -> dict[str, list[str]]:
    """Return the first message of each invalid field, with the value quoted.

    A field inside an array is named by its path, such as `faults[0].delay`, others by their names.
    """
    return dict(islice(_flatten(error.messages, error.data, ""), MAX_ERRORS))


def _flatten(messages: Any, value: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(messages, dict):
        yield name or "state", [messages[0].replace(VALUE, quote(value))]
        return
    for key, below in messages.items():
        if key == "_schema":
            yield from _flatten(below, value, name)
        elif isinstance(key, int):
            yield from _flatten(below, value[key], f"{name}[{key}]")
        else:
            yield from _flatten(below, value.get(key), f"{name}.{key}" if "[" in name else key)
