"""The content of a sandbox: how a state is stored.

A replacement deletes all rows of the old content, so its result depends on the new one alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, delete, insert, select, update

from conversations.messages import display_name, effects_of_message, new_message
from database.connections import Base
from database.statements import Query, Row, Statement, save_row
from field_types.request_fields import cooperatively
from models import (
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    Message,
    StaffMember,
    new_row,
)
from states.parsing import CLIENT, deterministic_uid
from states.schema import TimeSpec

StoredToken = tuple[str, str | None, datetime | None]  # digest, staff member's uid, expiry


def _insert(model: type[Base], **references: Any) -> Statement:
    """Return the insert of rows, with subqueries that find the ids of what uids refer to."""
    columns = (column.key for column in model.__table__.columns if column.key != "id")
    return Statement(insert(model).values({name: bindparam(name) for name in columns} | references))


def _id_of(model: type[Base], uid: str) -> Any:
    """Return the subquery for the id of the business's row whose uid a parameter names."""
    table = model.__table__.alias()
    in_business = table.c.business_id == bindparam("business_id")
    query = select(table.c.id).where(in_business, table.c.uid == bindparam(uid))
    return query.scalar_subquery()


INSERT_STAFF_MEMBER = _insert(StaffMember)
INSERT_TOKEN = _insert(AccessToken)
INSERT_CLIENT = _insert(Client)
INSERT_CONVERSATION = _insert(Conversation, client_id=_id_of(Client, "client_uid"))
INSERT_COLLABORATOR = _insert(
    Collaborator, conversation_id=_id_of(Conversation, "conversation_uid")
)
INSERT_MESSAGE = _insert(Message, conversation_id=_id_of(Conversation, "conversation_uid"))
MERGE = Statement(
    update(Conversation)
    .where(Conversation.business_id == bindparam("business_id"))
    .where(Conversation.uid == bindparam("conversation_uid"))
    .values(merged_into_id=_id_of(Conversation, "target_uid"))
)
SELECT_STAFF_IDS = Query(
    select(StaffMember.uid, StaffMember.id).where(
        StaffMember.business_id == bindparam("business_id")
    )
)
# Everything else of the content refers to a business, and is deleted with it.
DELETE_CONTENT = [
    Statement(delete(model).where(model.sandbox_id == bindparam("sandbox_id")))
    for model in (AccessToken, Business)
]


@dataclass(frozen=True)
class StoredBusiness:
    """A stored business, with the ids of its staff by uid."""

    id: int
    zone: ZoneInfo
    staff_ids: Mapping[str, int]
    now: datetime  # relative times count from it

    def find_times(self, fields: Row) -> Row:
        """Return fields with their moments as times."""
        return {
            name: value.resolve(self.now, self.zone) if isinstance(value, TimeSpec) else value
            for name, value in fields.items()
        }


def replace_content(
    connection: sa.Connection,
    sandbox_id: int,
    state: Row,
    now: datetime,
    invalid_tokens: Iterable[StoredToken] = (),
) -> None:
    """Replace all businesses of a sandbox by those of a state, whose times count from now.

    `invalid_tokens` are those that no state has: without a staff member, or expired.
    """
    for statement in DELETE_CONTENT:
        statement.run(connection, {"sandbox_id": sandbox_id})
    staff_ids: dict[str, int] = {}
    tokens: list[Row] = []
    for position, each in enumerate(state["businesses"]):
        business = _add_business(connection, sandbox_id, position, each, now)
        add_clients(connection, business, each["clients"])
        names = {client["uid"]: display_name(client) for client in each["clients"]}
        add_conversations(connection, business, each["conversations"], names)
        staff_ids |= business.staff_ids
        tokens += [
            _make_token(sandbox_id, digest, business.staff_ids[staff_member["uid"]])
            for staff_member in each["staff"]
            for digest in staff_member["tokens"]
        ]
    tokens += [
        _make_token(sandbox_id, digest, staff_ids.get(uid or ""), expires_at)
        for digest, uid, expires_at in invalid_tokens
    ]
    INSERT_TOKEN.run_many(connection, tokens)


def add_clients(connection: sa.Connection, business: StoredBusiness, clients: list[Row]) -> None:
    """Add clients to a business."""
    INSERT_CLIENT.run_many(
        connection,
        [{"business_id": business.id} | business.find_times(each) for each in clients],
    )


def add_conversations(
    connection: sa.Connection,
    business: StoredBusiness,
    conversations: Sequence[Row],
    names: Mapping[str, str],
) -> None:
    """Add conversations with their messages and collaborators; `names` are the clients' by uid."""
    rows: list[Row] = []
    messages: list[Row] = []
    collaborators: list[Row] = []
    merges: list[Row] = []
    for each in cooperatively(conversations):
        title = each.get("title", names[each["client"]])
        row, its_messages = _make_conversation(business, each, title)
        rows.append(row)
        messages += its_messages
        reference = {"business_id": business.id, "conversation_uid": each["uid"]}
        collaborators += [
            reference
            | business.find_times(collaborator)
            | {"staff_id": business.staff_ids[collaborator["staff"]]}
            for collaborator in each["collaborators"]
        ]
        if each["merged_into"] is not None:
            merges.append(reference | {"target_uid": each["merged_into"]})
    INSERT_CONVERSATION.run_many(connection, rows)
    INSERT_COLLABORATOR.run_many(connection, collaborators)
    INSERT_MESSAGE.run_many(connection, messages)
    MERGE.run_many(connection, merges)


def _add_business(
    connection: sa.Connection, sandbox_id: int, position: int, each: Row, now: datetime
) -> StoredBusiness:
    """Add a business with its staff."""
    own = {name: each[name] for name in ("uid", "name", "time_zone")}
    row = new_row(Business, sandbox_id=sandbox_id, position=position, **own)
    business_id = save_row(connection, Business, None, row)["id"]
    staff = [
        {"display_name": staff_member["full_name"], "business_id": business_id, "position": number}
        | staff_member
        for number, staff_member in enumerate(each["staff"])
    ]
    INSERT_STAFF_MEMBER.run_many(connection, staff)
    rows = SELECT_STAFF_IDS.all(connection, {"business_id": business_id})
    staff_ids = {staff_member["uid"]: staff_member["id"] for [staff_member] in rows}
    return StoredBusiness(business_id, ZoneInfo(each["time_zone"]), staff_ids, now)


def _make_token(
    sandbox_id: int, digest: str, staff_id: int | None, expires_at: datetime | None = None
) -> Row:
    """Return the row of a token."""
    return {
        "sandbox_id": sandbox_id,
        "digest": digest,
        "staff_id": staff_id,
        "expires_at": expires_at,
    }


def _make_conversation(business: StoredBusiness, each: Row, title: str) -> tuple[Row, list[Row]]:
    """Return the row of a conversation, and those of its messages."""
    messages = [business.find_times(message) for message in each["messages"]]
    created_at = min((message["at"] for message in messages), default=business.now)
    given = business.find_times(each)
    matter = given.pop("matter", None) or {"uid": None, "title": None}
    row = new_row(
        Conversation,
        business_id=business.id,
        staff_id=business.staff_ids[each["staff"]],
        title=title,
        channel_uid=deterministic_uid("channel", each["uid"]),
        created_at=created_at,
        updated_at=created_at,
        matter_uid=matter["uid"],
        matter_title=matter["title"],
    )
    own = {name: value for name, value in given.items() if name in row}
    rows = [_make_message(business, row | own, message) for message in messages]
    for message in sorted(rows, key=lambda message: message["created_at"]):
        row |= effects_of_message(row, message["direction"], message["created_at"])
    # Only the state itself makes a conversation unread or archived, not its messages.
    unmoved = dict.fromkeys(("archived", "business_unread", "client_unread"), False)
    return row | unmoved | own | {"client_uid": each["client"]}, rows


def _make_message(business: StoredBusiness, conversation: Row, message: Row) -> Row:
    """Return the row of a message."""
    is_from_client = message["sender"] == CLIENT
    direction = Direction.CLIENT_TO_BUSINESS if is_from_client else Direction.BUSINESS_TO_CLIENT
    if message["internal"]:
        direction = Direction.INTERNAL
    row = new_message(
        conversation,
        direction,
        message["text"],
        message["at"],
        staff_id=None if is_from_client else business.staff_ids[message["sender"]],
        channels=[] if message["internal"] else ["email"],
        uid=message["uid"],
    )
    own = {name: value for name, value in message.items() if name in row}
    return row | own | {"conversation_uid": conversation["uid"]}
