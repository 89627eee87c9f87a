"""What the controls take, and what they show."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from field_types.control_fields import (
    LONGEST_DELAY,
    Integer,
    Method,
    Probability,
    Status,
    WholeNumber,
)
from field_types.request_fields import RequestSchema, Text
from field_types.response_fields import PlatformTime, RowSchema
from followups import Fields
from models import Access
from web.errors import CODES

LONGEST_ADVANCE = 315_360_000  # seconds, ten years
MOST_RULES = 20
MOST_TIMES = 1_000_000
LONGEST_PATH = 2_000  # characters


class SandboxResetSchema(RequestSchema):
    """The body of a reset; without `now` the clock runs."""

    now = Text(null=False)


class ClockSettingSchema(RequestSchema):
    """The body that stops a clock."""

    now = Text(required=True)


class ClockAdvanceSchema(RequestSchema):
    """The body that advances a clock."""

    seconds = Integer(1, LONGEST_ADVANCE)
    to = Text(null=False)

    @validates_schema(pass_original=True)
    def check_that_it_is_one(self, _loaded: Fields, sent: Fields, **_options: Any) -> None:
        """Raise ValidationError unless one of the two was sent, and not the other."""
        if len(sent.keys() & self.fields.keys()) != 1:
            raise ValidationError({"seconds": ['Send either "seconds" or "to".']})


class FaultRuleSchema(RequestSchema):
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


class FaultRulesSchema(RequestSchema):
    """The rules of a sandbox, which a request has as its whole body."""

    faults = fields.List(
        fields.Nested(FaultRuleSchema, error_messages={"null": "It must be an object, not null."})
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


class Milliseconds(fields.Float):
    """Microseconds as milliseconds."""

    def show(self, value: int, _obj: Any) -> float:
        return round(value / 1000, 1)


class Names(fields.List[str]):
    """Names that are stored with commas between them."""

    def show(self, value: str, _obj: Any) -> list[str]:
        return value.split(",") if value else []


class ClockSchema(RowSchema):
    """What time it is in a sandbox, and whether its clock stands."""

    now = PlatformTime()
    frozen = fields.Boolean()


class SandboxStaffSchema(RowSchema):
    """A staff member, and the token to send to call as them; null where it is not known."""

    uid = fields.String()
    display_name = fields.String()
    access = fields.String(metadata={"enum": [str(access) for access in Access]})
    business_uid = fields.String()
    token = fields.String(allow_none=True)


class SandboxBusinessSchema(RowSchema):
    """A business, in short."""

    uid = fields.String()
    name = fields.String()
    time_zone = fields.String()


class FolderCountsSchema(RowSchema):
    """How many conversations each folder has for the caller."""

    inbox = fields.Integer()
    follow_up = fields.Integer()
    sent = fields.Integer()
    archived = fields.Integer()
    attention = fields.Integer()
    trash = fields.Integer()
    all = fields.Integer()


class SandboxSchema(RowSchema):
    """A sandbox at a glance."""

    name = fields.String()
    now = PlatformTime()
    frozen = fields.Boolean()
    you = fields.Nested(SandboxStaffSchema, allow_none=True)
    business = fields.Nested(SandboxBusinessSchema, allow_none=True)
    staff = fields.List(fields.Nested(SandboxStaffSchema))
    folders = fields.Nested(FolderCountsSchema, allow_none=True)


class FaultsSchema(Schema):
    """The rules of a sandbox, with how often each still applies."""

    faults = fields.List(fields.Nested(FaultRuleSchema))


class JournalEntrySchema(RowSchema):
    """A request, and what came of it."""

    id = fields.Integer()
    time = PlatformTime()
    status = fields.Integer()
    user_agent = fields.String()
    method = fields.String()
    path = fields.String()
    query = fields.String()
    milliseconds = Milliseconds(attribute="microseconds")
    staff_uid = fields.String(allow_none=True)
    ignored = Names(fields.String())
    changed = Names(fields.String())
    error = fields.String(allow_none=True)
    body = fields.String(allow_none=True)


class JournalSchema(Schema):
    """Recent requests, newest first, and the revision of the sandbox."""

    requests = fields.List(fields.Nested(JournalEntrySchema))
    revision = fields.Integer()
