"""The content of a sandbox: how a state is stored.

A replacement deletes all rows of the old content, so its result depends on the new one alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, delete, insert, update

from conversations.messages import effects_of_message
from database.statements import Row, Statement, save_row
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
from states.parsing import CLIENT, deterministic_uid

Ids = Mapping[str, int]  # by uid
# Everything else of the content belongs to a business, and is deleted with it.
DELETE_CONTENT = [
    Statement(delete(model).where(model.sandbox_id == bindparam("sandbox_id")))
    for model in (AccessToken, Business)
]
INSERT_TOKEN, INSERT_COLLABORATOR, INSERT_MESSAGE = (
    Statement(insert(model).values({name: bindparam(name) for name in new_row(model)}))
    for model in (AccessToken, Collaborator, Message)
)
MERGE = Statement(
    update(Conversation)
    .where(Conversation.id == bindparam("merged_id"))
    .values(merged_into_id=bindparam("target_id"))
)


@dataclass(frozen=True)
class StoredBusiness:
    """A stored business, with the ids of its staff by uid."""

    id: int
    zone: ZoneInfo
    staff_ids: Ids
    now: datetime  # relative times count from it

    def resolve_times(self, fields: Row) -> Row:
        """Return fields with absolute times."""
        return {
            name: value.resolve(self.now, self.zone) if isinstance(value, TimeSpec) else value
            for name, value in fields.items()
        }


def replace_content(connection: sa.Connection, sandbox_id: int, state: Row, now: datetime) -> None:
    """Replace all businesses of a sandbox by those of a state, whose times count from now."""
    for statement in DELETE_CONTENT:
        statement.run(connection, {"sandbox_id": sandbox_id})
    for position, each in enumerate(state["businesses"]):
        own = {name: each[name] for name in ("uid", "name", "time_zone")}
        row = own | {"sandbox_id": sandbox_id, "position": position}
        business_id = save_row(connection, Business, None, row)["id"]
        staff_ids = {}
        for number, staff_member in enumerate(each["staff"]):
            own = {name: value for name, value in staff_member.items() if name != "tokens"}
            row = own | {"business_id": business_id, "position": number}
            staff_id = staff_ids[own["uid"]] = save_row(connection, StaffMember, None, row)["id"]
            token = {"sandbox_id": sandbox_id, "kind": TokenKind.STAFF, "staff_id": staff_id}
            tokens = [
                new_row(AccessToken, digest=digest, **token) for digest in staff_member["tokens"]
            ]
            INSERT_TOKEN.run_many(connection, tokens)
        business = StoredBusiness(business_id, ZoneInfo(each["time_zone"]), staff_ids, now)
        client_ids = add_clients(connection, business, each["clients"])
        add_conversations(connection, business, each["conversations"], client_ids)


def add_clients(connection: sa.Connection, business: StoredBusiness, clients: Iterable[Row]) -> Ids:
    """Add clients to a business; return their ids."""
    rows = (business.resolve_times(each) | {"business_id": business.id} for each in clients)
    return {row["uid"]: save_row(connection, Client, None, row)["id"] for row in rows}


def add_conversations(
    connection: sa.Connection,
    business: StoredBusiness,
    conversations: Sequence[Row],
    client_ids: Ids,
) -> None:
    """Add conversations with their messages and collaborators to a business."""
    ids: dict[str, int] = {}
    for index, each in enumerate(conversations):
        yield_to_others(index)
        messages = [business.resolve_times(message) for message in each["messages"]]
        row = _make_conversation(business, business.resolve_times(each), messages)
        row["client_id"] = client_ids[each["client"]]
        conversation = save_row(connection, Conversation, None, row)
        ids[each["uid"]] = conversation["id"]
        INSERT_MESSAGE.run_many(
            connection, [_make_message(business, conversation, message) for message in messages]
        )
        collaborators = [
            business.resolve_times(collaborator)
            | {
                "conversation_id": conversation["id"],
                "staff_id": business.staff_ids[collaborator["staff"]],
            }
            for collaborator in each["collaborators"]
        ]
        INSERT_COLLABORATOR.run_many(connection, collaborators)
    merges = [
        {"merged_id": ids[each["uid"]], "target_id": ids[each["merged_into"]]}
        for each in conversations
        if each["merged_into"] is not None
    ]
    MERGE.run_many(connection, merges)


def _make_conversation(business: StoredBusiness, given: Row, messages: Sequence[Row]) -> Row:
    """Return the row of a conversation: its messages set the columns that are not given."""
    created_at = min((message["at"] for message in messages), default=business.now)
    matter = given.get("matter") or {"uid": None, "title": None}
    row = new_row(
        Conversation,
        business_id=business.id,
        staff_id=business.staff_ids[given["staff"]],
        channel_uid=deterministic_uid("channel", given["uid"]),
        created_at=created_at,
        updated_at=created_at,
        matter_uid=matter["uid"],
        matter_title=matter["title"],
    )
    for message in sorted(messages, key=lambda message: message["at"]):
        row |= effects_of_message(row, _find_direction(message), message["at"])
    # Only the state itself makes a conversation unread or archived, not its messages.
    row |= dict.fromkeys(("archived", "business_unread", "client_unread"), False)
    return row | {name: value for name, value in given.items() if name in row}


def _make_message(business: StoredBusiness, conversation: Row, given: Row) -> Row:
    """Return the row of a message."""
    row = new_row(
        Message,
        business_id=business.id,
        conversation_id=conversation["id"],
        staff_id=business.staff_ids.get(given["sender"]),
        direction=_find_direction(given),
        title=conversation["title"],
        channels=[] if given["internal"] else ["email"],
        created_at=given["at"],
        updated_at=given["at"],
    )
    return row | given  # `run_many` takes the columns alone


def _find_direction(message: Row) -> Direction:
    if message["internal"]:
        return Direction.INTERNAL
    is_from_client = message["sender"] == CLIENT
    return Direction.CLIENT_TO_BUSINESS if is_from_client else Direction.BUSINESS_TO_CLIENT
