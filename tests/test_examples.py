"""The examples of the OpenAPI document: they validate, and the server gives and takes them."""

from typing import Any

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator

from database.connections import db
from support.callers import Caller
from support.constants import UID
from support.openapi import BODY, Operation, examples_of, find_operations
from support.stored import Stored

VARY = {"id", "uid", "time", "milliseconds", "user_agent", "revision"}  # of what is new each time
NEW = {"createMessage", "listRequests"}
RESET = ("POST", "/__admin/reset", {"now": "2026-05-05T07:30:00Z"})
BEFORE: dict[str, list[tuple[str, str, Any]]] = {  # what to ask for before an operation
    "advanceClock": [("PUT", "/__admin/clock", {"now": "2036-05-05T07:30:00Z"})],
    "getSandbox": [RESET],
    "listRequests": [
        RESET,
        ("PUT", f"/v2/conversations/{UID}", {"follow_up": True, "archvied": False}),
    ],
}
WRONG: dict[str, dict[str, Any]] = {  # a request for the 422 that an operation shows
    "updateConversation": {"body": {"follow_up": True, "follow_up_date": "2020-01-01"}},
    "listConversations": {"query": {"page": "0"}},
    "listMessages": {"query": {"page": "0"}},
    "listPlatformConversations": {"query": {"page": "0"}},
    "listClientConversations": {"query": {"page": "0"}},
    "createMessage": {
        "body": {
            "message": {
                "client_id": "affc25e71f6bd5cc",
                "text": "",
                "direction": "client_to_business",
            }
        }
    },
    "resetSandbox": {"body": {"now": "soon"}},
    "freezeClock": {"body": {"now": "soon"}},
    "advanceClock": {"body": {"to": "2020-01-01"}},
    "replaceState": {"body": {"conversations": [{"uid": "first00000000001"}]}},
    "replaceFaults": {"body": [{"delay": 99_999}]},
    "listRequests": {"query": {"after": "-1"}},
}
NAMES = """
    updateConversation getConversation listConversations listMessages listPlatformConversations
    listClientConversations createMessage getSandbox resetSandbox deleteSandbox getClock freezeClock
    advanceClock runClock getState replaceState listFaults replaceFaults deleteFaults listRequests
    deleteRequests getHealth""".split()
each_name = pytest.mark.parametrize("name", NAMES)
STRICT = {"query": {"archvied": "1"}, "headers": {"Prefer": "handling=strict"}}


def database_kind_of(app: Flask) -> str:
    with app.app_context():
        return db.engine.name


@pytest.fixture
def document(app: Flask) -> Any:
    return app.test_client().get("/openapi.json").json


def operation_of(document: Any, name: str) -> Operation:
    return next(each for each in find_operations(document) if each.name == name)


def each_body(operation: Operation) -> Any:
    """Yield the content of each body of an operation: the request's, and the responses'."""
    described = operation.described
    for each in [described.get("requestBody", {}), *described["responses"].values()]:
        yield from each.get("content", {}).values()


def check_valid(document: Any, schema: Any, value: Any) -> None:
    """Fail unless a value is what a schema of the document describes."""
    whole = schema | {"components": document["components"]}
    OAS31Validator(whole).validate(value)


def contains(response: Any, example: Any, *, is_new: bool = False) -> bool:
    """Say whether a response has what an example has; an array may have more items."""
    if isinstance(example, dict):
        return (
            isinstance(response, dict)
            and example.keys() == response.keys()
            and all(
                (is_new and name in VARY) or contains(response[name], value, is_new=is_new)
                for name, value in example.items()
            )
        )
    if isinstance(example, list):
        return all(
            any(contains(each, item, is_new=is_new) for each in response) for item in example
        )
    return type(response) is type(example) and bool(response == example)


def test_every_body_has_an_example_that_validates(document: Any) -> None:
    for operation in find_operations(document):
        for content in each_body(operation):
            examples = examples_of(content)
            assert examples, operation.name
            for example in examples:
                check_valid(document, content["schema"], example)


def test_every_property_and_parameter_is_described_and_has_valid_examples(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name
        for key, each in schema.get("properties", {}).items():
            assert each["description"].endswith((".", "?")), f"{name}.{key}"
            for example in each.get("examples", []):
                check_valid(document, each, example)
    for operation in find_operations(document):
        for parameter in operation.described["parameters"]:
            if "$ref" not in parameter:
                assert parameter["description"], operation.name
                check_valid(document, parameter["schema"], parameter["example"])


@pytest.fixture
def prepared(app: Flask, document: Any) -> Flask:
    """Return the app once the first example of the PUT was sent, which most examples show."""
    operation = operation_of(document, "updateConversation")
    assert operation.ask(app, operation.bodies[0]).status_code == 200
    return app


def test_every_operation_is_tried(document: Any) -> None:
    assert sorted(NAMES) == sorted(each.name for each in find_operations(document))


def test_the_first_example_of_the_put_creates_a_follow_up(prepared: Flask, stored: Stored) -> None:
    row = stored.collaborator(UID)
    assert row and row["follow_up_state"] == "active"
    assert row["follow_up_date"] and row["follow_up_message"]


@each_name
def test_the_server_gives_the_examples(prepared: Flask, document: Any, name: str) -> None:
    operation = operation_of(document, name)
    owner = Caller(prepared, "demo-owner")
    for method, path, body in BEFORE.get(name, []):
        assert owner.ask(method, path, body).status_code == 200
    prepared.extensions["journal_writer"].write()
    [status] = (each for each in operation.described["responses"] if each < "300")
    ok = operation.described["responses"][status]
    examples = examples_of(ok["content"][BODY]) if "content" in ok else []
    body = operation.bodies[0]
    if name in ("getState", "replaceState", "listFaults", "replaceFaults"):
        [example] = examples  # what was sent is shown
        body = sent = example if name.endswith("State") else example["faults"]
        path = operation.path
        assert owner.ask("PUT", path, sent).status_code == 200
    token = "demo-owner@w" if name == "deleteSandbox" else "demo-owner"
    response = operation.ask(prepared, None if operation.method == "get" else body, token)
    assert response.status_code == int(status), response.text
    if name == "getHealth":
        [example] = examples
        example["database"] = database_kind_of(prepared)
    if name == "runClock":
        assert response.json and response.json["frozen"] is False
        assert response.json.keys() == examples[0].keys()
        return
    if name == "getConversation" or name == "updateConversation":
        deep = operation.ask(prepared, body, query={"full_client": "true"})
        assert contains(deep.json, examples.pop())
    if not examples:
        assert response.data == b""
    for example in examples:
        assert contains(response.json, example, is_new=name in NEW), response.text


def test_the_server_takes_every_example_of_a_body(app: Flask, document: Any) -> None:
    for operation in find_operations(document):
        for body in operation.bodies:
            response = operation.ask(app, body, f"demo-owner@{operation.name}")
            assert response.status_code < 300, f"{operation.name} {body}: {response.text}"


@each_name
def test_the_server_gives_the_examples_of_errors(app: Flask, document: Any, name: str) -> None:
    operation = operation_of(document, name)
    body = operation.bodies[0]
    as_json = {"headers": {"Content-Type": "application/json"}}
    elsewhere = {"id": "unknown", "client_id": "unknown"}
    requests: dict[str, dict[str, Any]] = {
        "400": {"body": None, "data": b""} | as_json,
        "401": {"token": "nobody"},
        "403": {"token": "demo-assigned"},
        "404": {"path": elsewhere},
        "409": {},
        "413": {"body": None, "data": b" " * (16 * 2**20 + 1)} | as_json,
        "415": {"body": None, "data": b"{}"},
        "422": {"body": body} | WRONG.get(name, STRICT),
    }
    if name == "createMessage":
        message = body["message"]
        requests["403"]["body"] = {"message": message | {"conversation_uid": UID}}
        requests["404"]["body"] = {"message": message | {"client_id": "unknown"}}
    for status in operation.described["responses"].keys() & requests.keys():
        content = operation.described["responses"][status]["content"][BODY]
        response = operation.ask(app, **({"body": body} | requests[status]))
        assert response.status_code == int(status), response.text
        assert [response.json] == examples_of(content)
