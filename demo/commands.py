"""The commands that load the demo data, and what a start does of that."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy import func, select

from database.connections import (
    Base,
    database_name,
    get_connection,
    operational_errors,
    transaction,
)
from database.tables import OtherVersion, has_tables, recreate_tables
from demo.generated import generate_conversations, generate_messages
from demo.loading import add_sandbox, add_token
from models import DEFAULT_SANDBOX, Conversation, Sandbox

INBOX = Path(__file__).with_name("inbox.json")
TOKENS = {
    "demo-owner": "a staff member who may see and change every conversation",
    "demo-colleague": "another one",
    "demo-assigned": "one who may see and change what is assigned to them or shared with them",
    "demo-neighbour": "a staff member of another business",
    "demo-directory": "valid, but not a staff token, so it is refused with 401",
    "demo-expired": "expired, so it is refused with 401",
}


def prepare_database() -> None:
    """Make the tables and the demo data in an empty database; change nothing in any other.

    Raises OtherVersion for a database that another version of this server made.
    """
    if not _has_data(get_connection()):
        with transaction() as connection:
            if not _has_data(connection):  # another process may have been faster
                Base.metadata.create_all(connection)
                add_demo_data(connection, DEFAULT_SANDBOX)


def add_demo_data(connection: sa.Connection, sandbox: str) -> None:
    """Add a sandbox with the demo data as of now, and with tokens that are refused."""
    now = datetime.now(UTC)
    sandbox_id, staff_ids = add_sandbox(connection, sandbox, json.loads(INBOX.read_text()), now)
    add_token(connection, sandbox_id, "demo-directory", None)
    an_hour_ago = now - timedelta(hours=1)  # in real time, which tokens expire by
    add_token(connection, sandbox_id, "demo-expired", staff_ids[0], an_hour_ago)


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
            generate_conversations(conversations)
        if messages:
            generate_messages(messages)
    except operational_errors() as error:
        raise click.ClickException(f"Not everything was added: {_reason(error)}.") from None
    click.echo(_describe_database())


@click.command()
@with_appcontext
def reset() -> None:
    """Replace all that the database holds by the demo data."""
    try:
        with transaction() as connection:
            _empty(connection)
            add_demo_data(connection, DEFAULT_SANDBOX)
    except operational_errors() as error:
        raise click.ClickException(f"Nothing was changed: {_reason(error)}.") from None
    click.echo(f"All is as at the first start. {_describe_database()}")


def _empty(connection: sa.Connection) -> None:
    """Leave the tables of this version, without a row."""
    try:
        is_current = has_tables(connection, Base.metadata)
    except OtherVersion:
        is_current = False
    if not is_current:
        return recreate_tables(connection, Base.metadata)
    for table in reversed(Base.metadata.sorted_tables):
        connection.execute(sa.delete(table))


def _has_data(connection: sa.Connection) -> bool:
    if not has_tables(connection, Base.metadata):
        return False
    return connection.scalar(select(Sandbox.id).limit(1)) is not None


def _reason(error: Exception) -> object:
    """Return the driver's error, which SQLAlchemy may have wrapped."""
    return getattr(error, "orig", error)


def _describe_database() -> str:
    count = get_connection().scalar(select(func.count(Conversation.id)))
    return f"The database {database_name()} holds {count:,} conversations."
