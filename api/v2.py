"""The vendor's endpoints."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

import followups
from conversations.folders import list_folder, list_of_client
from conversations.messages import add_message, check_named, find_client
from conversations.staff_conversation import Thread, find_thread
from database.statements import writing
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
)
from web.auth import authenticate, check_access, open_thread

api = Blueprint("api", __name__)
api.before_request(authenticate)

conversation_update = ConversationUpdateSchema(partial=True)
conversation = ConversationSchema()
deep_conversation = DeepConversationSchema()
platform_conversation = PlatformConversationSchema()
folder_page = FolderPageSchema()
client_page = ClientPageSchema()
message_creation = MessageCreationSchema()
message_page = MessagePageSchema()
message_representation = MessageSchema()

LAST_UPDATE = timedelta(minutes=1)


@api.put("/v2/conversations/<uid>")
def update_conversation(uid: str) -> ResponseReturnValue:
    """Archive, mark, delete, and create, update, complete or remove the staff's follow-up."""
    body = read_object()
    try:
        changes = followups.read_date(conversation_update.load(body), g.staff.business)
    except ValidationError:
        open_thread(uid, g.staff, "id")  # an unknown or forbidden conversation is refused first
        raise
    with writing(g.staff.business_id) as writer:
        thread = open_thread(uid, g.staff, "id")
        followups.change_follow_up(thread, changes)
        thread.set_permitted_keys(changes)
        thread.store(writer)
    return represent(thread)


@api.get("/v2/conversations")
def list_conversations() -> ResponseReturnValue:
    """List a folder of the calling staff, latest action first."""
    threads = list_folder(g.staff, **folder_page.load(request.args))
    return {"data": [conversation.dump(thread) for thread in threads]}


@api.get("/v2/conversations/<uid>")
def get_conversation(uid: str) -> ResponseReturnValue:
    """Show a conversation as the calling staff has it."""
    return represent(open_thread(uid, g.staff, "id"))


@api.get("/v2/conversations/<uid>/messages")
def list_messages(uid: str) -> ResponseReturnValue:
    """List a conversation's messages, oldest first; with `last_update`, the last minute's."""
    thread = find_thread(uid, g.staff)
    if thread is None:
        return {"error": "Couldn't find Conversation"}, 404
    check_access(thread)
    page = message_page.load(request.args)
    since = thread.now - LAST_UPDATE if page.get("last_update") else None
    rows = thread.list_messages(page["page"], page["per_page"], since)
    return [message_representation.dump(row) for row in rows]


@api.get("/platform/v1/conversations")
def list_platform_conversations() -> ResponseReturnValue:
    """List a folder of the calling staff in the platform's shape."""
    return represent_for_platform(list_folder(g.staff, **folder_page.load(request.args)))


@api.get("/platform/v1/clients/<client_id>/conversations")
def list_client_conversations(client_id: str) -> ResponseReturnValue:
    """List a client's conversations in the platform's shape."""
    client = find_client(client_id, g.staff)
    return represent_for_platform(list_of_client(g.staff, client, **client_page.load(request.args)))


@api.post("/platform/v1/messages")
def create_message() -> ResponseReturnValue:
    """Add a message to a client's conversation."""
    body = read_object()
    try:
        keys = message_creation.load(body)["message"]
    except ValidationError as error:
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        check_named(valid.get("message") or {}, g.staff)  # is refused first, as above
        raise
    with writing(g.staff.business_id):
        message = add_message(keys, g.staff)
    data = {"id": message.id, "uid": message.uid, "conversation_uid": message.conversation.uid}
    return {"status": "OK", "data": data}, 201


def represent(thread: Thread) -> dict[str, Any]:
    """Return the vendor's representation of a thread, as deep as the query asks for."""
    query = request.args if request.query_string else {}
    deep = query.get("full_client", "").lower() in ("true", "1")
    schema = deep_conversation if deep else conversation
    representation: dict[str, Any] = schema.dump(thread)
    return representation


def represent_for_platform(threads: list[Thread]) -> dict[str, Any]:
    """Return the platform's representation of a list of threads."""
    conversations = [platform_conversation.dump(thread) for thread in threads]
    return {"status": "OK", "data": {"conversations": conversations}}


def read_object() -> dict[str, Any]:
    """Return the request's JSON object; raise 415, 413 or 400 where there is none."""
    if not request.is_json:
        raise UnsupportedMediaType(
            "The body must be JSON: send the header 'Content-Type: application/json' with it"
            " (curl does with --json)."
        )
    data = read_body()
    try:
        body = current_app.json.loads(data)
    except ValueError as error:
        raise BadRequest(f"The body can't be read as JSON: {error}.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body is JSON, but no object: send keys and values in braces.")
    return body


def read_body() -> bytes:
    """Return the whole body; raise 413 or 400 where it is too long or does not arrive whole."""
    try:
        data = request.get_data()
        if len(data) == request.max_content_length and "wsgi.input_terminated" in request.environ:
            if request.environ["wsgi.input"].read(1):  # Werkzeug cuts a chunked body at the limit
                raise RequestEntityTooLarge
    except RequestEntityTooLarge:
        raise
    except Exception:  # each WSGI server has errors of its own for a malformed transfer
        raise BadRequest("The body can't be read: it does not arrive as its headers say.") from None
    if len(data) < (request.content_length or 0):
        raise BadRequest(
            f"The body broke off after {len(data):,} of {request.content_length:,} bytes."
        )
    return data
