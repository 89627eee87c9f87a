"""The routes under /v2: conversations and their messages."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from flask import Blueprint, make_response
from werkzeug.exceptions import NotFound

import schemas
from conversations import staff_conversation
from conversations.messages import ALL_MESSAGES, RECENT_MESSAGES
from conversations.staff_conversation import StaffConversation, UnknownUid
from conversations.updates import apply_update
from database.connections import get_connection
from database.statements import Row
from followups import parse_date
from sandboxes.lifecycle import grow_state
from web.auth import authenticate, transaction_of_caller
from web.operations import Examples, Operation
from web.paging import list_page_of_folder, read_page
from web.record import RequestRecord

SHORT_TEXT = 255  # characters; the size of a sandbox's state ignores shorter texts
v2 = Blueprint("v2", __name__)
v2.before_request(authenticate)

# One for each row of the follow-up table.
FOLLOW_UP_EXAMPLES: Examples = {
    "create": (
        "Create a follow-up if none is active",
        {
            "follow_up": True,
            "follow_up_date": "Mon May 06 2030 13:31:21 GMT+0300 (Israel Daylight Time)",
            "follow_up_message": "call back about pricing",
        },
    ),
    "update": (
        "Update the active follow-up; omitted fields keep their values",
        {"follow_up": True, "follow_up_date": "2030-05-07T10:00:00Z"},
    ),
    "dismiss": ("Remove and archive", {"follow_up": True, "archived": True}),
    "complete": ("Complete the follow-up", {"follow_up": False, "complete_follow_up": True}),
    "remove nothing": ("No effect if no follow-up is active", {"follow_up": False}),
    "nothing": ("No effect on the follow-up without follow_up", {"follow_up_message": "ignored"}),
}
NOT_FOUND = {"error": "Couldn't find Conversation"}  # vcita's own


def find(record: RequestRecord, uid: str) -> StaffConversation:
    """Return the conversation of a uid as the caller has it; raise UnknownUid or AccessDenied."""
    return staff_conversation.get_conversation(get_connection(), uid, record.caller)


def find_for_messages(record: RequestRecord, uid: str) -> StaffConversation:
    """Return the conversation of a uid, or raise vcita's own NotFound of this route."""
    try:
        return find(record, uid)
    except UnknownUid:
        record.error = {"code": "not_found", "message": NOT_FOUND["error"]}
        raise NotFound(response=make_response(NOT_FOUND, 404)) from None


@v2.put("/v2/conversations/<uid>")
@Operation(
    schemas.ConversationSchema(),
    full_response=schemas.DeepConversationSchema(),
    errors=(403, 404),
    query=schemas.ConversationQuerySchema(),
    body=schemas.ConversationUpdateSchema(partial=True),
    examples=FOLLOW_UP_EXAMPLES,
    error_examples={422: ("follow_up_date", "Time has already passed.")},
    check_access=find,
)
def update_conversation(record: RequestRecord, uid: str) -> StaffConversation:
    """Update a conversation and your follow-up on it.

    Archive it, mark it as spam or as read, or soft-delete it. Create, update, complete or remove
    your follow-up reminder, which belongs to the staff member of the token. All fields are
    optional; omitted fields keep their values. If a field is invalid, nothing is stored. The
    response is the full conversation.

    The effect on your follow-up:

    | `follow_up` | `archived` | the follow-up now | what happens |
    |---|---|---|---|
    | absent | any | any | nothing |
    | `true` | absent or `false` | none, removed, completed | create |
    | `true` | absent or `false` | active | update |
    | `true` | `true` | any | remove |
    | `false` | any | active | remove |
    | `false` | any | none, removed, completed | nothing |

    Create and update also unarchive the conversation; the fourth row also archives it. A follow-up
    is *active* until it is removed; it is then *completed* if `complete_follow_up` was true, else
    *removed*. *None* means that it never existed.
    """
    fields = parse_date(record.body, record.caller.now, record.caller.zone)
    with transaction_of_caller(record) as connection:
        found = staff_conversation.get_conversation(connection, uid, record.caller)
        updated, record.changed = apply_update(connection, found, fields)
        text = fields.get("follow_up_message") or ""
        if "message" in record.changed or len(text) > SHORT_TEXT:
            added = (updated.last_message or {}) | {"follow_up_message": text}
            grow_state(connection, record.caller.sandbox["id"], "follow_up_message", added)
    return updated


@v2.get("/v2/conversations/<uid>")
@Operation(
    schemas.ConversationSchema(),
    full_response=schemas.DeepConversationSchema(),
    errors=(403, 404),
    query=schemas.ConversationQuerySchema(),
    check_access=find,
)
def get_conversation(record: RequestRecord, uid: str) -> StaffConversation:
    """Get a conversation with your own follow-up.

    The uid of a merged conversation returns the conversation that it was merged into.
    """
    return find(record, uid)


@v2.get("/v2/conversations")
@Operation(schemas.ConversationListSchema(), query=schemas.FolderPageSchema())
def list_conversations(record: RequestRecord) -> dict[str, Sequence[StaffConversation]]:
    """List the conversations of a folder with your own follow-ups.

    The latest action comes first. `Link` has the next and previous pages; a page past the end is
    empty.
    """
    return {"data": list_page_of_folder(record)}


@v2.get("/v2/conversations/<uid>/messages")
@Operation(
    schemas.MessageSchema(many=True),
    tag="Messages",
    errors=(403,),
    query=schemas.MessagePageSchema(),
    other_errors={404: (schemas.ConversationNotFoundSchema(), NOT_FOUND)},
    check_access=find_for_messages,
)
def list_messages(record: RequestRecord, uid: str) -> Sequence[Row]:
    """List the messages of a conversation, oldest first.

    To poll for new messages, send `last_update=true`.
    """
    found = find_for_messages(record, uid)
    messages, values = ALL_MESSAGES, {}
    if record.query.get("last_update"):
        messages, values = RECENT_MESSAGES, {"since": record.caller.now - timedelta(minutes=1)}
    connection = get_connection()
    read = partial(messages.read, connection, found, **values)
    return read_page(record, read, partial(messages.count, connection, found, **values))
