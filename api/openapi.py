"""The machine-readable description, made of the schemas that load and dump, and a page for it."""

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_swagger_ui import get_swaggerui_blueprint
from marshmallow import Schema, fields

from schemas import (
    ClientPageSchema,
    ConversationSchema,
    ConversationUpdateSchema,
    DeepConversationSchema,
    FolderPageSchema,
    MessageCreationSchema,
    MessagePageSchema,
    MessageSchema,
    PlatformConversationSchema,
    RefusalSchema,
)

description = Blueprint("description", __name__)
docs = get_swaggerui_blueprint(
    "/docs",
    "/openapi.json",
    config={"app_name": "A stand-in for vcita's conversations", "persistAuthorization": True},
)

Examples = dict[str, tuple[str, dict[str, Any]]]  # by name: what it shows, and the body

INTRODUCTION = """\
A stand-in for vcita's conversations endpoint. Authorize with one of the demo tokens: `demo-owner`,
`demo-colleague`, `demo-assigned` or `demo-neighbour`."""

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
FULL_CLIENT = {
    "in": "query",
    "name": "full_client",
    "description": "`true` or `1` shows the whole client and the conversation's source.",
    "schema": {"type": "string"},
}
REFUSALS = {
    400: "The body is no JSON object.",
    401: "The token is missing, unknown or expired, or it names no staff.",
    403: "The staff may not touch this conversation.",
    404: "The business has nothing of this uid.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not said to be JSON.",
    422: "A value is wrong; each wrong field has an entry.",
    503: "The database could not take the write in time; nothing was stored.",
}
OF_A_BODY = (400, 413, 415, 422, 503)
INCOMING = ("ConversationUpdate", "MessageCreation", "NewMessage")
JSON_TYPES = {str: "string", bool: "boolean", dict: "object", list: "array", type(None): "null"}


@description.get("/openapi.json")
def get_openapi() -> ResponseReturnValue:
    """Show the description of all routes."""
    return describe()


@cache
def describe() -> dict[str, Any]:
    """Return the OpenAPI document."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(
        title="A stand-in for vcita's conversations",
        version="1",
        openapi_version="3.1.0",
        info={"description": INTRODUCTION},
        servers=[{"url": "/"}],
        security=[{"bearer": []}],
        plugins=[marshmallow],
    )
    if marshmallow.converter:
        marshmallow.converter.add_attribute_function(_describe_field)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.components.schema("Refusal", schema=RefusalSchema)
    for path, operations in _paths().items():
        spec.path(path=path, operations=operations)
    document = spec.to_dict()
    for name, schema in document["components"]["schemas"].items():
        if name not in INCOMING:  # an answer has all its keys, but for an error's field
            schema["required"] = [key for key in schema["properties"] if key != "field"]
    return document


def _paths() -> dict[str, dict[str, Any]]:
    conversation = {"oneOf": [ConversationSchema, DeepConversationSchema]}
    platform_list = _object(
        status={"const": "OK"},
        data=_object(conversations=_array(PlatformConversationSchema)),
    )
    no_conversation = _answer("There is no such conversation.", _object(error={"type": "string"}))
    return {
        "/v2/conversations": {
            "get": _operation(
                "List a folder of the calling staff, latest action first",
                parameters=[_query(FolderPageSchema)],
                ok=_object(data=_array(ConversationSchema)),
                refusals=(401, 422),
            )
        },
        "/v2/conversations/{id}": {
            "get": _operation(
                "Show a conversation as the calling staff has it",
                parameters=[_path("id"), FULL_CLIENT],
                ok=conversation,
                refusals=(401, 403, 404),
            ),
            "put": _operation(
                "Change a conversation and the calling staff's follow-up",
                parameters=[_path("id"), FULL_CLIENT],
                body=ConversationUpdateSchema,
                examples=FOLLOW_UP_EXAMPLES,
                ok=conversation,
                refusals=(401, 403, 404, *OF_A_BODY),
            ),
        },
        "/v2/conversations/{id}/messages": {
            "get": _operation(
                "List a conversation's messages, oldest first",
                parameters=[_path("id"), _query(MessagePageSchema)],
                ok=_array(MessageSchema),
                refusals=(401, 403, 422),
                others={"404": no_conversation},
            )
        },
        "/platform/v1/conversations": {
            "get": _operation(
                "List a folder of the calling staff in the platform's shape",
                parameters=[_query(FolderPageSchema)],
                ok=platform_list,
                refusals=(401, 422),
            )
        },
        "/platform/v1/clients/{client_id}/conversations": {
            "get": _operation(
                "List a client's conversations in the platform's shape",
                parameters=[_path("client_id"), _query(ClientPageSchema)],
                ok=platform_list,
                refusals=(401, 404, 422),
            )
        },
        "/platform/v1/messages": {
            "post": _operation(
                "Add a message to a client's conversation, or to a new one",
                body=MessageCreationSchema,
                examples=MESSAGE_EXAMPLES,
                ok=_object(
                    status={"const": "OK"},
                    data=_object(
                        id={"type": "integer"},
                        uid={"type": "string"},
                        conversation_uid={"type": "string"},
                    ),
                ),
                status="201",
                refusals=(401, 403, 404, *OF_A_BODY),
            )
        },
        "/openapi.json": {
            "get": {
                "summary": "Show this description",
                "security": [],
                "responses": {"200": _answer("The description.", {"type": "object"})},
            }
        },
    }


def _operation(
    summary: str,
    *,
    ok: Any,
    refusals: tuple[int, ...],
    status: str = "200",
    parameters: list[dict[str, Any]] | None = None,
    body: type[Schema] | None = None,
    examples: Examples | None = None,
    others: dict[str, Any] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "parameters": parameters or []}
    if body:
        shown = {
            name: {"summary": text, "value": value}
            for name, (text, value) in (examples or {}).items()
        }
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body, "examples": shown}},
        }
    operation["responses"] = (
        {status: _answer("Done.", ok)}
        | {str(code): _answer(REFUSALS[code], "Refusal") for code in refusals}
        | (others or {})
    )
    return operation


def _answer(text: str, schema: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _path(name: str) -> dict[str, Any]:
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}


def _query(schema: type[Schema]) -> dict[str, Any]:
    return {"in": "query", "schema": schema}


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Schema")


def _describe_field(_converter: Any, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    """Describe the fields of our own by their `openapi`, and a constant by what it is."""
    described: dict[str, Any] = getattr(field, "openapi", {})
    if isinstance(field, fields.Constant):
        described = {"type": JSON_TYPES[type(field.constant)]}
        if isinstance(field.constant, str | bool):
            described["const"] = field.constant
    return described
