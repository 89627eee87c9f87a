"""The demo data, fixed but for its times, and the commands that load it."""

import hashlib
from datetime import datetime, timedelta

import click
from flask.cli import with_appcontext
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import OperationalError

from demo import generated as bulk
from demo.content import CONVERSATIONS, MERGES, NEIGHBOUR_CONVERSATIONS, Seed
from models import (
    Access,
    AccessToken,
    Base,
    Business,
    Client,
    Collaborator,
    Conversation,
    Direction,
    FollowUpState,
    Staff,
    TokenKind,
    db,
    write_transaction,
)

DEMO_TOKENS = {
    "demo-owner": "staff who may touch every conversation",
    "demo-colleague": "staff who may touch every conversation",
    "demo-assigned": "staff who may touch what is assigned to them or shared with them",
    "demo-neighbour": "staff of another business",
    "demo-directory": "valid, but it names no staff, so it is refused",
    "demo-expired": "expired, so it is refused",
}


def prepare_database() -> None:
    """Make the schema and the demo data in an empty database; change nothing in any other.

    Raises click.ClickException, with what to do, for tables of another version than this.
    """
    if not _has_data():
        with write_transaction():
            if not _has_data():  # another process may have been faster
                Base.metadata.create_all(db.session.connection())
                _add_demo_data()


@click.command()
@click.option(
    "--conversations",
    type=click.IntRange(min=1),
    help="Add generated conversations, until the first business has so many.",
)
@click.option(
    "--messages",
    type=click.IntRange(min=1),
    help="Add generated messages, until the first conversation has so many.",
)
@with_appcontext
def seed(conversations: int | None, messages: int | None) -> None:
    """Load the demo data, if the database is empty; add generated data, if told to."""
    try:
        prepare_database()
        if conversations:
            bulk.add_conversations(conversations)
        if messages:
            bulk.add_messages(messages)
    except OperationalError as error:
        raise click.ClickException(f"Not everything was added: {error.orig}.") from None
    click.echo(f"The database holds {_count_conversations()} conversations.")


@click.command()
@with_appcontext
def reset() -> None:
    """Replace all that the database holds by the demo data."""
    try:
        with write_transaction():
            Base.metadata.drop_all(db.session.connection())
            Base.metadata.create_all(db.session.connection())
            _add_demo_data()
    except OperationalError as error:
        raise click.ClickException(f"Nothing was changed: {error.orig}.") from None
    click.echo(f"The database holds the demo data anew: {_count_conversations()} conversations.")


def _has_tables() -> bool:
    """Say whether the tables are there; refuse those that another version made."""
    stored = {
        table: {column["name"] for column in columns}
        for (_, table), columns in inspect(db.session.connection()).get_multi_columns().items()
    }
    tables = Base.metadata.tables
    if not stored.keys() & tables.keys():
        return False
    for name, table in tables.items():
        if different := stored.get(name, set()) ^ set(table.columns.keys()):
            raise click.ClickException(
                f"The database was made by another version: the columns of {name} differ"
                f" ({', '.join(sorted(different))}). Nothing in it was changed. Move it away, so"
                " that a new one is made, or name another in FLASK_SQLALCHEMY_DATABASE_URI."
            )
    return True


def _has_data() -> bool:
    """Say whether there are tables with a business in them."""
    return _has_tables() and db.session.scalar(select(Business.id).limit(1)) is not None


def _count_conversations() -> int:
    return db.session.scalar(select(func.count(Conversation.id))) or 0


def _add_demo_data() -> None:
    practice = _add_business("4bq7ahdt1mfc0zkw", "Almog Physiotherapy")
    cafe = _add_business("x2p9vrge6nsl8jyu", "Café Rimon")
    staff = {
        "owner": _add_staff(practice, "5ya4gbwm2c3qoic8", "Ram Almog", Access.ALL),
        "colleague": _add_staff(practice, "3so2q8r2b35x7phd", "Noa Levi", Access.ALL),
        "assigned": _add_staff(practice, "8tk1w6zfy0dn4mvb", "Tom Peretz", Access.ASSIGNED),
        "neighbour": _add_staff(cafe, "6jh3x9qce5rl7gua", "Dana Rimon", Access.ALL),
    }
    _add_tokens(staff)
    conversations = _add_conversations(CONVERSATIONS, practice, staff)
    _add_conversations(NEIGHBOUR_CONVERSATIONS, cafe, staff)
    for source, target in MERGES.items():
        conversations[source].merged_into_id = conversations[target].id

    tomorrow = practice.now().astimezone(practice.zone) + timedelta(days=1)
    db.session.add(
        Collaborator(
            conversation_id=conversations["followup00000001"].id,
            staff_id=staff["owner"].id,
            follow_up_state=FollowUpState.ACTIVE,
            follow_up_date=tomorrow.replace(hour=10, minute=30, second=0, microsecond=0),
            follow_up_message="Ask whether the insurer pays",
        )
    )
    db.session.add(
        Collaborator(
            conversation_id=conversations["followup00000002"].id,
            staff_id=staff["colleague"].id,
            follow_up_state=FollowUpState.ACTIVE,
        )
    )
    db.session.add(
        Collaborator(
            conversation_id=conversations["shared0000000001"].id, staff_id=staff["assigned"].id
        )
    )


def _add_business(uid: str, name: str) -> Business:
    business = Business(uid=uid, name=name, time_zone="Asia/Jerusalem")
    db.session.add(business)
    db.session.flush()  # gives it its id, here and below
    return business


def _add_staff(business: Business, uid: str, name: str, access: Access) -> Staff:
    staff = Staff(
        uid=uid,
        business=business,
        full_name=name,
        display_name=name,
        email=_email(name, business.name.split()[-1].lower() + ".example"),
        access=access,
    )
    db.session.add(staff)
    db.session.flush()
    return staff


def _add_tokens(staff: dict[str, Staff]) -> None:
    owner = staff["owner"]
    an_hour_ago = owner.business.now() - timedelta(hours=1)
    for token, holder, expires_at in (
        ("demo-owner", owner, None),
        ("demo-colleague", staff["colleague"], None),
        ("demo-assigned", staff["assigned"], None),
        ("demo-neighbour", staff["neighbour"], None),
        ("demo-directory", None, None),
        ("demo-expired", owner, an_hour_ago),
    ):
        db.session.add(
            AccessToken(
                digest=AccessToken.digest_of(token),
                kind=TokenKind.STAFF if holder else TokenKind.DIRECTORY,
                business_id=(holder or owner).business_id,
                staff=holder,
                expires_at=expires_at,
            )
        )


def _add_conversations(
    seeds: list[Seed], business: Business, staff: dict[str, Staff]
) -> dict[str, Conversation]:
    """Add conversations with their clients and messages; return them by uid."""
    now = business.now()
    clients: dict[str, Client] = {}
    conversations: dict[str, Conversation] = {}
    for seed in seeds:
        if seed.client not in clients:
            clients[seed.client] = _client(seed.client, business, now)
        started_at = now - timedelta(hours=seed.messages[0][0] if seed.messages else 800)
        conversation = Conversation(
            uid=seed.uid,
            business=business,
            client=clients[seed.client],
            staff=staff[seed.staff],
            title=seed.title or seed.client,
            channel_uid=_uid("channel", seed.uid),
            created_at=started_at,
            updated_at=started_at,
        )
        db.session.add(conversation)
        db.session.flush()
        for number, (hours, sender, text) in enumerate(seed.messages):
            db.session.add(
                conversation.add_message(
                    Direction.CLIENT_TO_BUSINESS
                    if sender == "client"
                    else Direction.BUSINESS_TO_CLIENT,
                    text,
                    now - timedelta(hours=hours),
                    staff=staff.get(sender),
                    channels=["email"],
                    uid=_uid("message", seed.uid, str(number)),
                )
            )
        columns = {"business_unread": False, "client_unread": False} | seed.columns
        if columns.pop("deleted", False):
            conversation.deleted_at = now - timedelta(days=2)
        for name, value in columns.items():
            setattr(conversation, name, value)
        conversation.client.spam = conversation.spam
        conversations[seed.uid] = conversation
    db.session.flush()
    return conversations


def _client(name: str, business: Business, now: datetime) -> Client:
    first_name, last_name = name.split(" ", 1)
    digits = str(int(_uid("phone", name), 16))
    return Client(
        uid=_uid("client", name),
        business_id=business.id,
        first_name=first_name,
        last_name=last_name,
        email=_email(name, "example.com"),
        phone=f"+972-5{digits[0]}-{digits[1:4]}-{digits[4:8]}",
        created_at=now - timedelta(days=60),
    )


def _email(name: str, domain: str) -> str:
    return f"{name.split()[0].lower()}@{domain}"


def _uid(*parts: str) -> str:
    """Return a uid that is always the same for the same thing."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
