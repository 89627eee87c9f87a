"""What a field of a request takes, and what is said of anything else."""

import json
import re
from typing import Any

from marshmallow import ValidationError, fields, validate


class Flag(fields.Field[bool]):
    """A boolean as JSON has it, or as a form or a loosely typed client sends it."""

    default_error_messages = {"null": "It must be a boolean (true or false), not null."}
    openapi = {
        "anyOf": [
            {"type": "boolean"},
            {"enum": [1, 0]},
            {"type": "string", "pattern": "^(1|0|[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$"},
        ]
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        word = value.lower() if isinstance(value, str) else value
        if isinstance(word, (bool, int, str)):
            if word in (True, "1", "true"):
                return True
            if word in (False, "0", "false"):
                return False
        raise ValidationError(f"It must be a boolean (true or false), not {quote(value)}.")


class Text(fields.Field[str]):
    """A string, or null if it is not required.

    A string that is stored has a limit, in characters, and holds no NUL.
    """

    default_error_messages = {
        "required": "It is required: send a string.",
        "null": "It must be a string, not null.",
    }

    def __init__(
        self,
        limit: int | None = None,
        *,
        required: bool = False,
        empty: bool = True,
        choices: tuple[str, ...] = (),
    ) -> None:
        validators: list[validate.Validator] = []
        if limit is not None:
            validators.append(
                validate.Length(max=limit, error="It must have at most {max:,} characters.")
            )
        if not empty:
            validators.append(validate.Length(min=1, error="It must have at least one character."))
        super().__init__(required=required, allow_none=not required, validate=validators)
        self.is_stored = limit is not None
        self.choices = choices
        self.openapi: dict[str, Any] = {"type": "string" if required else ["string", "null"]}
        if choices:
            self.openapi["enum"] = list(choices)
        if self.is_stored:
            self.openapi["pattern"] = "^[^\\u0000]*$"

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            kind = "a string" if self.required else "a string or null"
            raise ValidationError(f"It must be {kind}, not {quote(value)}.")
        if self.choices and value not in self.choices:
            raise ValidationError(f"It must be {' or '.join(self.choices)}, not {quote(value)}.")
        if self.is_stored and "\0" in value:
            raise ValidationError("It must not hold a NUL character.")
        return value


class PositiveInteger(fields.Field[int]):
    """A number of the query that counts from 1; what is above the maximum means the maximum."""

    openapi = {"type": "integer", "minimum": 1}

    def __init__(self, *, default: int, maximum: int) -> None:
        super().__init__(load_default=default)
        self.maximum = maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        digits = value.lstrip("0")
        if not re.fullmatch("[0-9]+", digits):
            raise ValidationError(f"It must be a positive integer, not {quote(value)}.")
        return self.maximum if len(digits) > 9 else min(int(digits), self.maximum)


class Switch(fields.Field[bool]):
    """A switch of the query: on, unless it is empty, `0` or `false`."""

    openapi = {"type": "string"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        return str(value).lower() not in ("", "0", "false")


class FullClient(fields.Field[bool]):
    """A switch of the query: on, if it is `true` or `1`."""

    openapi = {
        "type": "string",
        "description": "`true` or `1` shows the whole client and the conversation's source.",
    }

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        return str(value).lower() in ("true", "1")


def quote(value: Any) -> str:
    """Return a value as a message quotes it; arrays and objects only by their kind."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
