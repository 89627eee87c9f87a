"""Lists of conversations: what each folder holds for a staff member, in which order, in pages."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, true

from conversations.callers import Caller
from conversations.staff_conversation import (
    CALLER_HAS_ACCESS,
    CALLER_IS_COLLABORATOR,
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
IS_LISTED = and_(
    Conversation.business_id == bindparam("business_id"),
    Conversation.merged_into_id.is_(None),
    CALLER_HAS_ACCESS,
)
_offset = bindparam("offset", type_=sa.BigInteger)
_page = select_conversations(for_list=True).where(IS_LISTED).order_by(*LATEST_FIRST)
_page = _page.limit(bindparam("limit")).offset(_offset)


def _select_counts(*counts: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    query = select(*counts).select_from(Conversation)
    return query.outerjoin(Collaborator, CALLER_IS_COLLABORATOR).where(IS_LISTED)


class ConversationList:
    """The conversations of a condition that a staff member may see, latest action first."""

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.page = Query(_page.where(condition))
        self.total = Statement(_select_counts(func.count()).where(condition))

    def read(
        self, connection: sa.Connection, caller: Caller, **values: int
    ) -> list[StaffConversation]:
        """Return the conversations from `offset` on, at most `limit`."""
        rows = self.page.all(connection, caller.parameters | values)
        return [StaffConversation(caller, *row) for row in rows]

    def count(self, connection: sa.Connection, caller: Caller, **values: int) -> int:
        """Return how many conversations the list has."""
        return self.total.count(connection, caller.parameters | values)


FOLDER_LISTS = {name: ConversationList(folder.condition) for name, folder in FOLDERS.items()}
CLIENT_LIST = ConversationList(Conversation.client_id == bindparam("client_id"))
COUNT_FOLDERS = Statement(
    _select_counts(*(func.count().filter(folder.condition) for folder in FOLDERS.values()))
)


def count_folders(connection: sa.Connection, caller: Caller) -> dict[str, int]:
    """Return how many conversations each folder has for a caller."""
    [counts] = COUNT_FOLDERS.run(connection, caller.parameters).fetchall()
    return dict(zip(FOLDERS, counts, strict=True))
