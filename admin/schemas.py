"""The request and response schemas of the admin API."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from conversations.folders import FOLDERS
from field_types.request_fields import (
    Integer,
    List,
    Nested,
    QueryNumber,
    RequestSchema,
    String,
    one_of,
)
from field_types.response_fields import PlatformTime, ResponseSchema
from field_types.texts import VALUE, doc, must_be
from followups import Fields
from models import Access, Business, StaffMember
from web.errors import CODES
from web.fault_injection import MAX_DELAY_MS

MAX_ADVANCE = 315_360_000  # seconds, ten years
MAX_RULES = 20
MAX_TIMES = 1_000_000
MAX_PATH = 2_000  # characters
PROBABILITY = must_be("a number from 0 to 1")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOW = doc("Its time, in UTC.", "2026-05-05T07:30:00.000Z")
FROZEN = doc("Whether its clock is stopped.", True)
A_TIME = "It may be written in any way that a `follow_up_date` may."


def check_method(method: str) -> None:
    """Raise ValidationError for anything else than a method, in any case."""
    if method.upper() not in METHODS:
        raise ValidationError(f"It must be one of {', '.join(METHODS)}, not {VALUE}.")


def check_probability(value: Any) -> None:
    """Raise ValidationError for anything else than a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValidationError(PROBABILITY["invalid"])


class SandboxResetSchema(RequestSchema):
    """How to reset the sandbox."""

    now = String(
        **doc(
            "Seed it as at this time, and freeze its clock there; by default the clock"
            f" runs. {A_TIME}",
            "2026-05-05T07:30:00Z",
        )
    )


class ClockSettingSchema(RequestSchema):
    """Where to stop the clock."""

    now = String(required=True, **doc(f"The time to show. {A_TIME}", "2026-05-05T07:30:00Z"))


class ClockAdvanceSchema(RequestSchema):
    """How far to move the clock: either `seconds` or `to`."""

    seconds = Integer(1, MAX_ADVANCE, **doc("By how many seconds.", 86_400))
    to = String(**doc(f"To which later time. {A_TIME}", "2036-05-06T07:30:00Z"))

    @validates_schema(pass_original=True)
    def check_that_it_is_one(self, _loaded: Fields, sent: Fields, **_options: Any) -> None:
        """Raise ValidationError unless one of the two was sent, and not the other."""
        if len(sent.keys() & self.fields.keys()) != 1:
            raise ValidationError({"seconds": ['Send either "seconds" or "to".']})


class FaultRuleSchema(RequestSchema):
    """A rule: which requests fail or are delayed, and how."""

    method = String(
        validate=[check_method], **doc("Only requests of this method, in any case.", "PUT")
    )
    path = String(
        MAX_PATH,
        **doc("Only requests of this path; `*` stands for any characters.", "/v2/conversations/*"),
    )
    status = fields.Integer(
        strict=True,
        validate=one_of(CODES),
        error_messages=must_be(f"one of {', '.join(map(str, CODES))}"),
        **doc("The status of the error that they get.", 503),
    )
    delay = Integer(0, MAX_DELAY_MS, **doc("By how many milliseconds they are delayed.", 800))
    times = Integer(0, MAX_TIMES, **doc("How often the rule applies; by default always.", 2))
    probability = fields.Raw(
        validate=check_probability,
        error_messages=PROBABILITY,
        **doc(
            "The probability that it applies; by default 1.", 1, type="number", minimum=0, maximum=1
        ),
    )

    @validates_schema
    def check_that_it_does_something(self, loaded: Fields, **_options: Any) -> None:
        """Raise ValidationError for a rule without an effect."""
        if not loaded.keys() & {"status", "delay"}:
            raise ValidationError({"status": ['A rule needs a "status", a "delay" or both.']})


class FaultsSchema(RequestSchema):
    """The rules of a sandbox."""

    faults = List(
        Nested(FaultRuleSchema),
        attribute="fault_rules",
        required=True,
        limit=MAX_RULES,
        **doc("The rules, in order; `times` is how often each still applies."),
    )


class JournalQuerySchema(RequestSchema):
    """The query of the journal."""

    limit = QueryNumber(
        1,
        load_default=100,
        **doc("How many at most. The setting FLASK_JOURNAL says how many are kept.", 20),
    )
    after = QueryNumber(0, load_default=0, **doc("Only those that were stored after this `id`.", 0))


class ClockSchema(ResponseSchema):
    """What time it is in a sandbox."""

    now = PlatformTime(**NOW)
    frozen = fields.Boolean(**FROZEN)


class SandboxStaffSchema(ResponseSchema):
    """A staff member, and how to call as them."""

    tables = (StaffMember,)
    uid = fields.String()
    display_name = fields.String()
    access = fields.String(validate=one_of(Access))
    business_uid = fields.String(**doc("Their business.", "4bq7ahdt1mfc0zkw"))
    token = fields.String(
        allow_none=True,
        **doc("The token to send to call as them; null if not known.", "demo-owner"),
    )


class SandboxBusinessSchema(ResponseSchema):
    """A business, in short."""

    tables = (Business,)
    uid = fields.String()
    name = fields.String()
    time_zone = fields.String()


class FolderCountsSchema(ResponseSchema):
    """How many conversations each folder has for the caller."""

    class Meta:
        include = {
            name: fields.Integer(
                **doc(
                    f"The number of conversations in `{name}`: {folder.meaning}.", folder.demo_count
                )
            )
            for name, folder in FOLDERS.items()
        }


class SandboxSchema(ResponseSchema):
    """A sandbox at a glance."""

    name = fields.String(**doc("Its name; `default` for tokens without `@`.", "default"))
    now = PlatformTime(**NOW)
    frozen = fields.Boolean(**FROZEN)
    you = fields.Nested(
        SandboxStaffSchema,
        allow_none=True,
        **doc("Who calls; null if a reset removed their token."),
    )
    business = fields.Nested(
        SandboxBusinessSchema, allow_none=True, **doc("The business of the caller.")
    )
    staff = fields.List(
        fields.Nested(SandboxStaffSchema),
        **doc("All staff members of the sandbox, those of other businesses, too."),
    )
    folders = fields.Nested(
        FolderCountsSchema, allow_none=True, **doc("The folders of the caller.")
    )


class JournalEntrySchema(ResponseSchema):
    """A request, and what came of it."""

    id = fields.Integer(**doc("A number that grows in the order of storing.", 42))
    time = PlatformTime(**doc("When it came, in real time.", "2026-05-05T07:30:00.651Z"))
    status = fields.Integer(**doc("The status of the response.", 200))
    user_agent = fields.String(**doc("The client's own name.", "curl/8.5.0"))
    method = fields.String(**doc("Its method.", "PUT"))
    path = fields.String(**doc("Its path.", "/v2/conversations/89m2pnabgozdvd9f"))
    query = fields.String(**doc("Its query, or an empty string.", ""))
    milliseconds = fields.Float(**doc("How long the response took.", 3.2))
    staff_uid = fields.String(allow_none=True, **doc("Who called, or null.", "5ya4gbwm2c3qoic8"))
    ignored = fields.List(
        fields.String(), **doc("What had no effect, as in `X-Ignored`.", ["archvied"])
    )
    changed = fields.List(
        fields.String(),
        **doc(
            "The fields of the conversation, its client and the follow-up that changed; `message`"
            " for a new message.",
            ["follow_up"],
        ),
    )
    error = fields.String(allow_none=True, **doc("The message of the first error, or null.", None))
    body = fields.String(
        allow_none=True,
        **doc(
            "The first 2,000 characters of the body, or null.",
            '{"follow_up":true,"archvied":false}',
        ),
    )


class JournalSchema(ResponseSchema):
    """Recent requests."""

    requests = fields.List(fields.Nested(JournalEntrySchema), **doc("The requests, newest first."))
    revision = fields.Integer(
        **doc(
            "A number that changes with every reset, every deletion of the requests, and every"
            " change of the state, the clock or the rules.",
            1_777_966_200_000,
        )
    )


class HealthSchema(ResponseSchema):
    """That the server and its database work."""

    status = fields.Constant("ok", **doc("Always `ok`; else the response is a 503."))
    version = fields.String(**doc("The version of the server.", "0.5.0"))
    database = fields.String(
        **doc("Which database it uses.", "sqlite", enum=["sqlite", "postgresql"])
    )
