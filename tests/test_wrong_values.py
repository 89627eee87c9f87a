"""A wrong value of any field of any request is a 422 that names the field, and changes nothing.

The fields are those of the schemas that routes name, so new fields and routes are included.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import pytest
from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range

import admin.schemas as controls
import states.schema as state
from app import create_app
from field_types.request_fields import Boolean, LenientBoolean, List, Nested, QueryNumber
from field_types.texts import HAS_NO_NUL
from schemas import NewMessageSchema
from support.apps import Caller, check_error, errors_of, put_state
from support.constants import BUSINESS, HELLO, MESSAGE, ONE, RAM, SHORT, inside, path_of
from support.stored import Stored
from web.operations import OPERATIONS

MISSING = object()
NO_OBJECT = [[], "x", 5, True]
WRONG: dict[type[fields.Field[Any]], list[Any]] = {  # by type; the first that fits
    LenientBoolean: [2, -1, 1.0, 0.0, "yes", "on", "", " true", [], {}, [True], 2**70],
    Boolean: [0, 1, "true", [], {}],
    fields.Integer: [1.5, "60", True, [], {}],
    fields.String: [1, True, False, 1.5, 10**30, [], ["x"], {}],
    Nested: NO_OBJECT,
    fields.Dict: NO_OBJECT,
    List: [{}, "x", 5, True],
    fields.Raw: [1.1, -0.1, "half", True],  # a probability
}
NO_NUMBERS = ["-1", "+1", "1.0", "1.5", "x", "", "%20", "1e2", "٣"]
NO_TIME = ["", "tea time", "1899-12-31", "9001-01-01", "x\0"]
NO_MOMENT = ["tea time", "-99999999d", "0001-01-01T00:00:00+10:00"]
NO_UID = ["", " ", "a/b", "a b", "ä", "a\n", "\x1b[2J", ".", "..", "x" * 256]
NO_JSON = [{"a": "\0"}, {"\0": 1}, {"a": 2**63}]
NO_TOKEN = ["a@b", "", " ", "a b", "ä", "x" * 256, "sha256:12", "a\0"]
NO_PATH = ["", "/", "/v2", "/*", "v2/*", "/__admin/*", "/v2/*?page=1", "/v2/*#x", "/V2/*"]
NO_PATH += ["/v2/conversation/*", "/v2/conversation", "/v2/conversations/{id}", "/platform/v1/x*"]
NO_PATH += ["http://127.0.0.1:8000/v2/*", "/platform/v1/clients/", "x*", f"{ONE}/mesages"]
NO_PATH += ["/v2/conversations/*/mesages", "*/mesages/x", f"{ONE}/*/messages"]
NO_ZONE = ["localtime", "Mars/Base", "../etc", "Europe", ""]
ALSO_WRONG: dict[tuple[type[Schema], str], list[Any]] = {
    (NewMessageSchema, "text"): [""],
    (NewMessageSchema, "direction"): ["internal", "", "CLIENT_TO_BUSINESS"],
    (controls.SandboxResetSchema, "now"): NO_TIME,
    (controls.ClockSettingSchema, "now"): NO_TIME,
    (controls.ClockAdvanceSchema, "to"): ["tea time", "2026-05-05T07:29:59Z", "9001-01-01"],
    (controls.FaultRuleSchema, "times"): [0],
    (controls.FaultRuleSchema, "body"): NO_JSON,
    (controls.FaultRuleSchema, "path"): NO_PATH,
    (controls.FaultRuleSchema, "method"): ["BREW", "OPTIONS", "", "GET\n"],
    (state.SandboxState, "now"): ["-2h", "tea time", "1899-12-31", "9001-01-01"],
    (state.SandboxState, "businesses"): [[]],
    (state.BusinessState, "time_zone"): NO_ZONE,
    (state.StaffMemberState, "tokens[0]"): NO_TOKEN,
    (state.ConversationState, "uid"): NO_UID,
    (state.ConversationState, "client"): [" "],
    (state.ConversationState, "staff"): ["nobody"],
    (state.ConversationState, "merged_into"): ["nowhere"],
    (state.ConversationState, "created_at"): NO_MOMENT,
    (state.ConversationState, "source_data"): NO_JSON,
    (state.CollaboratorState, "staff"): ["x"],
    (state.CollaboratorState, "follow_up_message"): ["x"],  # without an active follow-up
    (state.CollaboratorState, "follow_up_date"): ["+1d"],
    (state.MessageState, "from"): ["nobody"],
    (state.MessageState, "text"): [""],
}
RIGHT: dict[type[Schema], dict[str, Any]] = {  # what else an object needs
    NewMessageSchema: MESSAGE,
    controls.FaultRuleSchema: {"status": 503},
    state.BusinessState: BUSINESS,
    state.StaffMemberState: BUSINESS["staff"][0],
    state.ClientState: {"uid": "c1", "first_name": "Ann", "email": ""},
    state.ConversationState: HELLO,
    state.CollaboratorState: {"staff": RAM},
    state.MessageState: {"from": "client", "text": "Hi"},
    state.MatterState: {"uid": "m", "title": "M"},
}
Wrap = Callable[[Any], Any]


class Case(NamedTuple):
    """A field of a request's body, its wrong values, and the body that has one of them."""

    method: str
    path: str
    field: str
    values: list[Any]
    wrap: Wrap


def find_wrong(schema: Schema, name: str, field: fields.Field[Any]) -> list[Any]:
    """Return values that a field of a schema must refuse."""
    [*known] = (values for kind, values in WRONG.items() if isinstance(field, kind))
    assert known, f"{name} has a type without wrong values: add them to WRONG."
    values = known[0] + ALSO_WRONG.get((type(schema), name), [])
    values = values + ([] if field.allow_none else [None]) + ([MISSING] if field.required else [])
    if isinstance(field, List) and isinstance(field.inner, Nested) and field.limit:
        values = [*values, [{"x": 5}] * (field.limit + 1)]  # which is looked at first
    for validator in field.validators:
        match validator:
            case Length(max=int(most)):
                values = [*values, "é" * (most + 1)]
            case Range(min=int(least), max=int(most)):
                values = [*values, least - 1, most + 1]
            case OneOf():
                values = [*values, "odd"]
        if validator is HAS_NO_NUL:
            values = [*values, "\0", "a\0b"]
    if isinstance(field, List) and field.limit:
        values = [*values, [None] * (field.limit + 1)]
    return values


def find_fields(schema: Schema, path: str, wrap: Wrap) -> Iterator[tuple[str, list[Any], Wrap]]:
    """Yield each field of a schema, and of the objects in it, with what its wrong values are."""
    for name, field in schema.fields.items():
        name = field.data_key or name
        right = RIGHT.get(type(schema), {})
        if isinstance(schema, state.SandboxState) and name == "now":
            right = {"conversations": []}

        put = partial(place, wrap, right, name)
        yield f"{path}{name}", find_wrong(schema, name, field), put
        if isinstance(field, Nested):
            yield from find_fields(field.schema, f"{path}{name}.", put)
        elif isinstance(field, List) and path + name != "businesses[0].conversations":
            item = partial(place_item, put)
            if isinstance(field.inner, Nested):
                yield f"{path}{name}[0]", [None, *NO_OBJECT], item
                yield from find_fields(field.inner.schema, f"{path}{name}[0].", item)
            else:
                values = ALSO_WRONG.get((type(schema), f"{name}[0]"), [])
                yield f"{path}{name}[0]", [None, 5, {}, *values], item


def place(wrap: Wrap, right: dict[str, Any], name: str, value: Any) -> Any:
    """Return a body in which a field has a value."""
    others = {each: right[each] for each in right if each != name}
    return wrap(others if value is MISSING else others | {name: value})


def place_item(put: Wrap, value: Any) -> Any:
    return put([value])


def find_routes() -> Iterator[tuple[str, str, Any]]:
    app = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://"}, prepare=False)
    for rule in app.url_map.iter_rules():
        if operation := OPERATIONS.get(app.view_functions[rule.endpoint]):
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            yield method, path_of(rule.rule), operation


def find_cases() -> Iterator[Case]:
    for method, path, operation in find_routes():
        if operation.body:
            array = operation.array
            wrap: Wrap = itemgetter(array) if array else lambda body: body
            for field, values, put in find_fields(operation.body, "", wrap):
                if field == array:  # another body than an array can't be read
                    values = [each for each in values if isinstance(each, list)]
                name = field if "[" in field else field.rpartition(".")[2]
                yield Case(method, path, name, values, put)


@pytest.mark.parametrize("case", [*find_cases()], ids=lambda case: f"{case.path}-{case.field}")
def test_invalid_value_is_rejected(owner: Caller, stored: Stored, case: Case) -> None:
    owner.get("/v2/conversations")
    with stored.unchanged():
        for value in case.values:
            body = json.dumps(case.wrap(value)).encode()
            response = owner.send_to(case.method, case.path, body)
            assert response.status_code == 422, f"{case.field}: {str(value)[:80]}"
            check_error(response, 422, "invalid", case.field)
            assert response.json["errors"][0]["message"].endswith("."), response.json


LIMITS: dict[tuple[type[Schema], str], int] = {  # `docs/api.md` has those of vcita's requests
    (controls.ClockAdvanceSchema, "seconds"): 315_360_000,
    (controls.FaultRuleSchema, "delay"): 30_000,
    (controls.FaultsSchema, "faults"): 20,
    (state.ConversationState, "campaign"): 255,
    (state.ConversationState, "client"): 500,
    (state.ConversationState, "title"): 10_000,
    (state.ConversationState, "message_count"): 2**31 - 1,
}


@pytest.mark.parametrize(("schema", "name"), LIMITS)
def test_schemas_enforce_their_limits(schema: type[Schema], name: str) -> None:
    limits = [getattr(each, "max", None) for each in schema().fields[name].validators]
    assert LIMITS[schema, name] in limits


def find_numbers() -> Iterator[tuple[str, str, int]]:
    for _, path, operation in find_routes():
        for name, field in operation.query.fields.items():
            if isinstance(field, QueryNumber):
                [least] = (each.min for each in field.validators if isinstance(each, Range))
                yield path, name, int(least)


@pytest.mark.parametrize(("path", "field", "least"), [*find_numbers()])
def test_invalid_query_number_is_rejected(owner: Caller, path: str, field: str, least: int) -> None:
    for value in [*NO_NUMBERS, *(["0", "00"] if least else [])]:
        response = owner.ask("GET", f"{path}?{field}={value}", Prefer="count=exact")
        check_error(response, 422, "invalid", field)
        assert "X-Total-Count" not in response.headers and "Link" not in response.headers


SECOND = {"uid": "b2", "staff": [], **SHORT}
ACTIVE = {"staff": RAM, "follow_up_state": "active"}
REMOVED = {"staff": RAM, "follow_up_state": "removed"}
DATE, COLLABORATOR = {"follow_up_date": "+1d"}, "conversations[0].collaborators[0]"
NAMED = {"from": "client", "text": "Hi", "uid": "u"}
INTERNAL = {"from": "client", "text": "Hi", "internal": True}
AS_CLIENT = BUSINESS | {"staff": [BUSINESS["staff"][0] | {"uid": "client"}]}
TOKENLESS = BUSINESS | {"staff": []}
NO_CALLERS = BUSINESS | {"staff": [{"uid": "s", "full_name": "S"}]}


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ({}, "businesses"),
        ({"businesses": [BUSINESS], "conversations": []}, "conversations"),
        ({"conversations": [], "typo": 1}, "typo"),
        (inside({"typo": 1}), "conversations[0].typo"),
        (inside({"collaborators": [REMOVED | {"typo": None}]}), f"{COLLABORATOR}.typo"),
        ({"conversations": [HELLO, HELLO | {"messages": []}]}, "conversations[1].uid"),
        ({"businesses": [BUSINESS, TOKENLESS]}, "businesses[1].uid"),
        (inside({"messages": [INTERNAL]}), "conversations[0].messages[0].from"),
        (inside({"messages": [NAMED] * 2}), "conversations[0].messages[1].uid"),
        (inside({"collaborators": [ACTIVE] * 2}), "conversations[0].collaborators[1].staff"),
        (inside({"collaborators": [REMOVED | DATE]}), f"{COLLABORATOR}.follow_up_date"),
        (inside({"deleted": True, "deleted_at": None}), "conversations[0].deleted"),
        ({"businesses": [AS_CLIENT]}, "businesses[0].staff[0].uid"),
        ({"businesses": [TOKENLESS]}, "businesses"),
        ({"businesses": [NO_CALLERS]}, "businesses"),
        ({"businesses": [BUSINESS, BUSINESS | SECOND]}, "businesses[1].staff"),
        ({"businesses": [BUSINESS, BUSINESS | {"uid": "b2"}]}, "businesses[1].staff[0].tokens[0]"),
    ],
)
def test_contradiction_is_rejected(owner: Caller, stored: Stored, state: Any, field: str) -> None:
    owner.get("/v2/conversations")
    with stored.unchanged():
        check_error(put_state(owner, state), 422, "invalid", field)


def test_state_errors_have_a_hint_and_a_limit(owner: Caller) -> None:
    response = put_state(owner, inside({"archvied": True}))
    hint = '"archvied" is unknown; did you mean "archived"?'
    check_error(response, 422, "invalid", "conversations[0].archvied", hint)
    assert len(errors_of(put_state(owner, {"conversations": [{}] * 1000}))) == 100


@pytest.mark.parametrize("body", [{}, {"faults": []}, "x", 5])
def test_fault_rules_must_be_an_array(owner: Caller, body: Any) -> None:
    assert owner.ask("PUT", "/__admin/faults", body).status_code == 400
