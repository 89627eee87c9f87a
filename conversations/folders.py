"""The lists of conversations: what each folder holds for a staff, in which order, in pages."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, true

from conversations.staff_conversation import THREADS, Thread, make_thread
from database.statements import Query, connection
from models import (
    ORDER,
    Access,
    Client,
    Collaborator,
    Conversation,
    FollowUpState,
    Staff,
)

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


def _page_of(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        THREADS.where(Conversation.business_id == bindparam("business_id"))
        .where(Conversation.merged_into_id.is_(None))
        .where(
            or_(  # the rule of auth.check_access
                bindparam("sees_all", type_=sa.Boolean),
                Conversation.staff_id == bindparam("staff_id"),
                Collaborator.staff_id.is_not(None),
            )
        )
        .where(condition)
        .order_by(*ORDER)
        .limit(bindparam("limit"))
        .offset(bindparam("offset", type_=sa.BigInteger))
    )


FOLDER_PAGES = {folder: _page_of(condition) for folder, condition in FOLDERS.items()}
_FOLDERS = {folder: Query(page) for folder, page in FOLDER_PAGES.items()}
CLIENT_PAGE = Query(_page_of(Conversation.client_id == bindparam("client_id")))


def list_folder(staff: Staff, folder: str, page: int, per_page: int) -> list[Thread]:
    """Return one page of a folder, latest action first; an unknown folder is that of all."""
    return _list(_FOLDERS.get(folder, _FOLDERS["all"]), staff, page, per_page)


def list_of_client(staff: Staff, client: Client, page: int, per_page: int) -> list[Thread]:
    """Return one page of a client's conversations, latest action first."""
    return _list(CLIENT_PAGE, staff, page, per_page, client_id=client.id)


def _list(
    query: Query,
    staff: Staff,
    page: int,
    per_page: int,
    **values: Any,
) -> list[Thread]:
    rows = connection().all(
        query,
        {
            "business_id": staff.business_id,
            "staff_id": staff.id,
            "sees_all": staff.access is Access.ALL,
            "limit": per_page,
            "offset": (page - 1) * per_page,
        }
        | values,
    )
    now = staff.business.now()
    return [make_thread(row, staff, now) for row in rows]
