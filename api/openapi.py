"""The OpenAPI document, generated from the app's routes, the views' docstrings and the schemas."""

import re
from functools import cache
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import current_app
from marshmallow import Schema, fields
from werkzeug.routing import Rule

from api import openapi_texts as texts
from field_types.request_fields import RequestSchema
from field_types.texts import describe_by_column, doc
from schemas import DeepConversationSchema, PageSchema
from web.auth import authenticate
from web.errors import ErrorResponseSchema
from web.operations import BODY_STATUSES, ERROR_HEADERS, OPERATIONS, Operation

BEFORE_ALL_IS_READ = {401, 429, *BODY_STATUSES}  # ignored fields are not known yet
JSON_TYPES = {str: "string", bool: "boolean", dict: "object", list: "array", type(None): "null"}
JSON = "application/json"
Json = dict[str, Any]


class PathSchema(Schema):
    """The path parameters, by the names that the views use."""

    uid = fields.String(data_key="id", **doc("The conversation's uid.", "89m2pnabgozdvd9f"))
    client_id = fields.String(**doc("The client's uid.", "affc25e71f6bd5cc"))


@cache
def describe(version: str, _admin_api: bool) -> Json:
    """Return the OpenAPI document of an app's routes, which depend on the setting ADMIN_API."""
    marshmallow = MarshmallowPlugin()
    spec = APISpec(
        title=texts.TITLE,
        version=version,
        openapi_version="3.1.0",
        info={"description": texts.INTRODUCTION, "license": {"name": "MIT", "identifier": "MIT"}},
        tags=[{"name": name, "description": text} for name, text in texts.TAGS.items()],
        security=[{"bearer": []}],
        plugins=[marshmallow],
    )
    converter = marshmallow.converter
    assert converter
    converter.add_attribute_function(_describe_field)  # type: ignore[no-untyped-call]
    bearer = {"type": "http", "scheme": "bearer", "description": "One of the tokens above."}
    spec.components.security_scheme("bearer", bearer)
    preferences = {"description": texts.PREFER, "schema": {"type": "string"}}
    spec.components.parameter("Prefer", "header", preferences)
    for name in texts.HEADERS:
        spec.components.header(name, _describe_header(name))
    spec.components.schema("DeepConversation", schema=DeepConversationSchema)
    spec.components.schema("ConversationResponse", texts.CONVERSATION_RESPONSE)
    for rule in current_app.url_map.iter_rules():
        if operation := OPERATIONS.get(current_app.view_functions[rule.endpoint]):
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            described = _describe_operation(converter, rule, operation)
            spec.path(path, operations={method.lower(): described})
    document = spec.to_dict()
    schemas = document["components"]["schemas"]
    for (kind, *_), name in converter.refs.items():
        schema = schemas[name]
        schema["description"] = getdoc(kind)
        if not issubclass(kind, RequestSchema):
            # A response has all its fields, except an error's `field`.
            schema["required"] = [key for key in schema["properties"] if key != "field"]
    for operations in document["paths"].values():
        for described in operations.values():
            _add_examples(described, schemas)
    return document


def _describe_operation(converter: OpenAPIConverter, rule: Rule, operation: Operation) -> Json:
    view = current_app.view_functions[rule.endpoint]
    summary, _, text = (getdoc(view) or "").partition("\n")
    blueprint = rule.endpoint.partition(".")[0]
    needs_token = authenticate in current_app.before_request_funcs.get(blueprint, ())
    is_admin = blueprint not in texts.TAG_OF_BLUEPRINT
    described: Json = {
        "operationId": re.sub("_(.)", lambda match: match[1].upper(), view.__name__),
        "tags": [operation.tag or texts.TAG_OF_BLUEPRINT.get(blueprint, "Controls")],
        "summary": summary.rstrip("."),
        "description": text.strip(),
        "parameters": [
            {"in": "path", "schema": PathSchema(only=rule.arguments)},
            {"in": "query", "schema": operation.query},
            "Prefer",
        ],
    }
    if not needs_token:
        described["security"] = []
    if operation.body:
        content: Json = {"schema": operation.body}
        if operation.array:
            content["schema"] = converter.field2property(operation.body.fields[operation.array])
        if operation.examples:
            content["examples"] = {
                name: {"summary": text, "value": value}
                for name, (text, value) in operation.examples.items()
            }
        described["requestBody"] = {
            "required": operation.is_body_required,
            "content": {JSON: content},
        }
    described["responses"] = _describe_responses(operation, needs_token, is_admin)
    return described


def _describe_responses(operation: Operation, needs_token: bool, is_admin: bool) -> Json:
    ok: Json = {"description": HTTPStatus(operation.status).phrase}
    if operation.response:
        schema = "ConversationResponse" if operation.full_response else operation.response
        ok["content"] = {JSON: {"schema": schema}}
        if operation.response_example is not None:
            ok["content"][JSON]["example"] = operation.response_example
    is_list = isinstance(operation.query, PageSchema)
    responses = {operation.status: ok}
    for status, body in operation.find_errors(needs_token=needs_token).items():
        schema, _ = operation.other_errors.get(status, (ErrorResponseSchema(), None))
        content = {JSON: {"schema": schema, "example": body}}
        responses[status] = {"description": texts.ERRORS[status], "content": content}
    for status, response in responses.items():
        headers = {"Preference-Applied"}
        headers |= set() if status in BEFORE_ALL_IS_READ else {"X-Ignored"}
        headers |= {"Link", "X-Total-Count"} if response is ok and is_list else set()
        headers |= {"X-Fault"} if status >= 400 and not is_admin else set()
        response["headers"] = {name: name for name in texts.HEADERS if name in headers}
        for name, value in ERROR_HEADERS.get(status, {}).items():
            response["headers"][name] = _describe_header(name) | {"example": value}
    return {str(status): responses[status] for status in sorted(responses)}


def _describe_header(name: str) -> Json:
    kind_of_value = "integer" if name in ("X-Total-Count", "Retry-After") else "string"
    return {"description": texts.HEADERS[name], "schema": {"type": kind_of_value}}


def _add_examples(described: Json, schemas: dict[str, Json]) -> None:
    """Add an example to each parameter of an operation, and to each body without one."""
    for parameter in described["parameters"]:
        if "examples" in parameter.get("schema", {}):
            parameter["example"] = parameter["schema"].pop("examples")[0]
    for body in (described.get("requestBody", {}), *described["responses"].values()):
        for content in body.get("content", {}).values():
            if content["schema"].get("$ref", "").endswith("ConversationResponse"):
                content["examples"] = {
                    depth: {"value": _make_example({"$ref": reference}, schemas)}
                    for depth, reference in texts.CONVERSATIONS.items()
                }
            elif not content.keys() & {"example", "examples"}:
                content["example"] = _make_example(content["schema"], schemas)


def _make_example(schema: Json, schemas: dict[str, Json]) -> Any:
    """Return an example of a JSON Schema, built from the examples of its fields."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return _make_example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:  # nullable
        return _make_example(schema["anyOf"][0], schemas)
    if schema["type"] == "array":
        return [_make_example(schema["items"], schemas)]
    return {
        name: _make_example(field, schemas)
        for name, field in schema["properties"].items()
        if not field.get("writeOnly")
    }


def _describe_field(_converter: Any, field: fields.Field[Any], ret: Any) -> dict[str, Any]:
    """Describe a field by its column, a constant by its value, and a free-form object as such."""
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
