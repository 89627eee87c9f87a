"""The routes under /platform/v1: vcita's platform API."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from api.list_schemas import (
    WRONG_PAGE,
    ClientPageSchema,
    FolderPageSchema,
    PlatformConversationListSchema,
)
from api.message_schemas import MessageCreatedSchema, MessageCreationSchema
from conversations.folders import count_client_conversations, list_client_conversations
from conversations.messages import check_uids, get_client, post_message
from conversations.staff_conversation import StaffConversation
from database.connections import get_connection, transaction
from web.auth import again_if_superseded, protect
from web.errors import after_404_and_403
from web.faults import allow_faults
from web.operations import Examples, operation
from web.paging import list_page_of_folder, take_page
from web.request_loading import NO_QUERY, load

platform_v1 = Blueprint("platform_v1", __name__)
protect(platform_v1)
allow_faults(platform_v1)

folder_page = FolderPageSchema()
client_page = ClientPageSchema()
message_creation = MessageCreationSchema()
message_created = MessageCreatedSchema()
conversation_list = PlatformConversationListSchema()

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
NO_CLIENT = {404: ("client_id", "Invalid client_id")}


@platform_v1.get("/platform/v1/conversations")
@operation(
    "listPlatformConversations",
    "Platform",
    PlatformConversationListSchema,
    query=FolderPageSchema,
    error_examples=WRONG_PAGE,
    is_list=True,
)
def list_conversations() -> ResponseReturnValue:
    """List the conversations of a folder in the platform's form.

    The one with the latest action comes first. `Link` leads to the pages beside this one.
    """
    query, _ = load(folder_page)
    return show(list_page_of_folder(query))


@platform_v1.get("/platform/v1/clients/<client_id>/conversations")
@operation(
    "listClientConversations",
    "Platform",
    PlatformConversationListSchema,
    errors=(404,),
    query=ClientPageSchema,
    error_examples=WRONG_PAGE | NO_CLIENT,
    is_list=True,
)
def list_conversations_of_client(client_id: str) -> ResponseReturnValue:
    """List the conversations of a client in the platform's form.

    The one with the latest action comes first. `Link` leads to the pages beside this one.
    """
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
    MessageCreatedSchema,
    errors=(403, 404),
    body=MessageCreationSchema,
    examples=MESSAGE_EXAMPLES,
    error_examples={422: ("text", "It must have at least one character.")} | NO_CLIENT,
    status=201,
)
@again_if_superseded
def create_message() -> ResponseReturnValue:
    """Add a message, from a client or from the business.

    A message from the client makes the conversation unread and takes it out of the archive.
    """
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
    return message_created.dump({"data": data}), 201


def show(page: Sequence[StaffConversation]) -> dict[str, Any]:
    """Return the response that shows a list of conversations."""
    return conversation_list.dump({"data": {"conversations": page}})
