"""Lists of conversations: the folders of a staff member, their order and their pages."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, bindparam, func, select

from conversations.callers import Caller
from conversations.staff_conversation import (
    CALLER_HAS_ACCESS,
    CALLER_IS_COLLABORATOR,
    StaffConversation,
    select_conversations,
)
from database.statements import Query, Statement
from models import INDEXED_FOLDERS, IS_KEPT, LATEST_FIRST, Collaborator, Conversation, FollowUpState

_of_business = Conversation.business_id == bindparam("business_id")
_inbox, _archived, _trash = (and_(_of_business, each) for each in INDEXED_FOLDERS.values())


class Folder(NamedTuple):
    """The condition of a folder's conversations, in SQL and for people."""

    condition: ColumnElement[bool]
    meaning: str
    demo_count: int  # of the demo data's owner, as an example


FOLDERS = {
    "inbox": Folder(_inbox, "neither archived, spam nor deleted", 25),
    "follow_up": Folder(
        and_(IS_KEPT, Collaborator.follow_up_state == FollowUpState.ACTIVE),
        "with an active follow-up of the caller, not deleted",
        3,
    ),
    "sent": Folder(
        and_(_of_business, IS_KEPT, Conversation.sent),
        "with a message from the business, not deleted",
        23,
    ),
    "archived": Folder(_archived, "archived, not deleted", 2),
    "attention": Folder(and_(_inbox, Conversation.business_unread), "in the inbox and unread", 4),
    "trash": Folder(_trash, "deleted", 1),
    "all": Folder(_of_business, "all except those merged into another", 29),
}
IS_LISTED = and_(Conversation.merged_into_id.is_(None), CALLER_HAS_ACCESS)
_offset = bindparam("offset", type_=sa.BigInteger)
# The rows before a later page are skipped in an index, without joins.
_ids = select(Conversation.id).outerjoin(Collaborator, CALLER_IS_COLLABORATOR).where(IS_LISTED)
_ids = _ids.order_by(*LATEST_FIRST).limit(bindparam("limit")).offset(_offset)
_page = select_conversations(for_list=True).order_by(*LATEST_FIRST)


def _count(condition: ColumnElement[bool], *counts: ColumnElement[int]) -> Statement:
    query = select(*counts).select_from(Conversation).where(IS_LISTED, condition)
    return Statement(query.outerjoin(Collaborator, CALLER_IS_COLLABORATOR))


class ConversationList:
    """The conversations that meet a condition and are visible to a caller, latest action first."""

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.first_page = Query(_page.where(IS_LISTED, condition).limit(bindparam("limit")))
        self.later_page = Query(_page.where(Conversation.id.in_(_ids.where(condition))))
        self.total = _count(condition, func.count())

    def read(
        self, connection: sa.Connection, caller: Caller, **values: int
    ) -> list[StaffConversation]:
        """Return the conversations from `offset` on, at most `limit`."""
        page = self.later_page if values["offset"] else self.first_page
        rows = page.all(connection, caller.parameters | values)
        return [StaffConversation(caller, *row) for row in rows]

    def count(self, connection: sa.Connection, caller: Caller, **values: int) -> int:
        """Return the number of conversations in the list."""
        return self.total.count(connection, caller.parameters | values)


FOLDER_LISTS = {name: ConversationList(folder.condition) for name, folder in FOLDERS.items()}
CLIENT_LIST = ConversationList(Conversation.client_id == bindparam("client_id"))
COUNT_FOLDERS = _count(
    _of_business, *(func.count().filter(folder.condition) for folder in FOLDERS.values())
)


def count_folders(connection: sa.Connection, caller: Caller) -> dict[str, int]:
    """Return the number of conversations in each folder of a caller."""
    [counts] = COUNT_FOLDERS.run(connection, caller.parameters).fetchall()
    return dict(zip(FOLDERS, counts, strict=True))
