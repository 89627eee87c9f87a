"""The routes under /platform/v1: vcita's platform API."""

from typing import Any

from flask import Blueprint

import schemas
from conversations.folders import CLIENT_LIST
from conversations.messages import get_by_uid, get_references, post_message
from database.connections import get_connection
from database.statements import Row
from sandboxes.lifecycle import grow_state
from web.auth import authenticate, transaction_of_caller
from web.operations import ErrorExamples, Examples, Operation
from web.paging import list_page, list_page_of_folder
from web.record import RequestRecord

platform_v1 = Blueprint("platform_v1", __name__)
platform_v1.before_request(authenticate)

MESSAGE = {
    "client_id": "affc25e71f6bd5cc",
    "text": "Is there a place on Thursday?",
    "direction": "client_to_business",
}
MESSAGE_EXAMPLES: Examples = {
    "from the client": ("A message from the client", {"message": MESSAGE}),
}
NO_CLIENT: ErrorExamples = {404: ("client_id", "Invalid client_id")}


def find_client(record: RequestRecord, client_id: str) -> Row:
    """Return a client of the caller's business; raise UnknownUid."""
    return get_by_uid(get_connection(), record.caller, "client_id", client_id)


def check_references(record: RequestRecord) -> None:
    """Raise UnknownUid or AccessDenied for the uids that a new message refers to."""
    get_references(get_connection(), record.caller, record.body.get("message", {}))


@platform_v1.get("/platform/v1/conversations")
@Operation(schemas.PlatformConversationListSchema(), query=schemas.FolderPageSchema())
def list_platform_conversations(record: RequestRecord) -> dict[str, Any]:
    """List the conversations of a folder in the platform API's format.

    The latest action comes first. `Link` has the next and previous pages.
    """
    return {"data": {"conversations": list_page_of_folder(record)}}


@platform_v1.get("/platform/v1/clients/<client_id>/conversations")
@Operation(
    schemas.PlatformConversationListSchema(),
    query=schemas.ClientPageSchema(),
    error_examples=NO_CLIENT,
    check_access=find_client,
)
def list_client_conversations(record: RequestRecord, client_id: str) -> dict[str, Any]:
    """List the conversations of a client in the platform API's format.

    The latest action comes first. `Link` has the next and previous pages.
    """
    shown = list_page(record, CLIENT_LIST, client_id=find_client(record, client_id)["id"])
    return {"data": {"conversations": shown}}


@platform_v1.post("/platform/v1/messages")
@Operation(
    schemas.MessageCreatedSchema(),
    errors=(403,),
    body=schemas.MessageCreationSchema(),
    examples=MESSAGE_EXAMPLES,
    error_examples={422: ("text", "It must have at least one character.")} | NO_CLIENT,
    status=201,
    check_access=check_references,
)
def create_message(record: RequestRecord) -> dict[str, Any]:
    """Add a message from a client or from the business.

    A client's message marks the conversation as unread and unarchives it.
    """
    sent = record.body["message"]
    with transaction_of_caller(record) as connection:
        caller = record.caller
        message, conversation, record.changed = post_message(connection, caller, sent)
        sender = {"from": sent.get("staff_id") or caller.staff["uid"]}
        added = [conversation] if conversation["message_count"] == 1 else []
        grow_state(connection, caller.sandbox["id"], "text", message | sender, *added)
    return {"data": message | {"conversation_uid": conversation["uid"]}}
