"""What a field of a request takes, and what is said of anything else."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from followups import Fields

Sent = Mapping[str, Any]
Explain = Callable[[], str]


class RequestSchema(Schema):
    """What a request may send. Only the fields that it has are loaded; unknown ones are ignored."""

    class Meta:
        unknown = EXCLUDE

    @cached_property
    def defaults(self) -> Fields:
        """Return what is loaded where nothing was sent."""
        loaded: Fields = self.load({})
        return loaded

    def find_ignored(self, sent: Sent, loaded: Fields) -> Iterator[tuple[str, Explain]]:
        """Yield each name that has no effect, in the order sent, with a function that says why."""
        for name, value in sent.items():
            field = self.fields.get(name)
            inner = field.inner if isinstance(field, fields.List) else field
            schema = inner.schema if isinstance(inner, fields.Nested) else None
            if isinstance(schema, RequestSchema) and isinstance(value, dict):
                yield from schema.find_ignored(value, loaded.get(name, {}))
            elif isinstance(schema, RequestSchema) and isinstance(value, list):
                for each in filter(lambda each: isinstance(each, dict), value):
                    yield from schema.find_ignored(each, {})
            elif explain := self.explain_ignored(name, sent, loaded):
                yield name, explain

    def explain_ignored(self, name: str, sent: Sent, loaded: Fields) -> Explain | None:
        """Return a function that says why a name has no effect, or None if it has one."""
        if name in self.fields:
            return None
        return partial(explain_unknown, name, "unknown", list(self.fields))


def explain_unknown(name: str, what: str, known: list[str]) -> str:
    """Say that a name is unknown, and which known one is near."""
    near = get_close_matches(name[:64].lower(), known, n=1)
    return f"{quote(name)} is {what}" + (f'; did you mean "{near[0]}"?' if near else ".")


class Flag(fields.Field[bool]):
    """A boolean as JSON has it, or as a form or a loosely typed client sends it."""

    default_error_messages = {"null": "It must be a boolean (true or false), not null."}
    openapi = {"type": "boolean"}  # what a client should send

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        word = value.lower() if isinstance(value, str) else value
        if isinstance(word, (bool, int, str)):
            if word in (True, "1", "true"):
                return True
            if word in (False, "0", "false"):
                return False
        raise ValidationError(f"It must be a boolean (true or false), not {quote(value)}.")


class Text(fields.Field[str]):
    """A string, or null if it is not required and nothing else is said.

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
        null: bool | None = None,
        empty: bool = True,
        choices: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        validators: list[validate.Validator] = []
        if limit is not None:
            validators.append(
                validate.Length(max=limit, error="It must have at most {max:,} characters.")
            )
        if not empty:
            validators.append(validate.Length(min=1, error="It must have at least one character."))
        allow_none = not required if null is None else null
        super().__init__(required=required, allow_none=allow_none, validate=validators, **options)
        self.is_stored = limit is not None
        self.choices = choices
        self.openapi: dict[str, Any] = {"type": ["string", "null"] if allow_none else "string"}
        if choices:
            self.openapi["enum"] = list(choices)
        if self.is_stored:
            self.openapi["pattern"] = "^[^\\u0000]*$"

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            kind = "a string or null" if self.allow_none else "a string"
            raise ValidationError(f"It must be {kind}, not {quote(value)}.")
        if self.choices and value not in self.choices:
            raise ValidationError(f"It must be {' or '.join(self.choices)}, not {quote(value)}.")
        if self.is_stored and "\0" in value:
            raise ValidationError("It must not hold a NUL character.")
        return value


class PositiveInteger(fields.Field[int]):
    """A number of the query that counts from 1; what is above the maximum means the maximum."""

    openapi = {"type": "integer", "minimum": 1}

    def __init__(self, *, default: int, maximum: int, **options: Any) -> None:
        super().__init__(load_default=default, **options)
        self.maximum = maximum

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        digits = value.lstrip("0")
        if not re.fullmatch("[0-9]+", digits):
            raise ValidationError(f"It must be a positive integer, not {quote(value)}.")
        return self.maximum if len(digits) > 9 else min(int(digits), self.maximum)


class Switch(fields.Field[bool]):
    """A switch of the query: on for some words, or for all but some, in any case."""

    openapi = {"type": "boolean"}  # what a client should send

    def __init__(self, words: set[str], *, is_on: bool, **options: Any) -> None:
        super().__init__(**options)
        self.words, self.is_on = words, is_on

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        return (value.lower() in self.words) is self.is_on


def quote(value: Any) -> str:
    """Return a value as a message quotes it; arrays and objects only by their kind."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…{text[-1]}"
