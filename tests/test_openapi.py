"""The OpenAPI document: valid, complete, and true; its page; a client that is made of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

import followups
from api.v2 import FOLLOW_UP_EXAMPLES
from support.apps import open_app
from support.callers import Caller
from support.constants import ROOT, UID
from support.servers import Server
from support.stored import Stored

CLIENT = ROOT / "tests" / "client"


@pytest.fixture
def document(app: Flask) -> Any:
    response = app.test_client().get("/openapi.json")
    assert (response.status_code, response.content_type) == (200, "application/json")
    return response.json


def test_is_valid(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_has_each_route(app: Flask, document: Any) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(("swagger_ui.", "description.")):
            continue
        path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
        methods = {method.lower() for method in rule.methods or ()} - {"head", "options"}
        assert methods <= document["paths"][path].keys()


def test_each_operation_has_a_name_a_tag_and_a_text(document: Any) -> None:
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in names)
    known = {tag["name"] for tag in document["tags"]}
    for each in operations:
        assert set(each["tags"]) < known and len(each["tags"]) == 1
        assert each["summary"] and each["description"]
        assert {"X-Ignored", "Preference-Applied"} <= each["responses"]["422"]["headers"].keys()


def test_the_put_describes_the_follow_up_table(document: Any) -> None:
    described = document["paths"]["/v2/conversations/{id}"]["put"]["description"]
    for row in (followups.__doc__ or "").splitlines():
        if row.startswith("| `"):
            assert re.sub(" +", " ", row) in described, row


def test_lists_describe_their_headers(app: Flask, document: Any) -> None:
    lists = [
        operation
        for path in document["paths"].values()
        for operation in path.values()
        if "Link" in operation["responses"].get("200", {}).get("headers", {})
    ]
    assert {each["operationId"] for each in lists} == {
        *("listConversations", "listMessages"),
        *("listPlatformConversations", "listClientConversations"),
    }
    for each in lists:
        assert "X-Total-Count" in each["responses"]["200"]["headers"]


def test_a_state_may_leave_out_what_has_a_default(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["ConversationState"]["required"] == ["client", "uid"]
    assert "required" not in schemas["SandboxState"]


def test_has_the_limits_and_types_of_the_schemas(document: Any) -> None:
    schemas = document["components"]["schemas"]
    update = schemas["ConversationUpdate"]["properties"]
    assert "required" not in schemas["ConversationUpdate"]
    assert update["campaign"]["type"] == ["string", "null"]
    assert update["campaign"]["maxLength"] == update["source_type"]["maxLength"] == 255
    assert update["follow_up_message"]["maxLength"] == 10_000
    assert {"type": "boolean"} in update["archived"]["anyOf"]
    assert schemas["NewMessage"]["properties"]["direction"]["enum"] == [
        "client_to_business",
        "business_to_client",
    ]
    assert schemas["NewMessage"]["required"] == ["client_id", "direction", "text"]
    assert schemas["Conversation"]["properties"]["follow_up_date"] == {
        "type": ["string", "null"],
        "format": "date-time",
    }


def test_each_operation_lists_its_errors(document: Any) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            errors = {status for status in operation["responses"] if status >= "400"}
            assert {"422", "503"} <= errors
            assert ("401" in errors) is (operation.get("security") is None)
            if "requestBody" in operation:
                assert {"400", "413", "415"} <= errors
            for status in errors:
                [content] = operation["responses"][status]["content"].values()
                is_messages_404 = path.endswith("/messages") and status == "404"
                assert is_messages_404 or content["schema"]["$ref"].endswith("/ErrorResponse")


def test_the_examples_are_the_rows_of_the_table(
    document: Any, owner: Caller, stored: Stored
) -> None:
    states = []
    for _, fields in FOLLOW_UP_EXAMPLES.values():
        assert owner.put(UID, fields).status_code == 200
        row = stored.collaborator(UID)
        states.append(row and row["follow_up_state"])
        if states[-1] == "removed":
            owner.put(UID, follow_up=True)
    assert states == [None, "active", "active", "removed", "completed", "completed"]
    shown = document["paths"]["/v2/conversations/{id}"]["put"]["requestBody"]
    assert shown["content"]["application/json"]["examples"].keys() == FOLLOW_UP_EXAMPLES.keys()


def test_the_page_needs_nothing_from_elsewhere(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/docs/")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert any(asset.endswith(".js") for asset in assets)
    for asset in assets:
        assert not asset.startswith(("http", "//")), asset
        assert client.get(asset, buffered=True).status_code == 200
    assert "/openapi.json" in page.text


METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
EXPOSED = {"Link", "X-Total-Count", "X-Ignored", "Preference-Applied", "Retry-After"}
PREFLIGHT = {
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization,content-type,prefer,x-anything",
}


@pytest.mark.parametrize("path", [f"/v2/conversations/{UID}", "/platform/v1/messages", "/docs/"])
def test_a_preflight_gets_a_response_to_remember(app: Flask, path: str) -> None:
    headers = PREFLIGHT | {"Origin": "https://app.example"}
    response = app.test_client().options(path, headers=headers)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert set(response.headers["Access-Control-Allow-Methods"].split(", ")) == METHODS
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert allowed == "authorization, content-type, prefer, x-anything"
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/openapi.json", 200),
        ("GET", f"/v2/conversations/{UID}", 401),
        ("PUT", f"/v2/conversations/{UID}", 401),
        ("DELETE", f"/v2/conversations/{UID}", 405),
        ("GET", "/nothing", 404),
    ],
)
def test_every_response_may_be_read_from_elsewhere(
    app: Flask, method: str, path: str, status: int
) -> None:
    response = app.test_client().open(
        path, method=method, headers={"Origin": "https://app.example"}
    )
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert set(response.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED


@pytest.mark.parametrize(
    "origins", ["https://a.example, https://b.example", ["https://a.example", "https://b.example"]]
)
def test_origins_may_be_listed(stored: Stored, origins: Any) -> None:
    with open_app(stored.path, CORS_ORIGINS=origins) as app:
        client = app.test_client()
        for origin in ("https://b.example", "https://c.example"):
            response = client.get("/openapi.json", headers={"Origin": origin})
            allowed = response.headers.get("Access-Control-Allow-Origin")
            assert allowed == (origin if origin in origins else None)
            assert "Origin" in response.vary  # so that no cache gives one origin another's response


@pytest.mark.long
def test_schemathesis_finds_nothing(server: Server, tmp_path: Path) -> None:
    """A date in the past is well-formed and still an error, so one check is left out."""
    result = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json"),
            *("--header", "Authorization: Bearer demo-owner"),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *(
                "--exclude-path-regex",
                "^/__admin/(?!health)",
            ),  # which change the clock and the data
            *("--seed", "1", "--max-examples", "15", "--phases", "examples,coverage,fuzzing"),
        ],
        cwd=tmp_path,  # where it leaves its notes
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="The typed client needs node and npm.")
def test_a_typed_client_works(server: Server) -> None:
    def run(*command: str) -> str:
        result = subprocess.run(
            command, cwd=CLIENT, capture_output=True, text=True, timeout=300, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    if not (CLIENT / "node_modules").exists():
        run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund")
    run("npm", "run", "types", "--", f"{server.url}/openapi.json", "--output", "schema.d.ts")
    run("npm", "run", "build")
    assert "is followed up on" in run("node", "dist/client.js", server.url)
