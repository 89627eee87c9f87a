"""How a sandbox gets its data: a state, in the form of `inbox.json`."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, insert, update

from conversations.callers import digest_of
from conversations.messages import display_name, effects_of_message, new_message
from database.connections import Base
from database.statements import Row, save_row
from models import (
    AccessToken,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    Message,
    Sandbox,
    StaffMember,
    TokenKind,
    new_row,
)

Ids = dict[Any, list[int]]  # by model
# Fields of a state that are not columns of their own table.
NAMES = "client clients collaborators conversations merged_into messages staff tokens"
REFERENCES = set(NAMES.split())
RELATIVE_TIME = re.compile(r"([+-]\d+(?:\.\d+)?)([dhm])")  # as in "-3d", "-1.5h", "+30m"
UNITS = {"h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class StoredBusiness:
    """A business that is stored, and what its conversations refer to by uid."""

    id: int
    zone: ZoneInfo
    staff_ids: dict[str, int]
    now: datetime  # which relative times count from
    clients: dict[str, Row] = field(default_factory=dict)

    def read_time(self, text: str) -> datetime:
        """Return the time that a string names; days before or after now are the zone's own."""
        relative = RELATIVE_TIME.fullmatch(text)
        if not relative:
            return datetime.fromisoformat(text)
        number, unit = float(relative[1]), relative[2]
        if unit == "d":
            return self.now.astimezone(self.zone) + timedelta(days=number)
        return self.now + timedelta(**{UNITS[unit]: number})

    def read_times(self, fields: Row) -> Row:
        """Return fields with the times that they have as times."""
        return {
            name: self.read_time(value) if name.endswith(("_at", "_date")) and value else value
            for name, value in fields.items()
        }


def add_sandbox(connection: sa.Connection, name: str, state: Row, now: datetime) -> Ids:
    """Add a sandbox with the businesses of a state; keep the rows that it already has of them.

    Returns the ids of tokens, staff, businesses and of the sandbox.
    """
    ids: Ids = {AccessToken: [], StaffMember: [], Business: [], Sandbox: []}
    keep_row(connection, ids, new_row(Sandbox, name=name), Sandbox, "name")
    for business in state["businesses"]:
        stored = _add_business(connection, ids, business, now)
        add_clients(connection, stored, business["clients"])
        add_conversations(connection, stored, business["conversations"])
    return ids


def add_token(
    connection: sa.Connection,
    ids: Ids,
    token: str,
    staff_id: int | None,
    expires_at: datetime | None = None,
) -> None:
    """Add a token, of a staff member or else of none."""
    row = new_row(
        AccessToken,
        sandbox_id=ids[Sandbox][0],
        digest=digest_of(token),
        kind=TokenKind.STAFF if staff_id else TokenKind.DIRECTORY,
        staff_id=staff_id,
        expires_at=expires_at,
    )
    keep_row(connection, ids, row, AccessToken, "sandbox_id", "digest")


def keep_row(connection: sa.Connection, ids: Ids, row: Row, model: type[Base], *unique: str) -> int:
    """Update the row that has the same values in its unique columns, or insert it; note its id."""
    table = model.__table__
    query = sa.select(table).where(*(table.c[name] == row[name] for name in unique))
    found = connection.execute(query).mappings().first()
    stored = dict(found) if found else None
    saved = save_row(connection, model, stored, row)
    ids[model].append((stored or saved)["id"])
    return ids[model][-1]


def add_clients(connection: sa.Connection, business: StoredBusiness, clients: list[Row]) -> None:
    """Add clients, and let the business know them."""
    rows = [
        new_row(Client, last_name="", phone="", created_at=business.now, business_id=business.id)
        | business.read_times(_own_fields(Client, each))
        for each in clients
    ]
    for row, client_id in zip(rows, insert_rows(connection, Client, rows), strict=True):
        business.clients[row["uid"]] = row | {"id": client_id}


def add_conversations(
    connection: sa.Connection,
    business: StoredBusiness,
    conversations: Sequence[Row],
) -> None:
    """Add conversations with their messages and collaborators."""
    rows, messages, collaborators = [], [], []
    for each in conversations:
        row = _make_conversation(business, each, business.clients[each["client"]])
        messages += _make_messages(business, each, row)
        rows.append(row)
        collaborators += [
            new_row(Collaborator, **business.read_times(_own_fields(Collaborator, it)))
            | {"conversation_id": each["uid"], "staff_id": business.staff_ids[it["staff"]]}
            for it in each.get("collaborators", [])
        ]
    uids = (row["uid"] for row in rows)
    ids = dict(zip(uids, insert_rows(connection, Conversation, rows), strict=True))
    for model, children in ((Message, messages), (Collaborator, collaborators)):
        for child in children:
            child["conversation_id"] = ids[child["conversation_id"]]
        if children:
            connection.execute(insert(model), children)
    merged = [
        {"merged_id": ids[each["uid"]], "target_id": ids[each["merged_into"]]}
        for each in conversations
        if each.get("merged_into")
    ]
    if merged:
        is_merged = Conversation.id == bindparam("merged_id")
        target: sa.BindParameter[int] = bindparam("target_id")
        merge = update(Conversation).where(is_merged).values(merged_into_id=target)
        connection.execute(merge, merged)


def insert_rows(connection: sa.Connection, model: type[Base], rows: Iterable[Row]) -> list[int]:
    """Insert rows of a table, and return their ids in the same order."""
    ids: Any = model.__table__.c.id
    statement = insert(model).returning(ids, sort_by_parameter_order=True)
    return list(connection.execute(statement, list(rows)).scalars())


def fixed_uid(*parts: str) -> str:
    """Return a uid that is always the same for the same thing."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _own_fields(model: type[Base], fields: Row) -> Row:
    """Return those fields that a table has columns for; raise ValueError for an unknown one."""
    if unknown := fields.keys() - model.__table__.columns.keys() - REFERENCES:
        raise ValueError(f"A {model.__tablename__} has no field {', '.join(sorted(unknown))}.")
    return {name: value for name, value in fields.items() if name in model.__table__.columns}


def _add_business(
    connection: sa.Connection, ids: Ids, business: Row, now: datetime
) -> StoredBusiness:
    row = new_row(Business, **_own_fields(Business, business), sandbox_id=ids[Sandbox][0])
    business_id = keep_row(connection, ids, row, Business, "sandbox_id", "uid")
    stored = StoredBusiness(business_id, ZoneInfo(business["time_zone"]), {}, now)
    for each in business["staff"]:
        own = {"email": "", "display_name": each["full_name"]} | _own_fields(StaffMember, each)
        row = new_row(StaffMember, business_id=business_id, **own)
        staff_id = keep_row(connection, ids, row, StaffMember, "business_id", "uid")
        stored.staff_ids[each["uid"]] = staff_id
        for token in each["tokens"]:
            add_token(connection, ids, token, staff_id)
    return stored


def _make_conversation(business: StoredBusiness, fields: Row, client: Row) -> Row:
    """Return the row of a conversation before it has messages."""
    first_staff_uid = next(iter(business.staff_ids))
    messages = fields.get("messages", [])
    row = new_row(
        Conversation,
        business_id=business.id,
        client_id=client["id"],
        staff_id=business.staff_ids[fields.get("staff", first_staff_uid)],
        title=display_name(client),
        channel_uid=fixed_uid("channel", fields["uid"]),
        created_at=business.read_time(messages[0]["at"]) if messages else business.now,
    ) | business.read_times(_own_fields(Conversation, fields))
    return row | {"updated_at": row["created_at"]}


def _make_messages(business: StoredBusiness, fields: Row, conversation: Row) -> list[Row]:
    """Return the rows of a conversation's messages, and let its own row count them."""
    messages = []
    unread = {name: conversation[name] for name in ("archived", "business_unread", "client_unread")}
    for number, each in enumerate(fields.get("messages", [])):
        is_from_client = each["from"] == "client"
        direction = Direction.CLIENT_TO_BUSINESS if is_from_client else Direction.BUSINESS_TO_CLIENT
        time = business.read_time(each["at"])
        message = new_message(
            conversation,
            direction,
            each["text"],
            time,
            staff_id=None if is_from_client else business.staff_ids[each["from"]],
            channels=["email"],
            uid=fixed_uid("message", fields["uid"], str(number)),
        )
        messages.append(message | {"conversation_id": fields["uid"]})
        conversation |= effects_of_message(conversation, direction, time) | unread
    return messages
