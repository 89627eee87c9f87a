"""What the controls take, and what they show."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from conversations.folders import MEANINGS
from field_types.control_fields import (
    LONGEST_DELAY,
    Integer,
    Method,
    Probability,
    Status,
    WholeNumber,
)
from field_types.descriptions import about
from field_types.request_fields import RequestSchema, Text
from field_types.response_fields import PlatformTime, RowSchema
from followups import Fields
from models import Access
from states.schema import ACCESS
from web.errors import CODES

LONGEST_ADVANCE = 315_360_000  # seconds, ten years
MOST_RULES = 20
MOST_TIMES = 1_000_000
LONGEST_PATH = 2_000  # characters
NOW = about("Its time, in UTC.", "2026-05-05T07:30:00.000Z")
FROZEN = about("Whether its clock is stopped.", True)
A_TIME = "It may be written in any way that a `follow_up_date` may."


class SandboxResetSchema(RequestSchema):
    """How to reset the sandbox."""

    now = Text(
        null=False,
        metadata=about(
            "Make it as if it had been made then, and stop its clock there; left out, the clock"
            f" runs. {A_TIME}",
            "2026-05-05T07:30:00Z",
        ),
    )


class ClockSettingSchema(RequestSchema):
    """Where to stop the clock."""

    now = Text(required=True, metadata=about(f"The time to show. {A_TIME}", "2026-05-05T07:30:00Z"))


class ClockAdvanceSchema(RequestSchema):
    """How far to move the clock: either `seconds` or `to`."""

    seconds = Integer(1, LONGEST_ADVANCE, metadata=about("By how many seconds.", 86_400))
    to = Text(null=False, metadata=about(f"To which later time. {A_TIME}", "2036-05-06T07:30:00Z"))

    @validates_schema(pass_original=True)
    def check_that_it_is_one(self, _loaded: Fields, sent: Fields, **_options: Any) -> None:
        """Raise ValidationError unless one of the two was sent, and not the other."""
        if len(sent.keys() & self.fields.keys()) != 1:
            raise ValidationError({"seconds": ['Send either "seconds" or "to".']})


class FaultRuleSchema(RequestSchema):
    """A rule: which requests fail or are delayed, and how."""

    error_messages = {"type": "It must be an object."}

    method = Method(metadata=about("Only requests of this method, in any case.", "PUT"))
    path = Text(
        LONGEST_PATH,
        null=False,
        metadata=about(
            "Only requests of this path; `*` stands for any characters.", "/v2/conversations/*"
        ),
    )
    status = Status(CODES, metadata=about("The status of the error that they get.", 503))
    delay = Integer(
        0, LONGEST_DELAY, metadata=about("By how many milliseconds they are delayed.", 800)
    )
    times = Integer(
        0, MOST_TIMES, metadata=about("How often the rule applies; left out: always.", 2)
    )
    probability = Probability(metadata=about("The probability that it applies; left out: 1.", 1))

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

    limit = WholeNumber(
        least=1,
        metadata=about(
            "How many at most; left out: 100. The setting FLASK_JOURNAL says how many are kept.",
            20,
        ),
    )
    after = WholeNumber(metadata=about("Only those that were stored after this `id`.", 0))


class Milliseconds(fields.Float):
    """Microseconds as milliseconds."""

    def show(self, value: int, _obj: Any) -> float:
        return round(value / 1000, 1)


class Names(fields.List[str]):
    """Names that are stored with commas between them."""

    def show(self, value: str, _obj: Any) -> list[str]:
        return value.split(",") if value else []


class ClockSchema(RowSchema):
    """What time it is in a sandbox."""

    now = PlatformTime(metadata=NOW)
    frozen = fields.Boolean(metadata=FROZEN)


class SandboxStaffSchema(RowSchema):
    """A staff member, and how to call as them."""

    uid = fields.String(metadata=about("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    display_name = fields.String(metadata=about("The name that is shown.", "Ram Almog"))
    access = fields.String(metadata=ACCESS | {"enum": [str(access) for access in Access]})
    business_uid = fields.String(metadata=about("Their business.", "4bq7ahdt1mfc0zkw"))
    token = fields.String(
        allow_none=True,
        metadata=about("The token to send to call as them; null if not known.", "demo-owner"),
    )


class SandboxBusinessSchema(RowSchema):
    """A business, in short."""

    uid = fields.String(metadata=about("The business's uid.", "4bq7ahdt1mfc0zkw"))
    name = fields.String(metadata=about("Its name.", "Almog Physiotherapy"))
    time_zone = fields.String(metadata=about("The IANA name of its zone.", "Asia/Jerusalem"))


def count_of(folder: str, example: int) -> fields.Integer:
    """Return the field that says how many conversations a folder has."""
    text = f"The number of conversations in `{folder}`: {MEANINGS[folder]}."
    return fields.Integer(metadata=about(text, example))


class FolderCountsSchema(RowSchema):
    """How many conversations each folder has for the caller."""

    inbox = count_of("inbox", 25)
    follow_up = count_of("follow_up", 3)
    sent = count_of("sent", 23)
    archived = count_of("archived", 2)
    attention = count_of("attention", 4)
    trash = count_of("trash", 1)
    all = count_of("all", 29)


class SandboxSchema(RowSchema):
    """A sandbox at a glance."""

    name = fields.String(metadata=about("Its name; `default` for tokens without `@`.", "default"))
    now = PlatformTime(metadata=NOW)
    frozen = fields.Boolean(metadata=FROZEN)
    you = fields.Nested(
        SandboxStaffSchema,
        allow_none=True,
        metadata=about("Who calls; null if a reset removed their token."),
    )
    business = fields.Nested(
        SandboxBusinessSchema, allow_none=True, metadata=about("The business of the caller.")
    )
    staff = fields.List(
        fields.Nested(SandboxStaffSchema),
        metadata=about("All staff members of the sandbox, those of other businesses, too."),
    )
    folders = fields.Nested(
        FolderCountsSchema, allow_none=True, metadata=about("The folders of the caller.")
    )


class FaultsSchema(RowSchema):
    """The rules of a sandbox."""

    faults = fields.List(
        fields.Nested(FaultRuleSchema),
        metadata=about("The rules, in order; `times` is how often each still applies."),
    )


class JournalEntrySchema(RowSchema):
    """A request, and what came of it."""

    id = fields.Integer(metadata=about("A number that grows in the order of storing.", 42))
    time = PlatformTime(metadata=about("When it came, in real time.", "2026-05-05T07:30:00.651Z"))
    status = fields.Integer(metadata=about("The status of the response.", 200))
    user_agent = fields.String(metadata=about("The client's own name.", "curl/8.5.0"))
    method = fields.String(metadata=about("Its method.", "PUT"))
    path = fields.String(metadata=about("Its path.", "/v2/conversations/89m2pnabgozdvd9f"))
    query = fields.String(metadata=about("Its query, or an empty string.", ""))
    milliseconds = Milliseconds(
        attribute="microseconds", metadata=about("How long the response took.", 3.2)
    )
    staff_uid = fields.String(
        allow_none=True, metadata=about("Who called, or null.", "5ya4gbwm2c3qoic8")
    )
    ignored = Names(
        fields.String(), metadata=about("What had no effect, as in `X-Ignored`.", ["archvied"])
    )
    changed = Names(
        fields.String(),
        metadata=about(
            "The fields of the conversation, its client and the follow-up that changed; `message`"
            " for a new message.",
            ["follow_up"],
        ),
    )
    error = fields.String(
        allow_none=True, metadata=about("The message of the first error, or null.", None)
    )
    body = fields.String(
        allow_none=True,
        metadata=about(
            "The first 2,000 characters of the body, or null.",
            '{"follow_up":true,"archvied":false}',
        ),
    )


class JournalSchema(RowSchema):
    """Recent requests."""

    requests = fields.List(
        fields.Nested(JournalEntrySchema), metadata=about("The requests, newest first.")
    )
    revision = fields.Integer(
        metadata=about(
            "A number that changes with every reset, every deletion of the requests, and every"
            " change of the state, the clock or the rules.",
            1_777_966_200_000,
        )
    )


class HealthSchema(RowSchema):
    """That the server and its database work."""

    status = fields.Constant("ok", metadata=about("Always `ok`; else the response is a 503."))
    version = fields.String(metadata=about("The version of the server.", "0.5.0"))
    database = fields.String(
        metadata=about("Which database it uses.", "sqlite", enum=["sqlite", "postgresql"])
    )
