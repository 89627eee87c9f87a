"""The commands that load the demo data, and what a start does of that."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy import func, select

from database.connections import (
    Base,
    create_database,
    database_errors,
    database_name,
    driver_error,
    get_connection,
    prepare_connections,
    transaction,
)
from database.errors import UnknownOutcome
from database.tables import OtherTables, OtherVersion, has_tables, recreate_tables
from demo.generated import generate_conversations, generate_messages
from demo.loading import Ids, add_sandbox, add_token
from models import DEFAULT_SANDBOX, Conversation, Sandbox, StaffMember

INBOX = Path(__file__).with_name("inbox.json")
TOKENS = {
    "demo-owner": "a staff member who may see and change every conversation",
    "demo-colleague": "another one",
    "demo-assigned": "one who may see and change what is assigned to them or shared with them",
    "demo-neighbour": "a staff member of another business",
    "demo-directory": "valid, but not a staff token, so it is refused with 401",
    "demo-expired": "expired, so it is refused with 401",
}


class UnusableDatabase(click.ClickException):
    """The database can't be used; the message says why, and what to do."""


def prepare_database(*, is_start: bool = True) -> None:
    """Make the tables and the demo data in an empty database; change nothing in any other.

    A file is only made at a start, never again while the server runs.
    Raises UnusableDatabase, and leaves it exactly as it was, for a database that another program or
    another version of this server made, and for one that can't be reached or written.
    """
    try:
        if is_start:
            create_database()
        has_data = _has_data(get_connection())
        prepare_connections()
        if not has_data:
            with transaction() as connection:
                if not _has_data(connection):  # another process may have been faster
                    Base.metadata.create_all(connection)
                    add_demo_data(connection, DEFAULT_SANDBOX)
    except OtherVersion as error:
        raise UnusableDatabase(
            f"The database {database_name()} was made by another version of this server: {error}."
            " Nothing in it was changed. To replace all that it holds with the demo data, run 'make"
            " reset' or 'flask --app app reset'; to keep it, move it away, or name another in"
            " FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except OtherTables as error:
        raise UnusableDatabase(
            f"The database {database_name()} belongs to another program: it has the tables {error}."
            " Nothing in it was changed. In FLASK_SQLALCHEMY_DATABASE_URI name an empty one, or a"
            " file that is not there yet."
        ) from None
    except UnknownOutcome as error:
        raise UnusableDatabase(f"{error} Start again.") from None
    except database_errors() as error:
        raise UnusableDatabase(
            f"The database {database_name()} can't be prepared: {driver_error(error)}."
            " Is FLASK_SQLALCHEMY_DATABASE_URI right?"
        ) from None


def add_demo_data(connection: sa.Connection, sandbox: str) -> Ids:
    """Add a sandbox with the demo data as of now, and with tokens that are refused.

    Returns the ids of its tokens, staff, businesses and of itself, which a reset keeps.
    """
    now = datetime.now(UTC)
    ids = add_sandbox(connection, sandbox, json.loads(INBOX.read_text()), now)
    add_token(connection, ids, "demo-directory", None)
    add_token(connection, ids, "demo-expired", ids[StaffMember][0], now - timedelta(hours=1))
    return ids


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
    prepare_database()
    try:
        if conversations:
            generate_conversations(conversations)
        if messages:
            generate_messages(messages)
    except database_errors() as error:
        raise click.ClickException(f"Not everything was added: {driver_error(error)}.") from None
    click.echo(_describe_database())


@click.command()
@with_appcontext
def reset() -> None:
    """Replace all that the database holds with the demo data."""
    try:
        with transaction() as connection:
            _empty(connection)
            kept = add_demo_data(connection, DEFAULT_SANDBOX)
            for model, ids in kept.items():
                connection.execute(sa.delete(model).where(model.id.not_in(ids)))
    except OtherTables as error:
        raise click.ClickException(
            f"Nothing was changed: the database is another program's, with the tables {error}."
        ) from None
    except UnknownOutcome as error:
        raise click.ClickException(f"{error} Run the command again.") from None
    except database_errors() as error:
        raise click.ClickException(f"Nothing was changed: {driver_error(error)}.") from None
    with suppress(*database_errors()):  # the next start will do it
        prepare_connections()
    click.echo(f"All is as at the first start. {_describe_database()}")


def _empty(connection: sa.Connection) -> None:
    """Leave the tables of this version, and of their rows those that requests may wait with."""
    try:
        if not has_tables(connection, Base.metadata):
            Base.metadata.create_all(connection)
    except OtherVersion:
        recreate_tables(connection, Base.metadata)
    for name in ("message", "collaborator", "conversation", "client"):
        connection.execute(sa.delete(Base.metadata.tables[name]))


def _has_data(connection: sa.Connection) -> bool:
    if not has_tables(connection, Base.metadata):
        return False
    return connection.scalar(select(Sandbox.id).limit(1)) is not None


def _describe_database() -> str:
    count = get_connection().scalar(select(func.count(Conversation.id)))
    return f"The database {database_name()} holds {count:,} conversations."
