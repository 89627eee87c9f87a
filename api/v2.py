"""The routes under /v2: conversations and their messages."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from api.list_schemas import (
    WRONG_PAGE,
    ConversationListSchema,
    FolderPageSchema,
    MessagePageSchema,
)
from api.message_schemas import ConversationNotFoundSchema, MessageSchema
from conversations.messages import count_messages, read_messages
from conversations.staff_conversation import StaffConversation, UnknownUid, get_conversation
from conversations.updates import apply_update
from database.connections import get_connection, transaction
from followups import Fields, read_date
from schemas import (
    ConversationQuerySchema,
    ConversationSchema,
    ConversationUpdateSchema,
    DeepConversationSchema,
)
from web.auth import again_if_superseded, protect
from web.errors import after_404_and_403
from web.faults import allow_faults
from web.operations import ArrayOf, Examples, OneOf, operation
from web.paging import list_page_of_folder, take_page
from web.request_loading import load

v2 = Blueprint("v2", __name__)
protect(v2)
allow_faults(v2)

conversation_query = ConversationQuerySchema()
conversation_update = ConversationUpdateSchema()
conversation_response = ConversationSchema()
deep_conversation_response = DeepConversationSchema()
folder_page = FolderPageSchema()
conversation_list = ConversationListSchema()
message_page = MessagePageSchema()
message_response = MessageSchema()

# One for each row of the follow-up table; the first one does something.
FOLLOW_UP_EXAMPLES: Examples = {
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
    "nothing": ("Without follow_up nothing happens to it", {"follow_up_message": "ignored"}),
}
CONVERSATION = OneOf(
    "ConversationResponse",
    "A conversation, in short or with `full_client` whole; `depth` says which.",
    "depth",
    {"shallow": ConversationSchema, "deep": DeepConversationSchema},
)
LAST_UPDATE = timedelta(minutes=1)
FIRST_MINUTE = datetime(1, 1, 1, 0, 1, tzinfo=UTC)  # a minute earlier is the earliest time


@v2.put("/v2/conversations/<uid>")
@operation(
    "updateConversation",
    "Conversations",
    CONVERSATION,
    errors=(403, 404),
    query=ConversationQuerySchema,
    body=ConversationUpdateSchema,
    examples=FOLLOW_UP_EXAMPLES,
    error_examples={422: ("follow_up_date", "Time has already passed.")},
)
@again_if_superseded
def update_conversation(uid: str) -> ResponseReturnValue:
    """Change a conversation, and your follow-up on it.

    Archive it, mark it as spam or as read, soft-delete it; create, update, complete or remove the
    follow-up reminder that you, the staff member of the token, have on it. Every field is
    optional, and only fields that are sent count; if one is wrong, nothing is stored. The
    response is the whole conversation.

    What happens to your follow-up:

    | `follow_up` | `archived` | the follow-up now | what happens |
    |---|---|---|---|
    | absent | any | any | nothing |
    | `true` | absent or `false` | none, removed, completed | create |
    | `true` | absent or `false` | active | update |
    | `true` | `true` | any | remove |
    | `false` | any | active | remove |
    | `false` | any | none, removed, completed | nothing |

    Create and update also take the conversation out of the archive; the fourth row also archives
    it. A follow-up is *active* from create to remove, and then *completed* if
    `complete_follow_up` was true, else *removed*; *none*: there never was one.
    """
    with after_404_and_403(lambda _: get(uid)):
        query, sent = load(conversation_query, conversation_update)
        sent = read_date(sent, g.caller.now, g.caller.zone)
    with transaction(g.caller.sandbox_id) as connection:
        updated, changed = apply_update(connection, get(uid), sent)
    g.changed = changed
    return show(updated, query)


@v2.get("/v2/conversations/<uid>")
@operation(
    "getConversation",
    "Conversations",
    CONVERSATION,
    errors=(403, 404),
    query=ConversationQuerySchema,
)
def show_conversation(uid: str) -> ResponseReturnValue:
    """Show a conversation as you have it.

    The follow-up is your own; those of other staff members are not shown. The uid of a conversation
    that was merged into another one leads to that one.
    """
    with after_404_and_403(lambda _: get(uid)):
        query, _ = load(conversation_query)
    return show(get(uid), query)


@v2.get("/v2/conversations")
@operation(
    "listConversations",
    "Conversations",
    ConversationListSchema,
    query=FolderPageSchema,
    error_examples=WRONG_PAGE,
    is_list=True,
)
def list_conversations() -> ResponseReturnValue:
    """List the conversations of a folder, as you have them.

    The one with the latest action comes first. `Link` leads to the pages beside this one; a page
    past the end is empty.
    """
    query, _ = load(folder_page)
    found = list_page_of_folder(query)
    return conversation_list.dump({"data": found})


@v2.get("/v2/conversations/<uid>/messages")
@operation(
    "listMessages",
    "Messages",
    ArrayOf(MessageSchema),
    errors=(403,),
    query=MessagePageSchema,
    error_examples=WRONG_PAGE,
    other_responses={404: ConversationNotFoundSchema},
    is_list=True,
)
def list_messages(uid: str) -> ResponseReturnValue:
    """List the messages of a conversation.

    The oldest comes first. When you poll for new ones, send `last_update=true`.
    """
    try:
        with after_404_and_403(lambda _: get(uid)):
            query, _ = load(message_page)
        found = get(uid)
    except UnknownUid:
        message = "Couldn't find Conversation"
        g.error = {"code": "not_found", "message": message}
        return {"error": message}, 404
    page = take_page(query)
    since = None
    if query.get("last_update"):
        since = max(g.caller.now, FIRST_MINUTE) - LAST_UPDATE
    connection = get_connection()
    rows = read_messages(connection, found, since=since, limit=page.limit, offset=page.offset)
    messages = page.cut(rows, lambda: count_messages(connection, found, since))
    return [message_response.dump(message) for message in messages]


def get(uid: str) -> StaffConversation:
    """Return the conversation of a uid; raise UnknownUid or NotAllowed."""
    return get_conversation(get_connection(), uid, g.caller)


def show(found: StaffConversation, query: Fields) -> dict[str, Any]:
    """Return the response that shows a conversation, as deep as the query asks for."""
    is_deep = query.get("full_client")
    schema = deep_conversation_response if is_deep else conversation_response
    return schema.dump(found)
