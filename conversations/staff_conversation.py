"""A conversation as one staff member has it, and how it is found."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from conversations.callers import Caller
from database.statements import Query, Row
from followups import FollowUp
from models import Access, Client, Collaborator, Conversation, Message, StaffMember, new_row


class UnknownUid(LookupError):
    """A uid that the caller's business does not have; `field` is the field that sent it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AccessDenied(Exception):
    """The caller has no access to the conversation."""


NO_COLLABORATOR = new_row(Collaborator)
NO_FOLLOW_UP = FollowUp()


class StaffConversation(NamedTuple):
    """A conversation as one staff member has it at the time of a request."""

    caller: Caller
    conversation: Row
    client: Row
    staff: Row  # assigned to it
    collaborator: Row | None  # the caller's own row, never another's
    last_message: Row | None

    @property
    def follow_up(self) -> FollowUp:
        """Return the caller's follow-up in any state; a caller who is no collaborator has none."""
        mine = self.collaborator or NO_COLLABORATOR
        return FollowUp(mine["follow_up_state"], mine["follow_up_date"], mine["follow_up_message"])

    def to_row(self) -> Row:
        """Return the values of a response: the conversation's columns, and derived ones."""
        row, follow_up = self.conversation, self.follow_up
        mine = follow_up if follow_up.is_active else NO_FOLLOW_UP
        has_matter = row["matter_uid"] is not None
        matter = {"uid": row["matter_uid"], "title": row["matter_title"]}
        return row | {
            "business_uid": self.caller.business["uid"],
            "client": self.client,
            "client_uid": self.client["uid"],
            "deleted": row["deleted_at"] is not None,
            "deep_link": f"/app/conversations/{row['uid']}",  # in vcita's own front end
            "follow_up": mine.is_active,
            "follow_up_date": mine.date,
            "follow_up_message": mine.message,
            "has_matter": has_matter,
            "last_message": self.last_message,
            "matter": matter if has_matter else None,
            "now": self.caller.now,
            "staff": self.staff,
            "staff_uid": self.staff["uid"],
            "zone": self.caller.zone,
        }


CALLER_IS_COLLABORATOR = and_(
    Collaborator.conversation_id == Conversation.id, Collaborator.staff_id == bindparam("staff_id")
)
CALLER_HAS_ACCESS = sa.or_(
    bindparam("sees_all", type_=sa.Boolean),
    Conversation.staff_id == bindparam("staff_id"),
    sa.exists().where(CALLER_IS_COLLABORATOR).correlate(Conversation),
)

_last_message = aliased(Message)
_last_message_id = (
    select(func.max(Message.id)).where(Message.conversation_id == Conversation.id).scalar_subquery()
)
# Not shown in lists. Writing a column that was not read is an error (`save_row`).
_DETAIL_ONLY_COLUMNS = (
    *(Conversation.source, Conversation.source_data, Conversation.source_type),
    *(Conversation.sourceable_type, Conversation.sourceable_id),
    *(Conversation.campaign, Conversation.mobile, Conversation.channel_uid),
    *(Client.phone, Client.spam, Client.created_at),
)


def select_conversations(*, for_list: bool) -> Select[*tuple[Any, ...]]:
    """Return the select of conversations as one staff member has them."""
    columns = [*Conversation.__table__.columns, *Client.__table__.columns]
    left_out = {column.expression for column in _DETAIL_ONLY_COLUMNS} if for_list else set()
    return (
        select(
            *(column for column in columns if column not in left_out),
            *(StaffMember.id, StaffMember.uid, StaffMember.display_name),
            *Collaborator.__table__.columns,
            *(_last_message.id, _last_message.title, _last_message.text, _last_message.direction),
        )
        .join(Client, Client.id == Conversation.client_id)
        .join(StaffMember, StaffMember.id == Conversation.staff_id)
        .outerjoin(Collaborator, CALLER_IS_COLLABORATOR)
        .outerjoin(_last_message, _last_message.id == _last_message_id)
    )


_by_uid = (
    select(Conversation.id, Conversation.merged_into_id)
    .where(Conversation.uid == bindparam("uid"))
    .where(Conversation.business_id == bindparam("business_id"))
)
# Follow the chain of merges to its target. UNION removes duplicates, so a cycle terminates.
_chain = _by_uid.cte("chain", recursive=True)
_target = aliased(Conversation)
_chain = _chain.union(
    select(_target.id, _target.merged_into_id)
    .where(_target.id == _chain.c.merged_into_id)
    .where(_target.business_id == bindparam("business_id"))
)
SELECT_CONVERSATION = Query(
    select_conversations(for_list=False).where(
        Conversation.id
        == func.coalesce(  # most have no merge to follow
            _by_uid.with_only_columns(Conversation.id)
            .where(Conversation.merged_into_id.is_(None))
            .scalar_subquery(),
            select(_chain.c.id).where(_chain.c.merged_into_id.is_(None)).scalar_subquery(),
        )
    )
)


def get_conversation(
    connection: sa.Connection, uid: str, caller: Caller, field: str = "id"
) -> StaffConversation:
    """Return the conversation that a uid leads to, for a caller of its business.

    A merged conversation leads to its target, through a chain of any length. Raises AccessDenied,
    and UnknownUid if the business has no such uid or the chain has no target.
    """
    row = SELECT_CONVERSATION.first(connection, caller.parameters | {"uid": uid})
    if row is None:
        raise UnknownUid(field, "Invalid conversation_uid")
    found = StaffConversation(caller, *row)
    # The same as `CALLER_HAS_ACCESS` in SQL.
    is_assigned = found.conversation["staff_id"] == caller.staff["id"]
    if not (caller.staff["access"] is Access.ALL or is_assigned or found.collaborator):
        raise AccessDenied
    return found
