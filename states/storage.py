"""The content of a sandbox: converting a state to rows, and rows to a state."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy import bindparam, delete, insert, select, update

from conversations.messages import conversation_changes, new_message
from database.statements import Query, Row, Statement, cooperatively
from field_types.request_fields import RequestSchema
from field_types.response_fields import format_utc
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
from states import schema
from states.parsing import MAX_BYTES, TOO_LARGE, deterministic_uid
from states.schema import CLIENT, TimeSpec

Content = dict[Any, list[Row]]  # the rows of each table, which refer to each other by ids
INSERT = {  # merges are stored once both conversations exist
    model: Statement(
        insert(model).values(
            {name: bindparam(name) for name in new_row(model) if name != "merged_into_id"}
        )
    )
    for model in (Business, StaffMember, AccessToken, Client, Conversation, Collaborator, Message)
}
MERGE = Statement(
    update(Conversation)
    .where(Conversation.id == bindparam("id"))
    .values(merged_into_id=bindparam("merged_into_id"))
)
FROZEN_BYTES = 25  # a frozen clock's time instead of null


def _select(model: Any, *order: Any) -> sa.Select[Any]:
    query = select(*model.__table__.columns).where(Business.sandbox_id == bindparam("sandbox_id"))
    if model in (AccessToken, Collaborator):
        query = query.join(StaffMember)
    if model is not Business:
        query = query.join(Business)
    return query.order_by(*order)


# Tokens with an expiry or without a staff member are the demo's invalid ones.
_tokens = _select(AccessToken, AccessToken.digest).where(AccessToken.expires_at.is_(None))
SELECT = {
    Business: Query(_select(Business, Business.position)),
    StaffMember: Query(_select(StaffMember, Business.position, StaffMember.position)),
    AccessToken: Query(_tokens),
    Client: Query(_select(Client, Client.id)),
    Conversation: Query(_select(Conversation, Conversation.id)),
    Collaborator: Query(_select(Collaborator, Collaborator.conversation_id, StaffMember.position)),
    Message: Query(_select(Message, Message.conversation_id, Message.id)),
}
NEWEST = {  # of the tables that rows of others refer to
    model: Statement(
        _select(model, model.id.desc()).with_only_columns(model.id).limit(bindparam("limit"))
    )
    for model in (Business, StaffMember, Client, Conversation)
}
DELETE_CONTENT = [  # all other rows are deleted with their business
    Statement(delete(model).where(model.sandbox_id == bindparam("sandbox_id")))
    for model in (AccessToken, Business)
]


def prepare_state(state: Row, frozen_at: datetime | None) -> tuple[Content, bytes]:
    """Return the rows of a parsed state for a sandbox's clock, and the state in JSON.

    Sets the `size` of the state with a frozen clock. Raises ValidationError if it is too large.
    """
    frozen_at = state.get("now", frozen_at)
    content = make_rows(state, frozen_at or datetime.now(UTC))
    shown = serialize_state(content, frozen_at)
    state["size"] = len(shown) + (0 if frozen_at else FROZEN_BYTES)
    if state["size"] > MAX_BYTES:
        raise ValidationError({"businesses": [TOO_LARGE]})
    return content, shown


def read_rows(
    connection: sa.Connection, sandbox_id: int, models: Iterable[Any] = SELECT
) -> Content:
    """Return the content of a sandbox, or only the rows of some tables."""
    values = {"sandbox_id": sandbox_id}
    return {
        model: [row for [row] in cooperatively(SELECT[model].each(connection, values))]
        for model in models
    }


def make_rows(state: Row, now: datetime) -> Content:
    """Return the content of a state; its relative times are based on `now`."""
    content: Content = {model: [] for model in INSERT}

    def add(model: Any, fields: Row, **others: Any) -> int:
        row_id = len(content[model])
        content[model].append(fields | others | {"id": row_id})
        return row_id

    for position, business in enumerate(state["businesses"]):
        business_id = add(Business, business, sandbox_id=0, position=position)
        resolve = partial(_resolve_times, now, ZoneInfo(business["time_zone"]))
        staff_ids, client_ids, conversation_ids = {}, {}, {}
        for number, each in enumerate(cooperatively(business["staff"])):
            staff_id = add(StaffMember, each, business_id=business_id, position=number)
            staff_ids[each["uid"]] = staff_id
            token = {"sandbox_id": 0, "staff_id": staff_id, "expires_at": None}
            for digest in sorted(each["tokens"]):
                add(AccessToken, token, digest=digest)
        for each in business["clients"]:
            client_ids[each["uid"]] = add(Client, resolve(each), business_id=business_id)
        for each in cooperatively(business["conversations"]):
            messages = [resolve(message) for message in cooperatively(each["messages"])]
            row = _make_conversation(resolve(each), messages, now)
            row["client_id"] = client_ids[each["client"]]
            row["staff_id"] = staff_ids[each["staff"]]
            conversation_id = add(Conversation, row, business_id=business_id)
            conversation_ids[each["uid"]] = conversation_id
            of_conversation = {"business_id": business_id, "conversation_id": conversation_id}
            for message in cooperatively(messages):
                message.setdefault("channels", [] if message["internal"] else ["email"])
                fields = new_message(row, _find_direction(message), now=message["at"], **message)
                sender_id = staff_ids.get(message["sender"])
                add(Message, fields, staff_id=sender_id, **of_conversation)
            for collaborator in each["collaborators"]:
                staff_id = staff_ids[collaborator["staff"]]
                add(Collaborator, resolve(collaborator), staff_id=staff_id, **of_conversation)
        for each, row_id in zip(business["conversations"], conversation_ids.values(), strict=True):
            target_id = conversation_ids.get(each["merged_into"])
            content[Conversation][row_id]["merged_into_id"] = target_id
    content[Collaborator].sort(key=lambda row: (row["conversation_id"], row["staff_id"]))
    return content


def insert_rows(connection: sa.Connection, content: Content, ids: dict[str, list[int]]) -> None:
    """Insert rows, which refer to each other by position, with the ids of the database."""
    [sandbox_id] = ids["sandbox"]
    for model, rows in content.items():
        for key in model.__table__.foreign_keys:
            if known := ids.get(key.column.table.name):
                name = key.parent.key
                for row in rows:
                    row[name] = None if row[name] is None else known[row[name]]
        INSERT[model].run_many(connection, rows)
        if newest := NEWEST.get(model):
            stored = newest.run(connection, {"sandbox_id": sandbox_id, "limit": len(rows)})
            ids[model.__tablename__] = [row_id for [row_id] in reversed(stored.fetchall())]
    new_ids = ids["conversation"]
    merged = [row for row in content[Conversation] if row["merged_into_id"] is not None]
    keys = ("id", "merged_into_id")
    MERGE.run_many(connection, [{key: new_ids[row[key]] for key in keys} for row in merged])


def serialize_state(content: Content, frozen_at: datetime | None) -> bytes:
    """Return content and the time of the clock as a state in JSON, one line per field."""
    tokens = defaultdict(list)
    for token in content[AccessToken]:
        tokens[token["staff_id"]].append(f"sha256:{token['digest']}")
    businesses, staff, _, clients, conversations, collaborators, messages = content.values()
    staff_uids, client_uids, conversation_uids = (
        {row["id"]: row["uid"] for row in rows} for rows in (staff, clients, conversations)
    )
    for row in staff:
        row["tokens"] = tokens[row["id"]]
    for row in collaborators:
        row["staff"] = staff_uids[row["staff_id"]]
    for row in messages:
        row["sender"] = staff_uids.get(row["staff_id"], CLIENT)
        row["internal"] = row["direction"] is Direction.INTERNAL
        row["at"] = row["created_at"]
    collaborators_of = _group(schema.CollaboratorState, collaborators, "conversation_id")
    messages_of = _group(schema.MessageState, messages, "conversation_id")
    for row in conversations:
        matter = {"uid": row["matter_uid"], "title": row["matter_title"]}
        row["client"] = client_uids[row["client_id"]]
        row["staff"] = staff_uids[row["staff_id"]]
        row["matter"] = matter if row["matter_uid"] else None
        row["merged_into"] = conversation_uids.get(row["merged_into_id"])
        row["collaborators"] = collaborators_of[row["id"]]
        row["messages"] = messages_of[row["id"]]
    children = {
        "staff": _group(schema.StaffMemberState, staff, "business_id"),
        "clients": _group(schema.ClientState, clients, "business_id"),
        "conversations": _group(schema.ConversationState, conversations, "business_id"),
    }
    for row in businesses:
        row |= {name: groups[row["id"]] for name, groups in children.items()}
    [shown] = _group(schema.BusinessState, businesses, "sandbox_id").values()
    state = {"now": frozen_at, "businesses": shown}
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
    show_time = partial(format_utc, timespec="microseconds")
    return orjson.dumps(state, default=show_time, option=options)


def _resolve_times(now: datetime, zone: ZoneInfo, fields: Row) -> Row:
    times = {name: value for name, value in fields.items() if isinstance(value, TimeSpec)}
    return fields | {name: value.resolve(now, zone) for name, value in times.items()}


def _make_conversation(given: Row, messages: Sequence[Row], now: datetime) -> Row:
    """Return the row of a conversation; its messages set the omitted columns."""
    created_at = min((message["at"] for message in messages), default=now)
    row = new_row(
        Conversation,
        channel_uid=deterministic_uid("channel", given["uid"]),
        created_at=created_at,
        updated_at=created_at,
    )
    if matter := given.get("matter"):
        row |= {"matter_uid": matter["uid"], "matter_title": matter["title"]}
    for message in sorted(messages, key=lambda message: message["at"]):
        row |= conversation_changes(row, _find_direction(message), message["at"])
    # Messages in a state don't make the conversation unread or unarchived.
    row |= dict.fromkeys(("archived", "business_unread", "client_unread"), False)
    return row | {name: value for name, value in given.items() if name in row}


def _find_direction(message: Row) -> Direction:
    if message["sender"] == CLIENT:
        return Direction.CLIENT_TO_BUSINESS
    return Direction.INTERNAL if message["internal"] else Direction.BUSINESS_TO_CLIENT


def _group(
    part: type[RequestSchema], rows: Iterable[Row], parent: str
) -> defaultdict[int, list[Row]]:
    """Return rows as parts of a state, grouped by the ids of their parents."""
    names = [(field.data_key or name, name) for name, field in part().dump_fields.items()]
    groups = defaultdict(list)
    for row in cooperatively(rows):
        groups[row[parent]].append({shown: row[name] for shown, name in names})
    return groups
