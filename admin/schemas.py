"""The request and response schemas of the admin API."""

import re
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
)
from field_types.response_fields import PlatformTime, ResponseSchema
from field_types.texts import VALUE, doc, must_be, one_of
from followups import Fields
from models import Access, Business
from schemas import StaffSchema
from states.schema import JSONObject
from web.fault_injection import matches
from web.journal_writer import VCITA_PREFIXES
from web.request_loading import MAX_DELAY_MS

MAX_SEGMENTS = 6  # of a route
WRONG_PATH = (
    f"It must be a path of vcita's without a query, such as /v2/conversations/*, not {VALUE}."
)
PROBABILITY = must_be("a number from 0 to 1")
METHOD = one_of(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
NOW = doc("The sandbox's time, in UTC.", "2026-05-05T07:30:00.000Z")
FROZEN = doc("Whether the clock is frozen.", True)
A_TIME = "Accepts the same formats as `follow_up_date`."


def check_path(path: str) -> None:
    """Raise ValidationError for a path that matches none of vcita's routes."""
    routes = {re.sub("<.+>", "{}", each.rule) for each in current_app.url_map.iter_rules()}
    # If any value of a route's variable matches, "x" or a segment of the pattern does.
    values = {"x", *path.replace("*", "").split("/")[:MAX_SEGMENTS]} - {""}
    is_known = path.startswith((*VCITA_PREFIXES, "*")) and any(
        matches(path.rstrip("/"), route.format(value))
        for route in routes
        if route.startswith(VCITA_PREFIXES)
        for value in values
    )
    if not is_known or {*"?#{}<>:"} & {*path}:
        raise ValidationError(WRONG_PATH)


def check_probability(value: Any) -> None:
    """Raise ValidationError for any value except a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValidationError(PROBABILITY["invalid"])


class SandboxResetSchema(RequestSchema):
    """How to reset the sandbox."""

    now = String(
        **doc(f"The time to seed the data as of, and to freeze. {A_TIME}", "2026-05-05T07:30:00Z")
    )


class ClockSettingSchema(RequestSchema):
    """The time at which to freeze the clock."""

    now = String(required=True, **doc(f"The time to freeze. {A_TIME}", "2026-05-05T07:30:00Z"))


class ClockAdvanceSchema(RequestSchema):
    """The advance of the clock: either `seconds` or `to`."""

    seconds = Integer(1, 315_360_000, **doc("The number of seconds to advance.", 86_400))
    to = String(**doc(f"The later time to advance to. {A_TIME}", "2036-05-06T07:30:00Z"))

    @validates_schema(pass_original=True)
    def check_that_it_is_one(self, _loaded: Fields, sent: Fields, **_options: Any) -> None:
        """Raise ValidationError unless one of the two was sent, and not the other."""
        if len(sent.keys() & self.fields.keys()) != 1:
            raise ValidationError({"seconds": ['Send either "seconds" or "to".']})


class FaultRuleSchema(RequestSchema):
    """A fault rule: the requests that fail or are delayed, and how."""

    method = String(
        validate=[lambda method: METHOD(method.upper())],
        **doc("Match only this method, in any case.", "PUT"),
    )
    path = String(
        2_000,
        validate=[check_path],
        **doc("Match only this path; `*` matches any characters.", "/v2/conversations/*"),
    )
    status = Integer(400, 599, **doc("The error status to return.", 503))
    body = JSONObject(
        **doc("The body of that error. Default: the documented one.", {"error": "Closed"})
    )
    disconnect = Boolean(**doc("Close the connection without a response.", False))
    delay = Integer(0, MAX_DELAY_MS, **doc("The delay in milliseconds.", 800))
    times = Integer(0, 1_000_000, **doc("How many times the rule applies. Default: unlimited.", 2))
    probability = fields.Raw(
        validate=check_probability,
        error_messages=PROBABILITY,
        **doc("The probability that the rule applies.", 1, type="number", minimum=0, maximum=1),
    )

    @validates_schema
    def check_that_it_applies(self, loaded: Fields, **_options: Any) -> None:
        """Raise ValidationError for a rule that can't apply."""
        ends = loaded.get("disconnect")
        acts = ends or loaded.keys() & {"status", "delay"}
        wrong = {
            "status": not acts and 'A rule needs a "status", a "delay" or "disconnect": true.',
            "disconnect": ends and "status" in loaded and 'Send either "status" or "disconnect".',
            "body": "body" in loaded and "status" not in loaded and 'It requires a "status".',
            "times": loaded.get("times") == 0 and "It must be at least 1, not 0.",
        }
        if messages := {field: [message] for field, message in wrong.items() if message}:
            raise ValidationError(messages)


class FaultsSchema(RequestSchema):
    """The fault rules of a sandbox."""

    faults = List(
        Nested(FaultRuleSchema),
        limit=20,
        attribute="fault_rules",
        required=True,
        **doc("The rules in order; `times` is how many more times each applies."),
    )


class JournalQuerySchema(RequestSchema):
    """The query of the request journal."""

    limit = QueryNumber(1, load_default=100, **doc("The maximum number to list.", 20))
    after = QueryNumber(0, load_default=0, **doc("List only requests with a higher `id`.", 0))


class ClockSchema(ResponseSchema):
    """The clock of a sandbox."""

    now = PlatformTime(**NOW)
    frozen = fields.Boolean(**FROZEN)


class SandboxStaffSchema(StaffSchema):
    """A staff member with their token."""

    access = fields.String(validate=one_of(Access))
    business_uid = fields.String(**doc("The uid of their business.", "4bq7ahdt1mfc0zkw"))
    token = fields.String(allow_none=True, **doc("Their token; null if unknown.", "demo-owner"))


class SandboxBusinessSchema(ResponseSchema):
    """The summary of a business."""

    tables = (Business,)
    uid = fields.String()
    name = fields.String()
    time_zone = fields.String()


class FolderCountsSchema(ResponseSchema):
    """The number of conversations in each folder of the caller."""

    class Meta:
        include = {
            name: fields.Integer(
                **doc(f"The number of conversations in `{name}`: {meaning}.", count)
            )
            for name, (_, meaning, count) in FOLDERS.items()
        }


class SandboxSchema(ResponseSchema):
    """The summary of a sandbox."""

    name = fields.String(**doc("The sandbox's name; `default` for tokens without `@`.", "default"))
    now = PlatformTime(**NOW)
    frozen = fields.Boolean(**FROZEN)
    you = fields.Nested(SandboxStaffSchema, allow_none=True, **doc("The caller; null if unknown."))
    business = fields.Nested(SandboxBusinessSchema, allow_none=True, **doc("Your business."))
    staff = fields.List(fields.Nested(SandboxStaffSchema), **doc("The staff of all businesses."))
    folders = fields.Nested(FolderCountsSchema, allow_none=True, **doc("The caller's folders."))


class JournalEntrySchema(ResponseSchema):
    """A recorded request and its outcome."""

    id = fields.Integer(**doc("An id that increases in the order of storing.", 42))
    time = PlatformTime(**doc("The real time of the request.", "2026-05-05T07:30:00.651Z"))
    status = fields.Integer(allow_none=True, **doc("Null if disconnected.", 200))
    user_agent = fields.String(**doc("The header `User-Agent`.", "curl/8.5.0"))
    method = fields.String(**doc("The method.", "PUT"))
    path = fields.String(**doc("The path.", "/v2/conversations/89m2pnabgozdvd9f"))
    query = fields.String(**doc("The query, or an empty string.", ""))
    milliseconds = fields.Float(**doc("The duration of the request.", 3.2))
    staff_uid = fields.String(allow_none=True, **doc("The caller, or null.", "5ya4gbwm2c3qoic8"))
    ignored = fields.List(fields.String(), **doc("The names in `X-Ignored`.", ["archvied"]))
    changed = fields.List(
        fields.String(), **doc("The fields that changed; `message` for a new one.", ["follow_up"])
    )
    error = fields.String(allow_none=True, **doc("The first error and its reason, or null.", None))
    body = fields.String(
        allow_none=True, **doc("The first 2,000 characters.", '{"follow_up":true,"archvied":false}')
    )


class JournalSchema(ResponseSchema):
    """The request journal."""

    requests = fields.List(fields.Nested(JournalEntrySchema), **doc("The requests, newest first."))
    revision = fields.Integer(
        **doc("Increases with every change by the admin API.", 1_777_966_200_000)
    )


class HealthSchema(ResponseSchema):
    """The health of the server and its database."""

    status = fields.Constant("ok", **doc("Always `ok`; otherwise the response is 503."))
    version = fields.String(**doc("The version of the server.", "0.5.0"))
    database = fields.String(
        **doc("The kind of database.", "sqlite", enum=["sqlite", "postgresql"])
    )
