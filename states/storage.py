"""The content of a sandbox: how a state is stored.

A replacement keeps the rows of staff members and tokens that were there before, so that a request
that waited is still somebody's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, insert, select, update

from conversations.messages import display_name, effects_of_message, new_message
from database.connections import Base
from database.statements import Query, Row, Statement, save_row
from field_types.request_fields import yield_to_others
from field_types.state_fields import TimeSpec
from models import (
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    Message,
    StaffMember,
    TokenKind,
    new_row,
)
from states.export import OF_SANDBOX, SELECT_BUSINESSES, SELECT_STAFF, SELECT_TOKENS
from states.parsing import CLIENT, deterministic_uid

Ids = Mapping[Any, int]  # of rows, by what names them
StoredToken = tuple[str, str | None, datetime | None]  # digest, uid of the staff member, expiry


def _insert(model: type[Base], **references: Any) -> Statement:
    """Return the insert of rows, in which subqueries find the ids that uids stand for."""
    columns = (column.key for column in model.__table__.columns if column.key != "id")
    return Statement(insert(model).values({name: bindparam(name) for name in columns} | references))


@cache
def _insert_whole(model: type[Base]) -> Statement:
    """Return the insert of rows in which no id has to be found."""
    return _insert(model)


@cache
def _delete(model: type[Base]) -> Statement:
    """Return the deletion of the row whose id a parameter has."""
    return Statement(sa.delete(model).where(model.__table__.c.id == bindparam("row_id")))


def _id_of(model: type[Base], uid: str) -> Any:
    """Return the subquery for the id of the business's row whose uid a parameter names."""
    table = model.__table__.alias()
    in_business = table.c.business_id == bindparam("business_id")
    query = select(table.c.id).where(in_business, table.c.uid == bindparam(uid))
    return query.scalar_subquery()


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
_businesses = select(Business.id).where(OF_SANDBOX)
_conversations = select(Conversation.id).where(Conversation.business_id.in_(_businesses))
EMPTY = (
    Statement(sa.delete(Message).where(Message.business_id.in_(_businesses))),
    Statement(sa.delete(Collaborator).where(Collaborator.conversation_id.in_(_conversations))),
    Statement(sa.delete(Conversation).where(Conversation.business_id.in_(_businesses))),
    Statement(sa.delete(Client).where(Client.business_id.in_(_businesses))),
)


@dataclass(frozen=True)
class StoredBusiness:
    """A business that is stored, and what its conversations refer to by uid."""

    id: int
    zone: ZoneInfo
    staff_ids: Ids
    now: datetime  # which relative times count from

    def find_times(self, fields: Row) -> Row:
        """Return fields with their moments as times."""
        return {
            name: value.resolve(self.now, self.zone) if isinstance(value, TimeSpec) else value
            for name, value in fields.items()
        }


def empty(connection: sa.Connection, sandbox_id: int) -> None:
    """Delete all clients of a sandbox with their conversations."""
    for statement in EMPTY:
        statement.run(connection, {"sandbox_id": sandbox_id})


def replace_content(
    connection: sa.Connection,
    sandbox_id: int,
    state: Row,
    now: datetime,
    invalid_tokens: Iterable[StoredToken] = (),
) -> None:
    """Replace all businesses of a sandbox by those of a state, whose times count from now.

    `invalid_tokens` are those that no state has: of no staff member, or expired.
    """
    empty(connection, sandbox_id)
    businesses = _Rows(connection, Business, SELECT_BUSINESSES, sandbox_id, "uid")
    staff = _Rows(connection, StaffMember, SELECT_STAFF, sandbox_id, "business_id", "uid")
    tokens = _Rows(connection, AccessToken, SELECT_TOKENS, sandbox_id, "digest")
    business_ids = businesses.save(_make_businesses(state, sandbox_id))
    staff_ids = staff.save(_make_staff(state, business_ids))
    tokens.save(_make_tokens(state, sandbox_id, business_ids, staff_ids, invalid_tokens))
    for rows in (tokens, staff, businesses):  # what is referred to goes last
        rows.delete_others()

    for each in state["businesses"]:
        business_id = business_ids[each["uid"]]
        ids = {uid: staff_id for (its, uid), staff_id in staff_ids.items() if its == business_id}
        business = StoredBusiness(business_id, ZoneInfo(each["time_zone"]), ids, now)
        add_clients(connection, business, each["clients"])
        names = {client["uid"]: display_name(client) for client in each["clients"]}
        add_conversations(connection, business, each["conversations"], names)


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
    for index, each in enumerate(conversations):
        yield_to_others(index)
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


def _make_businesses(state: Row, sandbox_id: int) -> Iterator[Row]:
    for position, each in enumerate(state["businesses"]):
        own = {name: each[name] for name in ("uid", "name", "time_zone")}
        yield new_row(Business, sandbox_id=sandbox_id, position=position, **own)


def _make_staff(state: Row, business_ids: Ids) -> Iterator[Row]:
    for business in state["businesses"]:
        business_id = business_ids[business["uid"]]
        for position, each in enumerate(business["staff"]):
            own = {"display_name": each["full_name"]} | each
            del own["tokens"]
            yield new_row(StaffMember, business_id=business_id, position=position, **own)


def _make_tokens(
    state: Row,
    sandbox_id: int,
    business_ids: Ids,
    staff_ids: Ids,
    invalid_tokens: Iterable[StoredToken],
) -> Iterator[Row]:
    by_uid = {uid: staff_id for (_, uid), staff_id in staff_ids.items()}
    tokens = [
        (digest, staff_ids[business_ids[business["uid"]], each["uid"]], None)
        for business in state["businesses"]
        for each in business["staff"]
        for digest in each["tokens"]
    ] + [(digest, by_uid.get(uid), expires_at) for digest, uid, expires_at in invalid_tokens]
    for digest, staff_id, expires_at in tokens:
        kind = TokenKind.STAFF if staff_id else TokenKind.DIRECTORY
        yield new_row(
            AccessToken,
            sandbox_id=sandbox_id,
            digest=digest,
            kind=kind,
            staff_id=staff_id,
            expires_at=expires_at,
        )


class _Rows:
    """The rows of a table in a sandbox, which stay where they have the same key as wanted ones."""

    def __init__(
        self, connection: sa.Connection, model: type[Base], query: Query, sandbox_id: int, *key: str
    ) -> None:
        self._connection, self._model, self._query, self._key = connection, model, query, key
        self._of_sandbox = {"sandbox_id": sandbox_id}
        self._others = self._select()

    def save(self, wanted: Iterable[Row]) -> Ids:
        """Save rows in place of those of the same keys; return the ids of all by their keys."""
        ids: dict[Any, int] = {}
        new: list[Row] = []
        for row in wanted:
            stored = self._others.pop(self._key_of(row), None)
            if stored:
                save_row(self._connection, self._model, stored, stored | row)
                ids[self._key_of(row)] = stored["id"]
            else:
                new.append(row)
        if new:
            _insert_whole(self._model).run_many(self._connection, new)
            ids = {key: row["id"] for key, row in self._select().items() if key not in self._others}
        return ids

    def delete_others(self) -> None:
        """Delete the rows that nobody wanted."""
        ids = [{"row_id": row["id"]} for row in self._others.values()]
        _delete(self._model).run_many(self._connection, ids)

    def _select(self) -> dict[Any, Row]:
        rows = self._query.all(self._connection, self._of_sandbox)
        return {self._key_of(row): row for [row] in rows}

    def _key_of(self, row: Row) -> Any:
        return row[self._key[0]] if len(self._key) == 1 else tuple(row[name] for name in self._key)


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
    # What is unread or archived is so because the state says so.
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
