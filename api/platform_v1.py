"""The routes under /platform/v1: vcita's platform API."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from conversations.folders import count_client_conversations, list_client_conversations
from conversations.messages import check_uids, get_client, post_message
from conversations.staff_conversation import StaffConversation
from database.connections import get_connection, transaction
from schemas import (
    ClientPageSchema,
    FolderPageSchema,
    MessageCreationSchema,
    PlatformConversationSchema,
)
from web.auth import again_if_superseded, protect
from web.errors import after_404_and_403
from web.faults import allow_faults
from web.operations import Examples, array_of, object_of, operation
from web.paging import list_page_of_folder, take_page
from web.request_loading import NO_QUERY, load

platform_v1 = Blueprint("platform_v1", __name__)
protect(platform_v1)
allow_faults(platform_v1)

folder_page = FolderPageSchema()
client_page = ClientPageSchema()
message_creation = MessageCreationSchema()
conversation_response = PlatformConversationSchema()

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
PAGE = object_of(
    status={"type": "string", "const": "OK"},
    data=object_of(conversations=array_of(PlatformConversationSchema)),
)
NEW_MESSAGE = object_of(
    status={"type": "string", "const": "OK"},
    data=object_of(
        id={"type": "integer"}, uid={"type": "string"}, conversation_uid={"type": "string"}
    ),
)


@platform_v1.get("/platform/v1/conversations")
@operation("listPlatformConversations", "Platform", PAGE, query=FolderPageSchema, is_list=True)
def list_conversations() -> ResponseReturnValue:
    """List a folder of the caller's."""
    query, _ = load(folder_page)
    return show(list_page_of_folder(query))


@platform_v1.get("/platform/v1/clients/<client_id>/conversations")
@operation(
    "listClientConversations",
    "Platform",
    PAGE,
    errors=(404,),
    query=ClientPageSchema,
    is_list=True,
)
def list_conversations_of_client(client_id: str) -> ResponseReturnValue:
    """List a client's conversations."""
    connection = get_connection()
    with after_404_and_403(lambda _: get_client(connection, client_id, g.caller)):
        query, _ = load(client_page)
    client = get_client(connection, client_id, g.caller)["id"]
    page = take_page(query)
    found = list_client_conversations(
        connection, g.caller, client, limit=page.limit, offset=page.offset
    )
    return show(page.cut(found, lambda: count_client_conversations(connection, g.caller, client)))


@platform_v1.post("/platform/v1/messages")
@operation(
    "createMessage",
    "Platform",
    NEW_MESSAGE,
    errors=(403, 404),
    body=MessageCreationSchema,
    examples=MESSAGE_EXAMPLES,
    status=201,
)
@again_if_superseded
def create_message() -> ResponseReturnValue:
    """Add a message to a client's conversation."""
    with after_404_and_403(
        lambda valid: check_uids(get_connection(), g.caller, valid.get("message", {}))
    ):
        _, sent = load(NO_QUERY, message_creation)
    with transaction(g.caller.sandbox_id) as connection:
        message, conversation, changed = post_message(connection, g.caller, sent["message"])
    g.changed = changed
    data = {
        "id": message["id"],
        "uid": message["uid"],
        "conversation_uid": conversation["uid"],
    }
    return {"status": "OK", "data": data}, 201


def show(page: Sequence[StaffConversation]) -> dict[str, Any]:
    """Return the response that shows a list of conversations."""
    conversations = [conversation_response.dump(found) for found in page]
    return {"status": "OK", "data": {"conversations": conversations}}
