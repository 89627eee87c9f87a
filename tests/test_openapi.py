"""The OpenAPI document: valid, complete, and true; its page; a client that is made of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from flask import Flask
from openapi_spec_validator import validate

import followups
from api.v2 import FOLLOW_UP_EXAMPLES
from conversations.folders import FOLDERS
from demo.seeding import TOKENS
from support.apps import open_app
from support.callers import Caller
from support.constants import ROOT, UID
from support.npm import install_packages, run
from support.servers import Server
from support.stored import Stored
from web.errors import CODES

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
        if rule.endpoint.startswith(("docs.", "openapi.", "inbox_page.")):
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
    assert update["archived"]["type"] == "boolean"  # what a client should send
    assert schemas["NewMessage"]["properties"]["direction"]["enum"] == [
        "client_to_business",
        "business_to_client",
    ]
    assert schemas["NewMessage"]["required"] == ["client_id", "direction", "text"]
    shown = schemas["Conversation"]["properties"]["follow_up_date"]
    assert (shown["type"], shown["format"]) == (["string", "null"], "date-time")
    assert schemas["ErrorDetail"]["properties"]["code"]["enum"] == [*CODES.values(), "http_error"]
    assert schemas["ErrorDetail"]["required"] == ["code", "message"]


def test_parameters_say_what_a_client_should_send(document: Any) -> None:
    def find(operation: Any) -> dict[str, Any]:
        return {each.get("name"): each.get("schema") for each in operation["parameters"]}

    paths = document["paths"]
    folder = find(paths["/v2/conversations"]["get"])
    assert folder["folder"]["enum"] == list(FOLDERS)
    assert folder["per_page"]["maximum"] == 100
    messages = find(paths["/v2/conversations/{id}/messages"]["get"])
    assert messages["per_page"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert messages["last_update"]["type"] == "boolean"
    assert find(paths["/v2/conversations/{id}"]["get"])["full_client"]["type"] == "boolean"
    of_client = find(paths["/platform/v1/clients/{client_id}/conversations"]["get"])
    assert of_client["per_page"]["maximum"] == 50


def test_every_body_is_a_component_or_an_array_of_one(document: Any) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            for each in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for content in each.get("content", {}).values():
                    schema = content["schema"]
                    assert "$ref" in schema.get("items", schema), operation["operationId"]


def test_no_property_is_only_null_and_no_constant_has_no_type(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        for key, each in schema.get("properties", {}).items():
            assert each.get("type") not in ("null", ["null"]), f"{name}.{key}"
            assert each.get("enum") != [None], f"{name}.{key}"
            assert "type" in each or "const" not in each, f"{name}.{key}"
    message = document["components"]["schemas"]["Message"]["properties"]
    for key, kind in (("appointment_title", "string"), ("attachments", "array")):
        assert message[key]["type"] == [kind, "null"]
    assert message["messageable"]["type"] == ["object", "null"]


def test_the_depth_of_a_conversation_tells_its_schema(document: Any) -> None:
    schemas = document["components"]["schemas"]
    mapping = schemas["ConversationResponse"]["discriminator"]["mapping"]
    assert schemas["ConversationResponse"]["discriminator"]["propertyName"] == "depth"
    for value, reference in mapping.items():
        assert {"$ref": reference} in schemas["ConversationResponse"]["oneOf"]
        named = schemas[reference.rpartition("/")[2]]
        assert named["properties"]["depth"]["const"] == value


def test_without_the_controls_only_the_health_is_described(app: Flask, stored: Stored) -> None:
    assert app.test_client().get("/openapi.json").status_code == 200
    with open_app(stored.path, ADMIN_API=False) as without:
        document: Any = without.test_client().get("/openapi.json").json
    controls = {path for path in document["paths"] if path.startswith("/__admin")}
    assert controls == {"/__admin/health"}
    validate(document)


def test_the_tokens_are_explained(document: Any) -> None:
    for token, meaning in TOKENS.items():
        assert f"| `{token}` | {meaning} |" in document["info"]["description"]


def test_everything_works_under_a_prefix(app: Flask) -> None:
    client = app.test_client()
    under = {"SCRIPT_NAME": "/vcita"}
    document = client.get("/openapi.json", environ_overrides=under).json
    assert document and document["servers"] == [{"url": "/vcita"}]
    assert client.get("/docs", environ_overrides=under).location == "http://localhost/vcita/docs/"
    assert (client.get("/openapi.json").json or {})["servers"] == [{"url": "/"}]  # not remembered


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
    assert states == ["active", "active", "removed", "completed", "completed", "completed"]
    shown = document["paths"]["/v2/conversations/{id}"]["put"]["requestBody"]
    assert shown["content"]["application/json"]["examples"].keys() == FOLLOW_UP_EXAMPLES.keys()


def test_the_page_needs_nothing_from_elsewhere(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/docs/")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert any(asset.endswith(".js") for asset in assets)
    for asset in assets:
        assert not asset.startswith(("http", "/")), asset  # it may be under a prefix
        assert client.get(urljoin("/docs/", asset), buffered=True).status_code == 200
    guides = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert {asset for asset in assets if asset.endswith(".md")} == guides


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
    assert response.headers["Access-Control-Max-Age"] == "86400"
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
        for origin in ("https://b.example", "https://c.example", "https://aXexample"):
            is_listed = origin in origins
            response = client.get("/openapi.json", headers={"Origin": origin})
            allowed = response.headers.get("Access-Control-Allow-Origin")
            assert allowed == (origin if is_listed else None)
            assert "Origin" in response.vary  # so that no cache gives one origin another's response
            shown = response.headers.get("Access-Control-Allow-Credentials")
            assert shown == ("true" if is_listed else None)


@pytest.mark.parametrize("asked", ["true", "false", None])
@pytest.mark.parametrize("origins", ["*", "http://[::1]:3000"])
def test_a_preflight_of_a_listed_origin_may_reach_a_private_network(
    stored: Stored, origins: str, asked: str | None
) -> None:
    headers = PREFLIGHT | {"Origin": "http://[::1]:3000"}
    if asked:
        headers["Access-Control-Request-Private-Network"] = asked
    with open_app(stored.path, CORS_ORIGINS=origins) as app:
        response = app.test_client().options("/v2/conversations", headers=headers)
    assert response.headers["Access-Control-Allow-Origin"] == origins
    is_allowed = asked == "true" and origins != "*"
    allowed = response.headers.get("Access-Control-Allow-Private-Network")
    assert allowed == ("true" if is_allowed else None)
    has_credentials = "Access-Control-Allow-Credentials" in response.headers
    assert has_credentials == (origins != "*")


@pytest.mark.long
def test_schemathesis_finds_nothing(server: Server, tmp_path: Path) -> None:
    """More is taken than the document says, so that two checks are left out."""
    result = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json"),
            *("--header", "Authorization: Bearer demo-owner"),
            *("--checks", "all", "--exclude-checks"),
            "positive_data_acceptance,negative_data_rejection",
            "--exclude-path-regex",
            "^/__admin/(?!health)",  # which change the clock and the data
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
    install_packages()
    tool = ROOT / "tests" / "node_modules" / ".bin"
    document = f"{server.url}/openapi.json"
    run(tool / "openapi-typescript", document, "--output", "schema.d.ts", cwd=CLIENT)
    run(tool / "tsc", cwd=CLIENT)
    said = run("node", "dist/client.js", server.url, cwd=CLIENT)
    assert "is followed up on" in said
    assert "follow_up_date: Time has already passed." in said
