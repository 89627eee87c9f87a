"""The OpenAPI document: made of the app's routes, the views' docstrings, and the schemas."""

import re
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from api.examples import add_examples
from api.openapi_texts import ERRORS, HEADERS, INTRODUCTION, PATH_PARAMETERS, PREFER, TAGS, TITLE
from field_types.descriptions import describe_by_column
from field_types.request_fields import RequestSchema
from web.errors import CODES, ErrorResponseSchema
from web.operations import OPERATIONS, ArrayIn, ArrayOf, OneOf, Operation, Route

openapi = Blueprint("openapi", __name__)

READ_TIMEOUT = (None, "The database could not respond in time. Try again.")
AUTH_STATUSES = {401, 429}
BODY_STATUSES = {400, 413, 415}
BEFORE_ALL_IS_READ = AUTH_STATUSES | BODY_STATUSES  # so that nothing is known of what had no effect
JSON_TYPES = {str: "string", bool: "boolean", dict: "object", list: "array", type(None): "null"}


@openapi.get("/openapi.json")
def get_openapi() -> ResponseReturnValue:
    """Show the OpenAPI document."""
    document = describe(current_app.config["VERSION"], current_app.config["ADMIN_API"])
    contact = {"name": "The project's page", "url": find_page_address()}
    return document | {
        "info": document["info"] | {"contact": contact},
        "servers": [{"url": request.script_root or "/"}],
    }


def find_page_address() -> str:
    """Return the address of the page at /, or its usual one where a client's Host is none."""
    with suppress(ValueError):
        return request.root_url
    return "http://127.0.0.1:8000/"


@cache
def describe(version: str, _admin_api: bool) -> dict[str, Any]:
    """Return the OpenAPI document, without what depends on the request.

    The routes are the app's own; which these are depends on the setting ADMIN_API.
    """
    kinds: dict[str, type[Schema]] = {}

    def name_schema(schema: Any) -> str:
        kind = schema if isinstance(schema, type) else type(schema)
        name = str(kind.__name__).removesuffix("Schema")
        kinds[name] = kind
        return name

    marshmallow = MarshmallowPlugin(schema_name_resolver=name_schema)
    spec = APISpec(
        title=TITLE,
        version=version,
        openapi_version="3.1.0",
        info={
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        security=[{"bearer": []}],
        plugins=[marshmallow],
    )
    if marshmallow.converter:
        marshmallow.converter.add_attribute_function(_describe_field)  # type: ignore[no-untyped-call]
    bearer = {"type": "http", "scheme": "bearer", "description": "One of the tokens above."}
    spec.components.security_scheme("bearer", bearer)
    spec.components.parameter("Prefer", "header", PREFER)
    for name, (kind_of_value, text) in HEADERS.items():
        header = {"description": text, "schema": {"type": kind_of_value}}
        spec.components.header(name, header)
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        if view in OPERATIONS:
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            described = _describe_operation(spec, view, method, re.findall(r"{(\w+)}", path))
            spec.path(path=path, operations={method.lower(): described})
    document = spec.to_dict()
    for name, kind in kinds.items():
        schema = document["components"]["schemas"].get(name)
        if schema is None:
            continue  # of a query
        schema["description"] = getdoc(kind)
        if not issubclass(kind, RequestSchema):
            # A response has all its fields, but for an error's `field`.
            schema["required"] = [key for key in schema["properties"] if key != "field"]
    add_examples(document)
    return document


def _describe_operation(
    spec: APISpec, view: Route, method: str, in_path: list[str]
) -> dict[str, Any]:
    """Return what the document says of a view, whose path has parameters of these names."""
    operation = OPERATIONS[view]
    summary, _, text = (getdoc(view) or "").partition("\n")
    parameters: list[Any] = [
        {
            "in": "path",
            "name": name,
            "required": True,
            "description": PATH_PARAMETERS[name][0],
            "schema": {"type": "string", "examples": [PATH_PARAMETERS[name][1]]},
        }
        for name in in_path
    ]
    if operation.query:
        parameters.append({"in": "query", "schema": operation.query})
    described: dict[str, Any] = {
        "operationId": _to_camel_case(view.__name__),
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
        "description": text.strip(),
        "parameters": [*parameters, "Prefer"],
    }
    if not operation.needs_token:
        described["security"] = []
    if operation.body:
        content = {"schema": _describe_body(spec, operation.body)}
        if operation.examples:
            content["examples"] = {
                name: {"summary": text, "value": value}
                for name, (text, value) in operation.examples.items()
            }
        described["requestBody"] = {
            "required": operation.is_body_required,
            "content": {"application/json": content},
        }
    described["responses"] = _describe_responses(spec, operation, method)
    return described


def _to_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _describe_responses(spec: APISpec, operation: Operation, method: str) -> dict[str, Any]:
    """Return what the document says of each response of a route."""
    ok: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.response:
        content = {"schema": _describe_body(spec, operation.response)}
        if operation.response_example is not None:
            content["example"] = operation.response_example
        ok["content"] = {"application/json": content}
    responses = {operation.status: ok}
    statuses = {*operation.errors, 422, 503}
    statuses |= AUTH_STATUSES if operation.needs_token else set()
    statuses |= BODY_STATUSES if operation.body else set()
    wrong = ({503: READ_TIMEOUT} if method == "GET" else {}) | operation.error_examples
    for status in statuses:
        responses[status] = _describe_error(status, wrong.get(status))
    for status, schema in operation.other_responses.items():
        content = {"application/json": {"schema": schema}}
        responses[status] = {"description": getdoc(schema), "content": content}
    for status, response in responses.items():
        headers = {"Preference-Applied"}
        headers |= set() if status in BEFORE_ALL_IS_READ else {"X-Ignored"}
        headers |= {"Link", "X-Total-Count"} if response is ok and operation.is_list else set()
        headers |= {"WWW-Authenticate"} if status == 401 else set()
        headers |= {"Retry-After"} if status in (429, 503) else set()
        response["headers"] = {name: name for name in HEADERS if name in headers}
    return {str(status): responses[status] for status in sorted(responses)}


def _describe_error(status: int, wrong: tuple[str | None, str] | None) -> dict[str, Any]:
    """Return what the document says of an error; its example has the field and message given."""
    text, message, field = ERRORS[status]
    if wrong:
        field, message = wrong
    error = {"code": CODES[status], "message": message}
    if field:
        error = {"code": "invalid", "field": field, "message": message}
    content = {
        "schema": ErrorResponseSchema,
        "example": {"success": False, "errors": [error]},
    }
    return {"description": text, "content": {"application/json": content}}


def _describe_body(spec: APISpec, body: type[Schema] | OneOf | ArrayOf | ArrayIn) -> Any:
    """Return the schema of a body; one that may be of several kinds gets a name."""
    if isinstance(body, ArrayOf):
        return {"type": "array", "items": body.items}
    if isinstance(body, ArrayIn):
        [marshmallow] = spec.plugins
        assert isinstance(marshmallow, MarshmallowPlugin) and marshmallow.converter
        return marshmallow.converter.field2property(body.schema().fields[body.field])
    if not isinstance(body, OneOf):
        return body
    if body.name not in spec.components.schemas:
        [marshmallow] = spec.plugins
        assert isinstance(marshmallow, MarshmallowPlugin) and marshmallow.resolver
        references = {
            value: marshmallow.resolver.resolve_schema_dict(schema)  # type: ignore[no-untyped-call]
            for value, schema in body.schemas.items()
        }
        mapping = {value: reference["$ref"] for value, reference in references.items()}
        spec.components.schema(
            body.name,
            {
                "description": body.description,
                "oneOf": [*references.values()],
                "discriminator": {"propertyName": body.field, "mapping": mapping},
            },
        )
    return body.name


def _describe_field(_converter: Any, field: fields.Field[Any], ret: Any) -> dict[str, Any]:
    """Describe a field by its column, a constant by its value, an object of any names as such."""
    ret.pop("readOnly", None)  # every field of a response is `dump_only`
    described = describe_by_column(field)
    if isinstance(field, fields.Constant):
        ret.pop("default", None)
        described |= {"type": JSON_TYPES[type(field.constant)], "examples": [field.constant]}
        if isinstance(field.constant, str | bool):
            described["const"] = field.constant
    if isinstance(field, fields.Dict) or described.get("type") == "object":
        described["additionalProperties"] = True
    return {name: value for name, value in described.items() if name not in field.metadata}
