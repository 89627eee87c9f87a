"""Add generated conversations and messages to the database that the settings name.

For example: `.venv/bin/python -m bench.generate --conversations 1000 --messages 50`.
"""

from datetime import UTC, datetime, timedelta

import click
from sqlalchemy import func, insert, select

from app import create_app
from conversations.messages import conversation_changes, new_message
from database.connections import get_connection, transaction
from database.statements import Row, save_row
from models import (
    DEFAULT_SANDBOX,
    Business,
    Conversation,
    Direction,
    FollowUpState,
    Message,
    Sandbox,
    StaffMember,
)
from states.parsing import deterministic_uid
from states.schema import CLIENT, TimeSpec
from states.storage import insert_rows, make_rows

BATCH = 10_000  # conversations or messages that are written at once; in between, others may write
RARE = 10
FIRST_NAMES = "Adi Ben Chen Dana Eitan Gal Hila Ido Lior Maya Noam Omer Rina Shir Tal Yael".split()
LAST_NAMES = "Amir Bar Cohen Dagan Eldar Golan Harel Katz Levi Mor Navon Oren Peled Segal".split()
QUESTION = "Is there an appointment next week, before work if possible?"
ANSWER = "There is: Tuesday at 7:30. Shall I put you down for it?"


@click.command()
@click.option("--conversations", type=click.IntRange(min=0), default=0, help="In the business.")
@click.option("--messages", type=click.IntRange(min=0), default=0, help="In its first one.")
def generate(conversations: int, messages: int) -> None:
    """Add generated data until the first business has these numbers."""
    with create_app().app_context():
        generate_conversations(conversations)
        generate_messages(messages)


def generate_conversations(total: int) -> None:
    """Add conversations of two messages to the first business, until it has `total`."""
    business, ids = _find_first_business()
    of_business = Conversation.business_id == ids["business"][0]
    start = get_connection().scalar(select(func.count()).where(of_business)) or 0
    with click.progressbar(length=max(total - start, 0), label="Conversations") as bar:
        for first in range(start, total, BATCH):
            numbers = range(first, total)[:BATCH]
            clients = [_make_client(number) for number in numbers]
            conversations = [_make_conversation(business, number, total) for number in numbers]
            more = business | {"clients": clients, "conversations": conversations}
            content = make_rows({"businesses": [more]}, datetime.now(UTC))
            for model in (Business, StaffMember):  # which are there
                del content[model]
            with transaction(ids["sandbox"][0]) as connection:
                insert_rows(connection, content, dict(ids))
            bar.update(len(numbers))


def generate_messages(total: int) -> None:
    """Add messages of the client to the first conversation, until it has `total`."""
    _, ids = _find_first_business()
    now = datetime.now(UTC)
    first = select(Conversation.__table__).where(Conversation.business_id == ids["business"][0])
    first = first.order_by(Conversation.id).limit(1)
    left = total - get_connection().execute(first).mappings().one()["message_count"]
    with click.progressbar(length=max(left, 0), label="Messages") as bar:
        for start in range(0, left, BATCH):
            with transaction(ids["sandbox"][0]) as connection:
                stored = dict(connection.execute(first).mappings().one())
                conversation, messages = dict(stored), []
                for _ in range(start, left)[:BATCH]:
                    direction = Direction.CLIENT_TO_BUSINESS
                    messages.append(
                        new_message(conversation, direction, QUESTION, now, channels=["email"])
                    )
                    conversation |= conversation_changes(conversation, direction, now)
                connection.execute(insert(Message), messages)
                save_row(connection, Conversation, stored, conversation)
            bar.update(len(messages))


def _make_client(number: int) -> Row:
    first_name = FIRST_NAMES[number % len(FIRST_NAMES)]
    return {
        "uid": deterministic_uid("generated client", str(number)),
        "first_name": first_name,
        "last_name": LAST_NAMES[number % len(LAST_NAMES)],
        "email": f"{first_name.lower()}{number}@example.com",
        "phone": "",
        "spam": False,
        "created_at": TimeSpec(),
    }


def _make_conversation(business: Row, number: int, total: int) -> Row:
    """Return a conversation; of all of them, RARE are followed up, RARE archived, RARE deleted."""
    position = number % max(total // RARE, 3)
    owner = business["staff"][0]["uid"]
    minutes = number % 500_000
    follow_up = {
        "staff": owner,
        "follow_up_state": FollowUpState.ACTIVE,
        "follow_up_date": TimeSpec(None, timedelta(days=400), is_in_days=True),
        "follow_up_message": "Ask whether it suits",
        "unread": False,
    }
    uid = deterministic_uid("generated conversation", str(number))
    return {
        "uid": uid,
        "staff": owner,
        "merged_into": None,
        "client": deterministic_uid("generated client", str(number)),
        "title": f"Appointment {number:,}",
        "archived": position == 0,
        "deleted_at": TimeSpec() if position == 1 else None,
        "business_unread": number % 3 == 0,
        "client_unread": True,
        "collaborators": [follow_up] if position == 2 else [],
        "messages": [
            _make_message(uid, CLIENT, minutes + 20, QUESTION),
            _make_message(uid, owner, minutes, ANSWER),
        ],
    }


def _make_message(conversation: str, sender: str, minutes: int, text: str) -> Row:
    return {
        "uid": deterministic_uid("message", conversation, text),
        "sender": sender,
        "text": text,
        "internal": False,
        "at": TimeSpec(None, timedelta(minutes=-minutes)),
    }


def _find_first_business() -> tuple[Row, dict[str, list[int]]]:
    """Return the default sandbox's first business with its first staff member, and their ids."""
    query = (
        select(Business.__table__, StaffMember.uid.label("staff"), StaffMember.id.label("staff_id"))
        .join(StaffMember, StaffMember.business_id == Business.id)
        .join(Sandbox, Sandbox.id == Business.sandbox_id)
        .where(Sandbox.name == DEFAULT_SANDBOX)
        .order_by(Business.position, StaffMember.position)
        .limit(1)
    )
    row = dict(get_connection().execute(query).mappings().one())
    ids = {"sandbox": [row["sandbox_id"]], "business": [row["id"]], "staff": [row["staff_id"]]}
    return row | {"staff": [{"uid": row["staff"], "tokens": []}]}, ids


if __name__ == "__main__":
    generate()
