"""The vendor's endpoints."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

import followups
from auth import authenticate, check_access
from errors import UnknownUid
from models import write_transaction
from schemas import (
    ConversationSchema,
    ConversationUpdateSchema,
    DeepConversationSchema,
    MessagePageSchema,
    MessageSchema,
)
from threads import Thread, find_thread

api = Blueprint("api", __name__)
api.before_request(authenticate)

conversation_update = ConversationUpdateSchema()
conversation = ConversationSchema()
deep_conversation = DeepConversationSchema()
message_page = MessagePageSchema()
message = MessageSchema()

LAST_UPDATE = timedelta(minutes=1)


@api.put("/v2/conversations/<uid>")
def update_conversation(uid: str) -> ResponseReturnValue:
    """Archive, mark, delete, and create, update, complete or remove the staff's follow-up."""
    body = read_object()
    try:
        changes = followups.read_date(conversation_update.load(body), g.staff.business)
    except ValidationError:
        load_thread(uid)  # an unknown or forbidden conversation is refused first
        raise
    with write_transaction():
        thread = load_thread(uid)
        followups.change_follow_up(thread, changes)
        thread.set_permitted_keys(changes)
    return represent(thread)


@api.get("/v2/conversations/<uid>")
def get_conversation(uid: str) -> ResponseReturnValue:
    """Show a conversation as the calling staff has it."""
    return represent(load_thread(uid))


@api.get("/v2/conversations/<uid>/messages")
def list_messages(uid: str) -> ResponseReturnValue:
    """List a conversation's messages, oldest first; with `last_update`, the last minute's."""
    thread = find_thread(uid, g.staff)
    if thread is None:
        return {"error": "Couldn't find Conversation"}, 404
    check_access(thread)
    page = message_page.load(request.args)
    since = thread.now - LAST_UPDATE if page["last_update"] else None
    rows = thread.list_messages(page["page"], page["per_page"], since)
    return [message.dump(row) for row in rows]


def load_thread(uid: str) -> Thread:
    """Return a conversation as the calling staff has it; raise 404 or 403."""
    thread = find_thread(uid, g.staff)
    if thread is None:
        raise UnknownUid("id", "Invalid conversation_uid")
    check_access(thread)
    return thread


def represent(thread: Thread) -> dict[str, Any]:
    """Return the vendor's representation of a thread, as deep as the query asks for."""
    deep = request.args.get("full_client", "").lower() in ("true", "1")
    schema = deep_conversation if deep else conversation
    representation: dict[str, Any] = schema.dump(thread)
    return representation


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
        raise BadRequest('The body must be a JSON object, such as {"archived": true}.')
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
