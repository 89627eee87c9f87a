"""What the controls take."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from field_types.control_fields import (
    LONGEST_DELAY,
    Integer,
    Method,
    Probability,
    Status,
    WholeNumber,
)
from field_types.request_fields import RequestSchema, Text
from followups import Fields
from web.errors import CODES

LONGEST_ADVANCE = 315_360_000  # seconds, ten years
MOST_RULES = 20
MOST_TIMES = 1_000_000
LONGEST_PATH = 2_000  # characters


class ResetSchema(RequestSchema):
    """The body of a reset; without `now` the clock runs."""

    now = Text(null=False)


class ClockSchema(RequestSchema):
    """The body that stops a clock."""

    now = Text(required=True)


class AdvanceSchema(RequestSchema):
    """The body that advances a clock."""

    seconds = Integer(1, LONGEST_ADVANCE)
    to = Text(null=False)

    @validates_schema(pass_original=True)
    def check_that_it_is_one(self, _loaded: Fields, sent: Fields, **_options: Any) -> None:
        """Raise ValidationError unless one of the two was sent, and not the other."""
        if len(sent.keys() & self.fields.keys()) != 1:
            raise ValidationError({"seconds": ['Send either "seconds" or "to".']})


class RuleSchema(RequestSchema):
    """A rule: which requests fail or come late, and how."""

    error_messages = {"type": "It must be an object."}

    method = Method()
    path = Text(LONGEST_PATH, null=False)
    status = Status(CODES)
    delay = Integer(0, LONGEST_DELAY)
    times = Integer(0, MOST_TIMES)
    probability = Probability()

    @validates_schema
    def check_that_it_does_something(self, loaded: Fields, **_options: Any) -> None:
        """Raise ValidationError for a rule without an effect."""
        if not loaded.keys() & {"status", "delay"}:
            raise ValidationError({"status": ['A rule needs a "status", a "delay" or both.']})


class FaultsSchema(RequestSchema):
    """The rules of a sandbox, which a request has as its whole body."""

    faults = fields.List(
        fields.Nested(RuleSchema, error_messages={"null": "It must be an object, not null."})
    )

    @validates_schema
    def check_number(self, loaded: Fields, **_options: Any) -> None:
        """Raise ValidationError for too many rules."""
        if len(loaded["faults"]) > MOST_RULES:
            raise ValidationError({"faults": [f"There can be at most {MOST_RULES} rules."]})


class JournalQuerySchema(RequestSchema):
    """The query of the journal."""

    limit = WholeNumber(least=1)
    after = WholeNumber()
