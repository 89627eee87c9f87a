"""The field types of requests and states: marshmallow's own types with our messages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import Length, Range, Validator

from database.connections import Base
from database.statements import cooperatively
from field_types.texts import HAS_NO_NUL, Explain, explain_unknown, must_be
from followups import Fields

Sent = Mapping[str, Any]
Ignored = tuple[str, str, Explain]  # the path of the object, the name in it, and why
Check = Validator | Callable[[Any], object]

MAX_INTEGER = 2**63 - 1
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class RequestSchema(Schema):
    """A JSON object that is loaded. Unknown fields are ignored; `find_ignored` finds them."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "It must be an object."}
    tables: tuple[type[Base], ...] = ()  # their columns describe the fields that have no `doc`

    @cached_property
    def defaults(self) -> Fields:
        """Return the fields that are loaded from an empty object."""
        loaded: Fields = self.load({})
        return loaded

    @cached_property
    def known(self) -> dict[str, fields.Field[Any]]:
        """Return the fields by the names that a client sends."""
        return {field.data_key or name: field for name, field in self.fields.items()}

    def find_ignored(self, sent: Sent, loaded: Fields, path: str = "") -> Iterator[Ignored]:
        """Yield each field that has no effect, in the order sent."""
        for name, value in sent.items():
            field = self.known.get(name)
            if isinstance(field, (Nested, List)):
                yield from field.find_ignored(value, f"{path}{name}")
            elif explain := self.ignored_reason(name, sent, loaded):
                yield path, name, explain

    def ignored_reason(self, name: str, sent: Sent, loaded: Fields) -> Explain | None:
        """Return a function that returns why a field has no effect, or None if it has one."""
        if name in self.known:
            return None
        return partial(explain_unknown, name, "unknown", self.known)


class String(fields.String):
    """A string without NUL, with a limit in characters if it is stored."""

    def __init__(
        self, limit: int | None = None, *, validate: Sequence[Check] = (), **options: Any
    ) -> None:
        if limit is not None:
            too_long = "It must have at most {max:,} characters."
            validate = [HAS_NO_NUL, Length(max=limit, error=too_long), *validate]
        super().__init__(validate=validate, **options)
        self.error_messages |= must_be("a string or null" if self.allow_none else "a string")


class Integer(fields.Integer):
    """A JSON integer within limits."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        messages = must_be(f"an integer from {least:,} to {most:,}")
        limits = Range(least, most, error=messages["invalid"])
        super().__init__(strict=True, validate=limits, error_messages=messages, **options)


class Boolean(fields.Boolean):
    """A strict boolean: only true or false."""

    default_error_messages = must_be("a boolean (true or false)")

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class LenientBoolean(Boolean):
    """A boolean that also accepts the forms that vcita accepts, such as `1` and `"true"`."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        word = str(value).lower() if isinstance(value, int | str) else ""
        if word not in BOOLEANS:
            raise self.make_error("invalid")
        return BOOLEANS[word]


class Nested(fields.Nested):
    """An object with its own fields."""

    default_error_messages = must_be("an object")

    def find_ignored(self, value: Any, path: str) -> Iterator[Ignored]:
        """Yield each field of an object that has no effect."""
        if isinstance(value, dict) and isinstance(self.schema, RequestSchema):
            yield from self.schema.find_ignored(value, {}, f"{path}.")


class List(fields.List[Any]):
    """An array whose length is checked first; loading a long one yields to other requests."""

    default_error_messages = must_be("an array")

    def __init__(self, inner: fields.Field[Any], *, limit: int | None = None, **options: Any):
        super().__init__(inner, validate=Length(max=limit), **options)  # for the document
        self.limit = limit

    def find_ignored(self, value: Any, path: str) -> Iterator[Ignored]:
        """Yield each field of the objects of an array that has no effect, unless it is too long."""
        is_array = isinstance(value, list) and len(value) <= (self.limit or len(value))
        if is_array and isinstance(self.inner, Nested):
            for index, each in enumerate(cooperatively(value)):
                yield from self.inner.find_ignored(each, f"{path}[{index}]")

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if self.limit is not None and len(value) > self.limit:
            raise ValidationError(f"It can have at most {self.limit}, not {len(value):,}.")
        return super()._deserialize(cooperatively(value), *args, **kwargs)


class QueryNumber(fields.Integer):
    """A whole number in a query, at least 0 or 1, capped at the maximum."""

    def __init__(self, least: int, most: int = MAX_INTEGER, **options: Any) -> None:
        messages = must_be("a positive integer" if least else "a whole number, 0 or more")
        limits = Range(min=least, error=messages["invalid"])
        super().__init__(validate=limits, error_messages=messages, **options)
        self.most = most

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not (value.isascii() and value.isdecimal()):
            raise self.make_error("invalid")
        digits = value.lstrip("0") or "0"
        return min(int(digits[:20]), self.most)  # 20 digits exceed MAX_INTEGER
