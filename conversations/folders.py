"""Lists of conversations: what each folder holds for a staff member, in which order, in pages."""

from typing import Any, NamedTuple

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
from models import LATEST_FIRST, Collaborator, Conversation, FollowUpState

_is_kept = Conversation.deleted_at.is_(None)
_is_current = and_(_is_kept, ~Conversation.archived, ~Conversation.spam)


class Folder(NamedTuple):
    """The condition of a folder's conversations, in SQL and in words."""

    condition: ColumnElement[bool]
    meaning: str
    demo_count: int  # of the demo data's owner, as an example


FOLDERS = {
    "inbox": Folder(_is_current, "neither archived, spam nor deleted", 25),
    "follow_up": Folder(
        and_(_is_kept, Collaborator.follow_up_state == FollowUpState.ACTIVE),
        "with an active follow-up of the caller, not deleted",
        3,
    ),
    "sent": Folder(
        and_(_is_kept, Conversation.sent), "with a message from the business, not deleted", 23
    ),
    "archived": Folder(and_(_is_kept, Conversation.archived), "archived, not deleted", 2),
    "attention": Folder(
        and_(_is_current, Conversation.business_unread), "of the inbox, what is unread", 4
    ),
    "trash": Folder(~_is_kept, "deleted", 1),
    "all": Folder(true(), "everything but what was merged into another", 29),
}


def _restrict(
    query: Select[*tuple[Any, ...]], condition: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """Return a select of what the caller may see of conversations for which a condition holds."""
    return (
        query.where(Conversation.business_id == bindparam("business_id"))
        .where(Conversation.merged_into_id.is_(None))
        .where(ALLOWED)
        .where(condition)
    )


def _select_page(condition: ColumnElement[bool]) -> Query:
    query = _restrict(select_conversations(for_list=True), condition).order_by(*LATEST_FIRST)
    offset = bindparam("offset", type_=sa.BigInteger)
    return Query(query.limit(bindparam("limit")).offset(offset))


def _count(condition: ColumnElement[bool], *counts: ColumnElement[int]) -> Statement:
    query = select(*counts or [func.count()])
    query = query.select_from(Conversation).outerjoin(Collaborator, HAS_CALLER)
    return Statement(_restrict(query, condition))


_of_client = Conversation.client_id == bindparam("client_id")
SELECT_FOLDER = {name: _select_page(folder.condition) for name, folder in FOLDERS.items()}
SELECT_CLIENT_CONVERSATIONS = _select_page(_of_client)
COUNT_FOLDER = {name: _count(folder.condition) for name, folder in FOLDERS.items()}
COUNT_CLIENT_CONVERSATIONS = _count(_of_client)
COUNT_FOLDERS = _count(true(), *(func.count().filter(each.condition) for each in FOLDERS.values()))


def count_folders(connection: sa.Connection, caller: Caller) -> dict[str, int]:
    """Return how many conversations each folder has for a caller."""
    [counts] = COUNT_FOLDERS.run(connection, _values_of(caller)).fetchall()
    return dict(zip(FOLDERS, counts, strict=True))


def count_folder(connection: sa.Connection, caller: Caller, folder: str) -> int:
    """Return how many conversations a folder has; an unknown folder is the same as all."""
    statement = COUNT_FOLDER.get(folder, COUNT_FOLDER["all"])
    return statement.count(connection, _values_of(caller))


def count_client_conversations(connection: sa.Connection, caller: Caller, client_id: int) -> int:
    """Return how many conversations with a client the caller may see."""
    values = _values_of(caller) | {"client_id": client_id}
    return COUNT_CLIENT_CONVERSATIONS.count(connection, values)


def list_folder(
    connection: sa.Connection, caller: Caller, folder: str, *, limit: int, offset: int
) -> list[StaffConversation]:
    """Return some of a folder, latest action first; an unknown folder is the same as all."""
    query = SELECT_FOLDER.get(folder, SELECT_FOLDER["all"])
    return _list(connection, query, caller, limit=limit, offset=offset)


def list_client_conversations(
    connection: sa.Connection, caller: Caller, client_id: int, *, limit: int, offset: int
) -> list[StaffConversation]:
    """Return some of a client's conversations, latest action first."""
    query = SELECT_CLIENT_CONVERSATIONS
    return _list(connection, query, caller, client_id=client_id, limit=limit, offset=offset)


def _list(
    connection: sa.Connection, query: Query, caller: Caller, **values: int
) -> list[StaffConversation]:
    rows = query.all(connection, _values_of(caller) | values)
    return [StaffConversation(caller, *row) for row in rows]


def _values_of(caller: Caller) -> dict[str, Any]:
    return {
        "business_id": caller.business_id,
        "staff_id": caller.staff_id,
        "sees_all": caller.sees_all,
    }
