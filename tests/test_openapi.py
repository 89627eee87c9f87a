"""The OpenAPI document: valid, complete, and true; its page; a client that is made of it."""

import re
import subprocess
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
from support.commands import BIN, check_run, install_packages, needs
from support.constants import ONE, ROOT
from support.differences import check_same
from support.openapi import Operation, find_operations
from support.servers import Server
from support.stored import Stored
from web.errors import CODES

CLIENT = ROOT / "tests" / "client"
LISTS = {"listConversations", "listMessages", "listPlatformConversations"}


@pytest.fixture
def operations(document: Any) -> list[Operation]:
    return [*find_operations(document)]


def test_document_is_valid_and_has_each_route(
    app: Flask, document: Any, operations: list[Operation]
) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)
    routes = {(each.method.upper(), each.path) for each in operations}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith(("docs.", "openapi.", "inbox_page.")):
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            assert {(method, path) for method in methods} <= routes


def test_each_operation_has_a_name_a_tag_a_text_and_its_errors(
    document: Any, operations: list[Operation]
) -> None:
    assert len({each.name for each in operations}) == len(operations)
    known = {tag["name"] for tag in document["tags"]}
    for each in operations:
        assert re.fullmatch("[a-z]+([A-Z][a-z]+)*", each.name)
        described, responses = each.described, each.described["responses"]
        assert set(described["tags"]) < known and len(described["tags"]) == 1
        assert described["summary"] and described["description"]
        assert {"X-Ignored", "Preference-Applied"} <= responses["422"]["headers"].keys()
        errors = {status for status in responses if status >= "400"}
        assert {"422", "503"} <= errors
        assert ("401" in errors) is (described.get("security") is None)
        assert "requestBody" not in described or {"400", "413", "415"} <= errors
        for status in errors:
            [content] = responses[status]["content"].values()
            has_own_form = each.path.endswith("/messages") and status == "404"
            assert has_own_form or content["schema"]["$ref"].endswith("/ErrorResponse")
        for part in [described.get("requestBody", {}), *responses.values()]:
            for content in part.get("content", {}).values():
                schema = content["schema"]
                assert "$ref" in schema.get("items", schema), each.name
    with_links = {
        each.name: each.described["responses"]["200"]["headers"]
        for each in operations
        if "Link" in each.described["responses"].get("200", {}).get("headers", {})
    }
    assert with_links.keys() == LISTS | {"listClientConversations"}
    assert all("X-Total-Count" in headers for headers in with_links.values())


def test_put_describes_the_follow_up_table_with_examples(document: Any) -> None:
    put = document["paths"]["/v2/conversations/{id}"]["put"]
    for row in (followups.__doc__ or "").splitlines():
        if row.startswith("| `"):
            assert re.sub(" +", " ", row) in put["description"], row
    shown = put["requestBody"]["content"]["application/json"]["examples"]
    assert shown.keys() == FOLLOW_UP_EXAMPLES.keys()


def test_document_has_the_types_of_the_schemas(document: Any) -> None:
    """The test of `docs/api.md` compares those of requests, and their limits."""
    schemas = document["components"]["schemas"]
    for name, required in (
        ("SandboxState", None),
        ("ConversationState", ["client", "uid"]),
        ("ErrorDetail", ["code", "message"]),
    ):
        assert schemas[name].get("required") == required, name
    for name, field, expected in (
        ("Conversation", "follow_up_date", {"type": ["string", "null"], "format": "date-time"}),
        ("ErrorDetail", "code", {"enum": [*CODES.values(), "http_error"]}),
        ("Message", "appointment_title", {"type": ["string", "null"]}),
        ("Message", "attachments", {"type": ["array", "null"]}),
        ("Message", "messageable", {"type": ["object", "null"]}),
    ):
        shown = schemas[name]["properties"][field]
        check_same({key: shown.get(key) for key in expected}, expected, f"{name}.{field}")
    for name, schema in schemas.items():
        for key, each in schema.get("properties", {}).items():
            assert each.get("type") not in ("null", ["null"]), f"{name}.{key}"
            assert each.get("enum") != [None], f"{name}.{key}"
            assert "type" in each or "const" not in each, f"{name}.{key}"


def test_parameters_declare_the_types_to_send(operations: list[Operation]) -> None:
    boolean = {"type": "boolean"}
    size = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    shown = {
        (each.name, parameter.get("name")): parameter.get("schema")
        for each in operations
        for parameter in each.described["parameters"]
    }
    for operation, name, expected in (
        ("listConversations", "folder", {"enum": list(FOLDERS)}),
        ("listConversations", "per_page", {"maximum": 100}),
        ("listMessages", "per_page", size),
        ("listMessages", "last_update", boolean),
        ("getConversation", "full_client", boolean),
        ("listClientConversations", "per_page", {"maximum": 50}),
    ):
        schema = shown[operation, name]
        check_same({key: schema.get(key) for key in expected}, expected, f"{operation}.{name}")


def test_depth_discriminates_conversations(document: Any) -> None:
    schemas = document["components"]["schemas"]
    response = schemas["ConversationResponse"]
    assert response["discriminator"]["propertyName"] == "depth"
    for value, reference in response["discriminator"]["mapping"].items():
        assert {"$ref": reference} in response["oneOf"]
        named = schemas[reference.rpartition("/")[2]]
        assert named["properties"]["depth"]["const"] == value


def test_document_without_the_admin_api_has_only_health(app: Flask, stored: Stored) -> None:
    assert app.test_client().get("/openapi.json").status_code == 200
    with open_app(stored.path, ADMIN_API=False) as without:
        document: Any = without.test_client().get("/openapi.json").json
    controls = {path for path in document["paths"] if path.startswith("/__admin")}
    assert controls == {"/__admin/health"}
    validate(document)


def test_document_explains_the_tokens(document: Any) -> None:
    for token, meaning in TOKENS.items():
        assert f"| `{token}` | {meaning} |" in document["info"]["description"]


def test_document_works_under_a_prefix(app: Flask) -> None:
    client = app.test_client()
    under = {"SCRIPT_NAME": "/vcita"}
    document = client.get("/openapi.json", environ_overrides=under).json
    assert document and document["servers"] == [{"url": "/vcita"}]
    assert (client.get("/openapi.json").json or {})["servers"] == [{"url": "/"}]  # not remembered


def test_docs_page_loads_nothing_from_elsewhere(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/docs/")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert any(asset.endswith(".js") for asset in assets)
    for asset in ("", *assets):
        assert not asset.startswith(("http", "/")), asset  # it may be under a prefix
        response = client.get(urljoin("/docs/", asset), buffered=True)
        assert response.status_code == 200
        if not asset.startswith("../"):
            policy = response.headers["Content-Security-Policy"]
            assert {"default-src 'none'", "connect-src 'self'"} <= set(policy.split("; "))
            assert "frame-ancestors 'self'" in policy and "http" not in policy
            assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    guides = {path.name for path in (ROOT / "docs").glob("*.md")} | {"README.md"}
    assert {asset for asset in assets if asset.endswith(".md")} == guides


# CORS

METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
EXPOSED = {"Link", "X-Total-Count", "X-Ignored", "Preference-Applied", "Retry-After"}
EXPOSED |= {"WWW-Authenticate", "X-Fault"}
ORIGIN = {"Origin": "https://app.example"}
PREFLIGHT = ORIGIN | {
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization,content-type,prefer,x-anything",
    "Access-Control-Request-Private-Network": "true",
}


@pytest.mark.parametrize("path", [ONE, "/platform/v1/messages", "/docs/"])
def test_preflight_gets_a_cacheable_response(app: Flask, path: str) -> None:
    response = app.test_client().options(path, headers=PREFLIGHT)
    assert response.status_code == 200
    headers = {
        name.removeprefix("Access-Control-"): value
        for name, value in response.headers.items()
        if name.startswith("Access-Control-")
    }
    assert set(headers.pop("Allow-Methods").split(", ")) == METHODS
    assert set(headers.pop("Expose-Headers").split(", ")) == EXPOSED
    allowed = "authorization, content-type, prefer, x-anything"
    assert headers == {"Allow-Origin": "*", "Allow-Headers": allowed, "Max-Age": "86400"}


def test_all_responses_allow_other_origins(app: Flask) -> None:
    asks = {("GET", "/openapi.json"): 200, ("GET", "/nothing"): 404}
    asks |= {("GET", ONE): 401, ("PUT", ONE): 401, ("DELETE", ONE): 405}
    for (method, path), status in asks.items():
        response = app.test_client().open(path, method=method, headers=ORIGIN)
        assert response.status_code == status
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert set(response.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED


@pytest.mark.parametrize("separator", [", ", None])
def test_cors_origins_can_be_restricted(stored: Stored, separator: str | None) -> None:
    known = ["https://a.example", "http://[::1]:3000"]
    private = "Access-Control-Allow-Private-Network"
    with open_app(stored.path, CORS_ORIGINS=separator.join(known) if separator else known) as app:
        client = app.test_client()
        for origin in (*known, "https://c.example", "https://a-example"):
            response = client.get("/openapi.json", headers={"Origin": origin})
            allowed = origin if origin in known else None
            assert response.headers.get("Access-Control-Allow-Origin") == allowed
            assert "Origin" in response.vary  # so that no cache gives one origin another's response
            is_listed = "true" if origin in known else None
            assert response.headers.get("Access-Control-Allow-Credentials") == is_listed
            response = client.options(ONE, headers=PREFLIGHT | {"Origin": origin})
            assert response.headers.get("Access-Control-Allow-Credentials") == is_listed
            assert response.headers.get(private) == is_listed
        response = client.options(ONE, headers=ORIGIN | {"Origin": known[0]})
        assert private not in response.headers


@pytest.mark.long
def test_schemathesis_finds_no_errors(server: Server, tmp_path: Path) -> None:
    """Skips two checks, as the server accepts more than the document says."""
    command = [str(BIN / "schemathesis"), "run", f"{server.url}/openapi.json", "--seed", "1"]
    command += ["--header", "Authorization: Bearer demo-owner", "--checks", "all"]
    command += ["--exclude-checks", "positive_data_acceptance,negative_data_rejection"]
    command += ["--exclude-path-regex", "^/__admin/(?!health)"]  # which change clock and data
    command += ["--max-examples", "15", "--phases", "examples,coverage,fuzzing"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout


@pytest.mark.long
@needs("node", "npm")
def test_generated_client_works(server: Server) -> None:
    install_packages()
    tool = ROOT / "tests" / "node_modules" / ".bin"
    document = f"{server.url}/openapi.json"
    check_run(tool / "openapi-typescript", document, "--output", "schema.d.ts", cwd=CLIENT)
    check_run(tool / "tsc", cwd=CLIENT)
    said = check_run("node", "dist/client.js", server.url, cwd=CLIENT)
    assert "is followed up on" in said
    assert "follow_up_date: Time has already passed." in said
