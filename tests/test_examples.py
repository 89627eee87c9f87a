"""The examples of the OpenAPI document: they validate, and the server gives and takes them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields, missing
from openapi_schema_validator import OAS31Validator

from app import create_app
from database.connections import db
from field_types.response_fields import ResponseSchema
from support.apps import Caller
from support.constants import MESSAGE, ONE, UID
from support.differences import Difference, check_none, check_same, diff
from support.openapi import BODY, Operation, examples_of, find_operations

VARY = {"id", "uid", "time", "milliseconds", "user_agent", "revision"}  # of what is new each time
NEW = {"createMessage", "listRequests"}
RESET = ("POST", "/__admin/reset", {"now": "2026-05-05T07:30:00Z"})
IGNORED = ("PUT", ONE, {"follow_up": True, "archvied": False})
BEFORE: dict[str, list[tuple[str, str, Any]]] = {  # what to ask for before an operation
    "advanceClock": [("PUT", "/__admin/clock", {"now": "2036-05-05T07:30:00Z"})],
    "getSandbox": [RESET],
    "listRequests": [RESET, IGNORED],
}
FIRST_PAGE = {"query": {"page": "0"}}
WRONG: dict[str, dict[str, Any]] = {  # a request for the 422 that an operation shows
    "updateConversation": {"body": {"follow_up": True, "follow_up_date": "2020-01-01"}},
    "listConversations": FIRST_PAGE,
    "listMessages": FIRST_PAGE,
    "listPlatformConversations": FIRST_PAGE,
    "listClientConversations": FIRST_PAGE,
    "createMessage": {"body": {"message": MESSAGE | {"text": ""}}},
    "resetSandbox": {"body": {"now": "soon"}},
    "freezeClock": {"body": {"now": "soon"}},
    "advanceClock": {"body": {"to": "2020-01-01"}},
    "replaceState": {"body": {"conversations": [{"uid": "first00000000001"}]}},
    "replaceFaults": {"body": [{"delay": 99_999}]},
    "listRequests": {"query": {"after": "-1"}},
}
APP = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://"}, prepare=False)
DOCUMENT: Any = APP.test_client().get("/openapi.json").json
OPERATIONS = {each.name: each for each in find_operations(DOCUMENT)}
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
ON_DEMAND = {  # the operations whose errors can be asked for
    name: each for name, each in OPERATIONS.items() if not each.path.startswith("/__admin")
}
FIELDS = {  # in order, of a part of an operation's last example
    ("updateConversation",): "uid title follow_up follow_up_date follow_up_message follow_up_text"
    " business_unread spam archived sent received deleted matter_searchable last_user_action_at"
    " last_user_action_at_h last_client_action_at last_client_action_at_h last_message depth"
    " message_count client staff has_matter matter require_attention source source_data"
    " source_type source_type_h sourceable_type sourceable_id",
    ("updateConversation", "last_message"): "title text message_of extra_data",
    ("updateConversation", "client"): "uid first_name last_name email display_name phone spam"
    " created_at",
    ("listMessages", 0): "uid text sub_type data message_description appointment_title title"
    " mail_delivered mail_sent mail_read direction created_at created_at_h updated_at"
    " conversation_uid message_of message_type messageable documents attachments trust channels"
    " channel_uid staff subject was_read external_data",
    ("listMessages", 0, "staff"): "uid full_name display_name email",
    ("listPlatformConversations", "data", "conversations", 0): "business_id business_unread"
    " client_id client_unread created_at deep_link id last_business_action last_client_action"
    " staff_id title updated_at",
    ("getSandbox",): "name now frozen you business staff folders",
    ("getSandbox", "you"): "uid display_name access business_uid token",
    ("listRequests", "requests", 0): "id time status user_agent method path query milliseconds"
    " staff_uid ignored changed error body",
}
CONSTANTS: dict[str, Any] = {  # of a message
    **{"sub_type": "text", "data": [], "appointment_title": None, "mail_delivered": False},
    **{"message_of": "message", "messageable": None, "documents": [], "attachments": None},
    **{"trust": False, "external_data": {}},
}
STRICT = {"query": {"archvied": "1"}, "headers": {"Prefer": "handling=strict"}}


def check_valid(schema: Any, value: Any, name: str) -> None:
    """Fail unless a value is what a schema of the document describes."""
    full = schema | {"components": DOCUMENT["components"]}
    for error in OAS31Validator(full).iter_errors(value):
        while error.context:  # of several schemas the one that fits best
            counts = Counter(each.schema_path[0] for each in error.context)
            error = min(error.context, key=lambda each: counts[each.schema_path[0]])
        pytest.fail(f"{name}, its example{error.json_path[1:]}: {error.message[:300]}", False)


def find_missing(example: Any, shown: Any, path: str, is_new: bool) -> Iterator[Difference]:
    """Yield the parts of an example that a response has not; an array may have more items."""
    if isinstance(example, dict) and isinstance(shown, dict):
        yield from diff(example, shown, path, varies=lambda *_: True)  # the names and their order
        for name in example.keys() & shown.keys():
            if not (is_new and name in VARY):
                yield from find_missing(example[name], shown[name], f"{path}.{name}", is_new)
    elif isinstance(example, list) and isinstance(shown, list) and shown:
        for index, item in enumerate(example):
            part = f"{path}[{index}]"
            yield from min(
                (list(find_missing(item, each, part, is_new)) for each in shown), key=len
            )
    else:
        yield from diff(example, shown, path)


def test_every_body_has_an_example_that_validates() -> None:
    for operation in OPERATIONS.values():
        described = operation.described
        for each in [described.get("requestBody", {}), *described["responses"].values()]:
            for content in each.get("content", {}).values():
                examples = examples_of(content)
                assert examples, operation.name
                for example in examples:
                    check_valid(content["schema"], example, operation.name)


def test_every_property_and_parameter_is_described_and_has_valid_examples() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        for key, each in schema.get("properties", {}).items():
            assert each["description"].endswith((".", "?")), f"{name}.{key}"
            for example in each.get("examples", []):
                check_valid(each, example, f"{name}.{key}")
    for operation in OPERATIONS.values():
        for each in operation.described["parameters"]:
            if "$ref" not in each:
                assert each["description"], operation.name
                check_valid(each["schema"], each["example"], each["name"])


def find_example(name: str, *path: Any) -> Any:
    """Return a part of the last example of an operation's response."""
    part = examples_of(OPERATIONS[name].described["responses"]["200"]["content"][BODY])[-1]
    for key in path:
        part = part[key]
    return part


@pytest.mark.parametrize("path", FIELDS, ids=str)
def test_examples_have_these_fields_in_order(path: tuple[Any, ...]) -> None:
    assert " ".join(find_example(*path)) == FIELDS[path]


def test_example_of_a_message_has_its_constants() -> None:
    message = find_example("listMessages", 0)
    check_same({name: message[name] for name in CONSTANTS}, CONSTANTS)


@each_operation
def test_responses_match_the_examples(app: Flask, operation: Operation) -> None:
    name = operation.name
    put = OPERATIONS["updateConversation"]
    assert put.ask(app, put.bodies[0]).status_code == 200  # most examples show its follow-up
    owner = Caller(app, "demo-owner")
    for method, path, body in BEFORE.get(name, []):
        assert owner.ask(method, path, body).status_code == 200
    owner.flush_journal()
    [status] = (each for each in operation.described["responses"] if each < "300")
    ok = operation.described["responses"][status]
    examples = examples_of(ok["content"][BODY]) if "content" in ok else []
    body = operation.bodies[0]
    if name in ("getState", "replaceState", "listFaults", "replaceFaults"):
        [example] = examples  # what was sent is shown
        body = sent = example if name.endswith("State") else example["faults"]
        assert owner.ask("PUT", operation.path, sent).status_code == 200
    token = "demo-owner@w" if name == "deleteSandbox" else "demo-owner"
    response = operation.ask(app, None if operation.method == "get" else body, token)
    assert response.status_code == int(status), response.text
    shown: Any = response.json if examples else None
    if name == "getHealth":
        with app.app_context():
            examples[0]["database"] = db.engine.name
    if name == "runClock":
        assert shown["frozen"] is False
        examples[0]["now"] = shown["now"]
    if name in ("getConversation", "updateConversation"):
        deep = operation.ask(app, body, query={"full_client": "true"})
        check_none(find_missing(examples.pop(), deep.json, name, False))
    assert examples or response.data == b""
    for example in examples:
        check_none(find_missing(example, shown, name, name in NEW))


def test_server_accepts_every_example_body(app: Flask) -> None:
    for operation in OPERATIONS.values():
        for body in operation.bodies:
            response = operation.ask(app, body, f"demo-owner@{operation.name}")
            assert response.status_code < 300, f"{operation.name} {body}: {response.text[:300]}"


@each_operation
def test_error_responses_match_the_examples(app: Flask, operation: Operation) -> None:
    name, body = operation.name, operation.bodies[0]
    as_json = {"headers": {"Content-Type": "application/json"}}
    requests: dict[str, dict[str, Any]] = {
        "400": {"body": None, "data": b"{"} | as_json,
        "401": {"token": "demo-expired"},
        "403": {"token": "demo-assigned"},
        "404": {"path": {"id": "unknown", "client_id": "unknown"}},
        "409": {},
        "413": {"body": None, "data": b" " * (16 * 2**20 + 1)} | as_json,
        "415": {"body": None, "data": b"{}"},
        "422": {"body": body} | WRONG.get(name, STRICT),
    }
    if name == "createMessage":
        requests["403"]["body"] = {"message": MESSAGE | {"conversation_uid": UID}}
        requests["404"]["body"] = {"message": MESSAGE | {"client_id": "unknown"}}
    if name != "deleteSandbox":
        del requests["409"]  # `tests/test_processes.py` deletes a sandbox while a request waits
    for status in operation.described["responses"].keys() & requests.keys():
        content = operation.described["responses"][status]["content"][BODY]
        response = operation.ask(app, **({"body": body} | requests[status]))
        assert response.status_code == int(status), response.text
        check_same([response.json], examples_of(content), f"{name} {status}")


@pytest.mark.parametrize("operation", ON_DEMAND.values(), ids=ON_DEMAND)
@pytest.mark.parametrize("source", ["preference", "rule 2"])
def test_injected_error_is_as_documented(app: Flask, operation: Operation, source: str) -> None:
    for status, described in operation.described["responses"].items():
        if status < "400":
            continue
        by_header = source == "preference"
        rules = [{"method": "DELETE", "status": 500}, {"status": int(status)}]
        Caller(app, "demo-owner").ask("PUT", "/__admin/faults", [] if by_header else rules)
        headers = {"Prefer": f"code={status}"} if by_header else {}
        response = operation.ask(app, operation.bodies[0], headers=headers)
        assert (response.status_code, response.content_type) == (int(status), BODY)
        check_same(
            [response.json], examples_of(described["content"][BODY]), f"{operation.name} {status}"
        )
        expected = {
            key: str(each["example"])
            for key, each in described["headers"].items()
            if "example" in each
        }
        found = {key: response.headers.get(key) for key in described["headers"]}
        left = found.keys() - expected.keys() - {"X-Fault", "Preference-Applied"}
        check_same({key: found[key] for key in expected}, expected)
        assert found["X-Fault"] == source and not any(found[key] for key in left)


def test_response_rejects_a_row_without_a_column() -> None:
    class NameSchema(ResponseSchema):
        name = fields.String()
        other_name = fields.String(attribute="name")

    assert NameSchema().dump({"name": "Jane"}) == {"name": "Jane", "other_name": "Jane"}
    with pytest.raises(KeyError):
        NameSchema().dump({})


def find_schemas(schema: type[ResponseSchema] = ResponseSchema) -> list[type[ResponseSchema]]:
    return [schema, *(each for below in schema.__subclasses__() for each in find_schemas(below))]


@pytest.mark.parametrize("schema", find_schemas(), ids=lambda schema: schema.__name__)
def test_response_fields_have_no_ignored_options(app: Flask, schema: type[ResponseSchema]) -> None:
    for field in schema().fields.values():
        is_constant = isinstance(field, fields.Constant)  # whose value is its default
        assert field.data_key is None and (is_constant or field.dump_default is missing), field
        assert not isinstance(field, fields.Function | fields.Method | fields.AwareDateTime), field
        if isinstance(field, fields.DateTime):
            assert hasattr(field, "serialize_value"), field
