"""The OpenAPI document, made of the schemas that load and dump, and the page that shows it."""

import re
from functools import cache
from inspect import getdoc
from typing import Any, NamedTuple

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from flask_swagger_ui import get_swaggerui_blueprint
from marshmallow import Schema, fields

from field_types.request_fields import RequestSchema
from schemas import (
    ClientPageSchema,
    ConversationQuerySchema,
    ConversationSchema,
    ConversationUpdateSchema,
    DeepConversationSchema,
    ErrorResponseSchema,
    FolderPageSchema,
    MessageCreationSchema,
    MessagePageSchema,
    MessageSchema,
    PlatformConversationSchema,
)
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

Examples = dict[str, tuple[str, dict[str, Any]]]  # by name: what it shows, and the body

INTRODUCTION = """\
Authorize with one of the demo tokens: `demo-owner`, `demo-colleague`, `demo-assigned` or
`demo-neighbour`."""

# One for each row of the follow-up table.
FOLLOW_UP_EXAMPLES: Examples = {
    "nothing": ("Without follow_up nothing happens to it", {"follow_up_message": "ignored"}),
    "create": (
        "Create, where there is no active one",
        {
            "follow_up": True,
            "follow_up_date": "Mon May 06 2030 13:31:21 GMT+0300 (Israel Daylight Time)",
            "follow_up_message": "call back about pricing",
        },
    ),
    "update": (
        "Update the active one: what is not sent stays",
        {"follow_up": True, "follow_up_date": "2030-05-07T10:00:00Z"},
    ),
    "dismiss": ("Remove it, and archive the conversation", {"follow_up": True, "archived": True}),
    "complete": (
        "Remove the active one as completed",
        {"follow_up": False, "complete_follow_up": True},
    ),
    "remove nothing": ("Where there is no active one, nothing happens", {"follow_up": False}),
}
MESSAGE_EXAMPLES: Examples = {
    "from the client": (
        "A message from the client",
        {
            "message": {
                "client_id": "affc25e71f6bd5cc",
                "text": "Is there a place on Thursday?",
                "direction": "client_to_business",
            }
        },
    ),
}
ERRORS = {
    400: "The body is not a JSON object.",
    401: "The token is missing, unknown or expired, or it names no staff member.",
    403: "The staff member may not see or change this conversation.",
    404: "The business has nothing of this uid.",
    413: "The body is larger than 1 MiB.",
    415: "The header Content-Type does not say that the body is JSON.",
    422: "A value is wrong; each wrong field has an entry.",
    503: "The database can't be used, or did not respond in time; nothing was stored.",
}
OF_A_BODY = (400, 413, 415, 422)
JSON_TYPES = {str: "string", bool: "boolean", dict: "object", list: "array", type(None): "null"}


class Operation(NamedTuple):
    """What the document says of a route beyond its path, its method and its view's docstring."""

    ok: Any  # the schema of the response
    errors: tuple[int, ...]
    query: type[Schema] | None = None
    body: type[Schema] | None = None
    examples: Examples = {}
    status: int = 200
    others: dict[int, Any] = {}  # responses of their own
    needs_token: bool = True


def _response(text: str, schema: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


CONVERSATION = {"oneOf": [ConversationSchema, DeepConversationSchema]}
PLATFORM_PAGE = _object(
    status={"const": "OK"}, data=_object(conversations=_array(PlatformConversationSchema))
)
NEW_MESSAGE = _object(
    status={"const": "OK"},
    data=_object(
        id={"type": "integer"}, uid={"type": "string"}, conversation_uid={"type": "string"}
    ),
)
NO_CONVERSATION = _response("There is no such conversation.", _object(error={"type": "string"}))
OPERATIONS = {
    "v2.list_conversations": Operation(
        _object(data=_array(ConversationSchema)), (401, 422), FolderPageSchema
    ),
    "v2.show_conversation": Operation(CONVERSATION, (401, 403, 404, 422), ConversationQuerySchema),
    "v2.update_conversation": Operation(
        CONVERSATION,
        (401, 403, 404, *OF_A_BODY),
        ConversationQuerySchema,
        ConversationUpdateSchema,
        FOLLOW_UP_EXAMPLES,
    ),
    "v2.list_messages": Operation(
        _array(MessageSchema), (401, 403, 422), MessagePageSchema, others={404: NO_CONVERSATION}
    ),
    "platform_v1.list_conversations": Operation(PLATFORM_PAGE, (401, 422), FolderPageSchema),
    "platform_v1.list_conversations_of_client": Operation(
        PLATFORM_PAGE, (401, 404, 422), ClientPageSchema
    ),
    "platform_v1.create_message": Operation(
        NEW_MESSAGE,
        (401, 403, 404, *OF_A_BODY),
        body=MessageCreationSchema,
        examples=MESSAGE_EXAMPLES,
        status=201,
    ),
    "health.show_health": Operation(
        _object(
            status={"const": "ok"},
            version={"type": "string"},
            database={"type": "string", "enum": ["sqlite", "postgresql"]},
        ),
        (422,),
        needs_token=False,
    ),
}


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
        if issubclass(kind, RequestSchema):
            requests.add(name)
        return name

    marshmallow = MarshmallowPlugin(schema_name_resolver=name_schema)
    spec = APISpec(
        title=TITLE,
        version=version,
        openapi_version="3.1.0",
        info={"description": INTRODUCTION},
        servers=[{"url": "/"}],
        security=[{"bearer": []}],
        plugins=[marshmallow],
    )
    if marshmallow.converter:
        marshmallow.converter.add_attribute_function(_describe_field)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.schema("ErrorResponse", schema=ErrorResponseSchema)
    for rule in current_app.url_map.iter_rules():
        if rule.endpoint in OPERATIONS:
            path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).replace("{uid}", "{id}")
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            operation = _describe_operation(rule.endpoint, re.findall(r"{(\w+)}", path))
            spec.path(path=path, operations={method.lower(): operation})
    document = spec.to_dict()
    for name, schema in document["components"]["schemas"].items():
        if name not in requests:  # a response has all its fields, but for an error's `field`
            schema["required"] = [key for key in schema["properties"] if key != "field"]
    return document


def _describe_operation(endpoint: str, names: list[str]) -> dict[str, Any]:
    """Return what the document says of a route, whose path has parameters of these names."""
    operation = OPERATIONS[endpoint]
    summary = (getdoc(current_app.view_functions[endpoint]) or "").partition("\n")[0]
    parameters: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in names
    ]
    if operation.query:
        parameters.append({"in": "query", "schema": operation.query})
    described: dict[str, Any] = {"summary": summary.rstrip("."), "parameters": parameters}
    if not operation.needs_token:
        described["security"] = []
    if operation.body:
        examples = {
            name: {"summary": text, "value": value}
            for name, (text, value) in operation.examples.items()
        }
        content = {"application/json": {"schema": operation.body, "examples": examples}}
        described["requestBody"] = {"required": True, "content": content}
    statuses = (*operation.errors, 503)
    errors = {status: _response(ERRORS[status], "ErrorResponse") for status in statuses}
    responses = {operation.status: _response("Done.", operation.ok)} | errors | operation.others
    described["responses"] = {str(status): each for status, each in responses.items()}
    return described


def _describe_field(_converter: Any, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    """Describe the fields of our own by their `openapi`, and a constant by its value."""
    described: dict[str, Any] = getattr(field, "openapi", {})
    if isinstance(field, fields.Constant):
        described = {"type": JSON_TYPES[type(field.constant)]}
        if isinstance(field.constant, str | bool):
            described["const"] = field.constant
    return described
