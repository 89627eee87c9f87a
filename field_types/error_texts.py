"""Error messages of fields: their texts, and one flat list of them by the fields' names."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from marshmallow import ValidationError

MAX_ERRORS = 100  # of an array, and of a response
MAX_BITS = 63  # of an integer that is stored as JSON
MAX_LEVELS = 50  # of an object that is stored as JSON
MAX_DAYS = 36_500  # between a relative time and now
MAX_TOKEN = 255
VALUE = "\N{SUBSTITUTE}"  # stands for the wrong value in a text; no quoted value can hold it

# Of a string
TOO_LONG = "It must have at most {max:,} characters."
TOO_SHORT = "It must have at least one character."
BLANK = "It must not be empty."
NUL = "It must not hold a NUL character."
SLASH = "It must not hold a slash."
# Of other values
ONE_OF = f"It must be one of {{choices}}, not {VALUE}."
NO_OBJECT = "It must be an object."
TOO_DEEP = f"It must not be nested deeper than {MAX_LEVELS} levels."
TOO_LARGE = f"It must not hold an integer of more than {MAX_BITS} bits."
TOO_FAR = f"It must be within {MAX_DAYS:,} days of now."
NO_TIME = (
    'It must be a time such as "2026-05-05T07:30:00Z", or one relative to now such as "-2h", "-3d"'
    f' or "+30m", not {VALUE}.'
)
NO_TIME_ZONE = f'It must be the IANA name of a time zone, such as "Asia/Jerusalem", not {VALUE}.'
NO_TOKEN = (
    f'It must be a token of 1 to {MAX_TOKEN} visible ASCII characters without @, or "sha256:" and'
    " 64 hexadecimal digits."
)


def must_be(kind: str) -> dict[str, Any]:
    """Return the messages of a field that takes one kind of value."""
    wrong = f"It must be {kind}, not {VALUE}."
    return {"required": f"It is required: send {kind}.", "null": wrong, "invalid": wrong}


def quote(value: Any) -> str:
    """Return a value as a message quotes it; arrays and objects only by their kind."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…{text[-1]}"


def flatten_errors(error: ValidationError) -> dict[str, list[str]]:
    """Return the first message of each wrong field that a schema found, with the value quoted.

    A field inside an array is named by its path, as in `faults[0].delay`, any other by its name.
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
