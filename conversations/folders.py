"""Lists of conversations: what each folder holds for a staff member, in which order, in pages."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, true

from conversations.callers import Caller
from conversations.staff_conversation import (
    ALLOWED,
    HAS_CALLER,
    StaffConversation,
    select_conversations,
)
from database.statements import Query, Statement
from models import ORDER, Collaborator, Conversation, FollowUpState

_is_kept = Conversation.deleted_at.is_(None)
_is_current = and_(_is_kept, ~Conversation.archived, ~Conversation.spam)
FOLDERS: dict[str, ColumnElement[bool]] = {
    "inbox": _is_current,
    "follow_up": and_(_is_kept, Collaborator.follow_up_state == FollowUpState.ACTIVE),
    "sent": and_(_is_kept, Conversation.sent),
    "archived": and_(_is_kept, Conversation.archived),
    "attention": and_(_is_current, Conversation.business_unread),
    "trash": ~_is_kept,
    "all": true(),
}


def _select_page(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select_conversations(for_list=True)
        .where(Conversation.business_id == bindparam("business_id"))
        .where(Conversation.merged_into_id.is_(None))
        .where(ALLOWED)
        .where(condition)
        .order_by(*ORDER)
        .limit(bindparam("limit"))
        .offset(bindparam("offset", type_=sa.BigInteger))
    )


SELECT_FOLDER = {folder: Query(_select_page(condition)) for folder, condition in FOLDERS.items()}
SELECT_CLIENT_CONVERSATIONS = Query(_select_page(Conversation.client_id == bindparam("client_id")))


COUNT_FOLDERS = Statement(
    select(*(func.count().filter(condition) for condition in FOLDERS.values()))
    .select_from(Conversation)
    .outerjoin(Collaborator, HAS_CALLER)
    .where(Conversation.business_id == bindparam("business_id"))
    .where(Conversation.merged_into_id.is_(None))
    .where(ALLOWED)
)


def count_folders(connection: sa.Connection, caller: Caller) -> dict[str, int]:
    """Return how many conversations each folder has for a caller."""
    values = {
        "business_id": caller.business_id,
        "staff_id": caller.staff_id,
        "sees_all": caller.sees_all,
    }
    [counts] = COUNT_FOLDERS.run(connection, values).fetchall()
    return dict(zip(FOLDERS, counts, strict=True))


def list_folder(
    connection: sa.Connection, caller: Caller, *, folder: str, page: int, per_page: int
) -> list[StaffConversation]:
    """Return one page of a folder, latest action first; an unknown folder is the same as all."""
    query = SELECT_FOLDER.get(folder, SELECT_FOLDER["all"])
    return _list(connection, query, caller, page, per_page)


def list_client_conversations(
    connection: sa.Connection, caller: Caller, client_id: int, *, page: int, per_page: int
) -> list[StaffConversation]:
    """Return one page of a client's conversations, latest action first."""
    query = SELECT_CLIENT_CONVERSATIONS
    return _list(connection, query, caller, page, per_page, client_id=client_id)


def _list(
    connection: sa.Connection,
    query: Query,
    caller: Caller,
    page: int,
    per_page: int,
    **values: Any,
) -> list[StaffConversation]:
    values |= {
        "business_id": caller.business_id,
        "staff_id": caller.staff_id,
        "sees_all": caller.sees_all,
        "limit": per_page,
        "offset": (page - 1) * per_page,
    }
    return [StaffConversation(caller, *row) for row in query.all(connection, values)]
