"""The request and response schemas of the admin API."""

from typing import Any

from flask import current_app
from marshmallow import ValidationError, fields, validates_schema

from conversations.folders import FOLDERS
from field_types.request_fields import (
    Boolean,
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
from states.schema import check_json
from web.journal_writer import VCITA_PREFIXES
from web.request_loading import MAX_DELAY_MS

MAX_ADVANCE = 315_360_000  # seconds, ten years
MAX_RULES = 20
MAX_TIMES = 1_000_000
MAX_PATH = 2_000  # characters
WRONG_PATH = (
    f"It must be a path of vcita's without a query, such as /v2/conversations/*, not {VALUE}."
)
PROBABILITY = must_be("a number from 0 to 1")
METHOD = one_of(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
NOW = doc("Its time, in UTC.", "2026-05-05T07:30:00.000Z")
FROZEN = doc("Whether its clock is stopped.", True)
A_TIME = "It may be written in any way that a `follow_up_date` may."


def check_path(path: str) -> None:
    """Raise ValidationError for a path that no request to vcita's routes has."""
    start, star, _ = path.rstrip("/").partition("*")
    rules = (each.rule for each in current_app.url_map.iter_rules())
    is_known = path.startswith((*VCITA_PREFIXES, "*")) and any(
        (variable and start.startswith(fixed))
        or (fixed.startswith(start) if star else fixed == start)
        for fixed, variable, _ in (rule.partition("<") for rule in rules)
    )
    if not is_known or {*"?#{}<>:"} & {*path}:
        raise ValidationError(WRONG_PATH)


def check_probability(value: Any) -> None:
    """Raise ValidationError for anything else than a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValidationError(PROBABILITY["invalid"])


class SandboxResetSchema(RequestSchema):
    """How to reset the sandbox."""

    now = String(
        **doc(f"The time to seed it at and freeze its clock. {A_TIME}", "2026-05-05T07:30:00Z")
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
        validate=[lambda method: METHOD(method.upper())],
        **doc("Only requests of this method, in any case.", "PUT"),
    )
    path = String(
        MAX_PATH,
        validate=[check_path],
        **doc("Only requests of this path; `*` stands for any characters.", "/v2/conversations/*"),
    )
    status = Integer(400, 599, **doc("The status of the error that they get.", 503))
    body = fields.Dict(
        validate=check_json,
        error_messages=must_be("an object"),
        **doc("The body of that error, by default the documented one.", {"error": "Closed"}),
    )
    disconnect = Boolean(**doc("Whether the connection closes without a response.", False))
    delay = Integer(0, MAX_DELAY_MS, **doc("By how many milliseconds they are delayed.", 800))
    times = Integer(0, MAX_TIMES, **doc("How often it applies, 1 or more; by default always.", 2))
    probability = fields.Raw(
        validate=check_probability,
        error_messages=PROBABILITY,
        **doc(
            "The probability that it applies; by default 1.", 1, type="number", minimum=0, maximum=1
        ),
    )

    @validates_schema
    def check_that_it_applies(self, loaded: Fields, **_options: Any) -> None:
        """Raise ValidationError for a rule that can't apply."""
        ends = loaded.get("disconnect")
        acts = ends or loaded.keys() & {"status", "delay"}
        wrong = {
            "status": not acts and 'A rule needs a "status", a "delay" or "disconnect": true.',
            "disconnect": ends and "status" in loaded and 'Send either "status" or "disconnect".',
            "body": "body" in loaded and "status" not in loaded and 'It needs a "status", too.',
            "times": loaded.get("times") == 0 and "It must be at least 1, not 0.",
        }
        if messages := {field: [message] for field, message in wrong.items() if message}:
            raise ValidationError(messages)


class FaultsSchema(RequestSchema):
    """The rules of a sandbox."""

    faults = List(
        Nested(FaultRuleSchema),
        limit=MAX_RULES,
        attribute="fault_rules",
        required=True,
        **doc("The rules, in order; `times` is how often each still applies."),
    )


class JournalQuerySchema(RequestSchema):
    """The query of the journal."""

    limit = QueryNumber(1, load_default=100, **doc("How many; at most FLASK_JOURNAL are kept.", 20))
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
    token = fields.String(allow_none=True, **doc("To call as them; null if unknown.", "demo-owner"))


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
    you = fields.Nested(SandboxStaffSchema, allow_none=True, **doc("Who calls; null if unknown."))
    business = fields.Nested(SandboxBusinessSchema, allow_none=True, **doc("The caller's."))
    staff = fields.List(fields.Nested(SandboxStaffSchema), **doc("Those of all businesses."))
    folders = fields.Nested(FolderCountsSchema, allow_none=True, **doc("The caller's folders."))


class JournalEntrySchema(ResponseSchema):
    """A request, and what came of it."""

    id = fields.Integer(**doc("A number that grows in the order of storing.", 42))
    time = PlatformTime(**doc("When it came, in real time.", "2026-05-05T07:30:00.651Z"))
    status = fields.Integer(allow_none=True, **doc("The response's; null: a disconnect.", 200))
    user_agent = fields.String(**doc("The client's own name.", "curl/8.5.0"))
    method = fields.String(**doc("Its method.", "PUT"))
    path = fields.String(**doc("Its path.", "/v2/conversations/89m2pnabgozdvd9f"))
    query = fields.String(**doc("Its query, or an empty string.", ""))
    milliseconds = fields.Float(**doc("How long the response took.", 3.2))
    staff_uid = fields.String(allow_none=True, **doc("Who called, or null.", "5ya4gbwm2c3qoic8"))
    ignored = fields.List(fields.String(), **doc("The names in `X-Ignored`.", ["archvied"]))
    changed = fields.List(
        fields.String(), **doc("The fields that changed; `message` for a new one.", ["follow_up"])
    )
    error = fields.String(allow_none=True, **doc("The first error, and its reason, or null.", None))
    body = fields.String(
        allow_none=True, **doc("Its first 2,000 characters.", '{"follow_up":true,"archvied":false}')
    )


class JournalSchema(ResponseSchema):
    """Recent requests."""

    requests = fields.List(fields.Nested(JournalEntrySchema), **doc("The requests, newest first."))
    revision = fields.Integer(
        **doc("It changes with every control that changes something.", 1_777_966_200_000)
    )


class HealthSchema(ResponseSchema):
    """That the server and its database work."""

    status = fields.Constant("ok", **doc("Always `ok`; else the response is a 503."))
    version = fields.String(**doc("The version of the server.", "0.5.0"))
    database = fields.String(
        **doc("Which database it uses.", "sqlite", enum=["sqlite", "postgresql"])
    )
