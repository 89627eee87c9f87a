"""The OpenAPI document, made of the schemas that load and dump, and the page that shows it."""

import re
from functools import cache
from inspect import getdoc
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from flask_swagger_ui import get_swaggerui_blueprint
from marshmallow import fields

from field_types.request_fields import RequestSchema
from field_types.state_fields import StateSchema
from schemas import ErrorResponseSchema
from web.operations import OPERATIONS, Operation, View, response_of
from web.response_headers import keep_to_itself

TITLE = "A local mock server of vcita's conversations"

description = Blueprint("description", __name__)
docs = get_swaggerui_blueprint(
    "/docs",
    "/openapi.json",
    config={
        "app_name": TITLE,
        "persistAuthorization": True,
        "oauth2RedirectUrl": "/docs/oauth2-redirect.html",  # else it is made of any Host
    },
)
keep_to_itself(docs)

INTRODUCTION = """\
Authorize with one of the demo tokens: `demo-owner`, `demo-colleague`, `demo-assigned` or
`demo-neighbour`. With `@` and a name behind it, as in `demo-owner@worker-3`, a token is for a
sandbox of its own: a private copy of all the demo data, made by the first request."""

ERRORS = {
    400: "The body is not JSON, or not an object where one is needed.",
    401: "The token is missing, unknown or expired, or it names no staff member.",
    403: "The staff member may not see or change this conversation.",
    409: "The sandbox `default` can't be deleted.",
    404: "The business has nothing of this uid.",
    413: "The body is larger than 1 MiB, or that of a state larger than 8 MiB.",
    415: "The header Content-Type does not say that the body is JSON.",
    422: "A value is wrong; each wrong field has an entry.",
    429: "There would be one sandbox too many.",
    503: "The database can't be used, or did not respond in time; nothing was stored.",
}
OF_A_BODY = (400, 413, 415, 422)
TAGS = {
    "Conversations": "One conversation, and lists of them, as the calling staff member has them.",
    "Messages": "What the business and its client wrote to each other.",
    "Platform": "The same as vcita's platform API shows it.",
    "Controls": "What vcita does not have: sandboxes, their clocks and states, errors and delays on"
    " demand, recent requests, and the server's health.",
}
PREFER = {
    "in": "header",
    "name": "Prefer",
    "description": "Preferences with commas between them (RFC 7240): `handling=strict` makes what"
    " has no effect an error; `count=exact` counts the rows of a list; `code=503` and `delay=800`"
    " make a request under `/v2` or `/platform/v1` fail, or come late by so many milliseconds.",
    "schema": {"type": "string"},
}
HEADERS = {
    "X-Ignored": "The names of what had no effect.",
    "Preference-Applied": "The preferences that were heeded.",
}
HEADERS_OF_LIST = {
    "Link": 'The addresses of the pages beside this one (`rel="next"`, `rel="prev"`).',
    "X-Total-Count": "How many rows there are on all pages, with `Prefer: count=exact`.",
}
JSON_TYPES = {str: "string", bool: "boolean", dict: "object", list: "array", type(None): "null"}


@description.get("/openapi.json")
def get_openapi() -> ResponseReturnValue:
    """Show the OpenAPI document."""
    return describe(current_app.config["VERSION"])


@cache
def describe(version: str) -> dict[str, Any]:
    """Return the OpenAPI document of a version."""
    requests: set[str] = set()

    def name_schema(schema: Any) -> str:
        kind = schema if isinstance(schema, type) else type(schema)
        name = str(kind.__name__).removesuffix("Schema")
        if issubclass(kind, RequestSchema | StateSchema):
            requests.add(name)
        return name

    marshmallow = MarshmallowPlugin(schema_name_resolver=name_schema)
    spec = APISpec(
        title=TITLE,
        version=version,
        openapi_version="3.1.0",
        info={"description": INTRODUCTION},
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": "/"}],
        security=[{"bearer": []}],
        plugins=[marshmallow],
    )
    if marshmallow.converter:
        marshmallow.converter.add_attribute_function(_describe_field)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.schema("ErrorResponse", schema=ErrorResponseSchema)
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        if view in OPERATIONS:
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            described = _describe_operation(view, re.findall(r"{(\w+)}", path))
            spec.path(path=path, operations={method.lower(): described})
    document = spec.to_dict()
    for name, schema in document["components"]["schemas"].items():
        if name not in requests:  # a response has all its fields, but for an error's `field`
            schema["required"] = [key for key in schema["properties"] if key != "field"]
    return document


def _describe_operation(view: View, names: list[str]) -> dict[str, Any]:
    """Return what the document says of a view, whose path has parameters of these names."""
    operation = OPERATIONS[view]
    summary, _, description = (getdoc(view) or "").partition("\n")
    parameters: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in names
    ]
    if operation.query:
        parameters.append({"in": "query", "schema": operation.query})
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
        "description": description.strip() or summary,
        "parameters": [*parameters, PREFER],
    }
    if not operation.needs_token:
        described["security"] = []
    if operation.body:
        examples = {
            name: {"summary": text, "value": value}
            for name, (text, value) in operation.examples.items()
        }
        content = {"schema": operation.body} | ({"examples": examples} if examples else {})
        described["requestBody"] = {
            "required": operation.is_body_required,
            "content": {"application/json": content},
        }
    described["responses"] = _describe_responses(operation)
    return described


def _describe_responses(operation: Operation) -> dict[str, Any]:
    """Return what the document says of each response of a route."""
    statuses = {*operation.errors, 422, 503}
    statuses |= {401, 429} if operation.needs_token else set()
    statuses |= {*OF_A_BODY} if operation.body else set()
    errors = {status: response_of(ERRORS[status], "ErrorResponse") for status in sorted(statuses)}
    ok: dict[str, Any] = {"description": "Done."}
    if operation.ok is not None:
        ok = response_of("Done.", operation.ok)
    responses = {operation.status: ok} | errors | operation.others
    headers = HEADERS | (HEADERS_OF_LIST if operation.is_list else {})
    for response in responses.values():
        response["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        }
    return {str(status): each for status, each in responses.items()}


def _describe_field(_converter: Any, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    """Describe the fields of our own by their `openapi`, and a constant by its value."""
    described: dict[str, Any] = dict(getattr(field, "openapi", {}))
    if field.allow_none and isinstance(described.get("type"), str):
        described["type"] = [described["type"], "null"]
    if isinstance(field, fields.Constant):
        described = {"type": JSON_TYPES[type(field.constant)]}
        if isinstance(field.constant, str | bool):
            described["const"] = field.constant
    return described
