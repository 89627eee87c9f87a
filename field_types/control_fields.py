"""What a field of a control takes, and what is said of anything else."""

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError, fields

from field_types.request_fields import quote

LARGEST_ID = 2**63 - 1
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LONGEST_DELAY = 30_000  # milliseconds


class Integer(fields.Field[int]):
    """An integer of JSON within limits."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most
        self.openapi = {"type": "integer", "minimum": least, "maximum": most}
        self.error_messages["null"] = self.explain(None)

    def explain(self, value: Any) -> str:
        """Return the message for a value that is wrong."""
        return f"It must be an integer from {self.least:,} to {self.most:,}, not {quote(value)}."

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValidationError(self.explain(value))
        return value


class Probability(fields.Field[float]):
    """A number from 0 to 1."""

    openapi = {"type": "number", "minimum": 0, "maximum": 1}
    default_error_messages = {"null": "It must be a number from 0 to 1, not null."}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValidationError(f"It must be a number from 0 to 1, not {quote(value)}.")
        return value


class Status(fields.Field[int]):
    """The status of an error that can be asked for."""

    def __init__(self, statuses: Iterable[int], **options: Any) -> None:
        super().__init__(**options)
        self.statuses = tuple(statuses)
        self.openapi = {"type": "integer", "enum": list(self.statuses)}
        self.error_messages["null"] = self.explain(None)

    def explain(self, value: Any) -> str:
        """Return the message for a value that is wrong."""
        return f"It must be one of {', '.join(map(str, self.statuses))}, not {quote(value)}."

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int or value not in self.statuses:
            raise ValidationError(self.explain(value))
        return value


class WholeNumber(fields.Field[int]):
    """A whole number of the query; one of more than 18 digits means the largest id."""

    def __init__(self, *, least: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.least = least
        self.openapi = {"type": "integer", "minimum": least}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if value.isascii() and value.isdecimal():
            number = LARGEST_ID if len(value) > 18 else int(value)
            if number >= self.least:
                return number
        raise ValidationError(
            f"It must be a whole number, {self.least} or more, not {quote(value)}."
        )


class Method(fields.Field[str]):
    """The method of a request, in any case."""

    openapi = {"type": "string"}
    default_error_messages = {"null": "It must be a method, not null."}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or value.upper() not in METHODS:
            raise ValidationError(f"It must be one of {', '.join(METHODS)}, not {quote(value)}.")
        return value
