"""The commands that load the demo data, and what a start does of that."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy import func, select

from database.backend import CommitOutcomeUnknown
from database.connections import (
    Base,
    create_database,
    database_error_types,
    database_name,
    get_connection,
    prepare_connections,
    transaction,
    unwrap_driver_error,
)
from database.statements import Row
from database.tables import (
    OtherTables,
    OtherVersion,
    ReferringTables,
    has_tables,
    recreate_tables,
)
from demo.generated import generate_conversations, generate_messages
from demo.seeding import UnreadableState, read_state_file, seed_sandbox
from models import DEFAULT_SANDBOX, Conversation, Sandbox
from sandboxes.lifecycle import (
    NAME,
    delete_other_sandboxes,
    find_sandbox,
    load_state,
    make_sandbox,
)


class UnusableDatabase(click.ClickException):
    """The database can't be used; the message says why, and what to do."""


def prepare_database(*, is_start: bool = True) -> bool:
    """Make the tables and the demo data in an empty database; change nothing in any other.

    Returns whether it was empty. A file is only made at a start, never again while the server runs.
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
                    seed_sandbox(connection, make_sandbox(connection, DEFAULT_SANDBOX))
        return not has_data
    except OtherVersion as error:
        raise UnusableDatabase(
            f"The database {database_name()} was made by another version of this server: {error}."
            " Nothing in it was changed. To keep what its sandboxes hold, run 'flask --app app"
            " export FOLDER', then 'flask --app app reset', then 'flask --app app import FOLDER'."
            " To replace all of it with the demo data, run 'make reset' or 'flask --app app reset'."
            " To leave it alone, move it away, or name another in FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except OtherTables as error:
        raise UnusableDatabase(
            f"The database {database_name()} belongs to another program: it has the tables {error}."
            " Nothing in it was changed. In FLASK_SQLALCHEMY_DATABASE_URI name an empty one, or a"
            " file that is not there yet."
        ) from None
    except CommitOutcomeUnknown as error:
        raise UnusableDatabase(f"{error} Start again.") from None
    except database_error_types() as error:
        raise UnusableDatabase(
            f"The database {database_name()} can't be prepared: {unwrap_driver_error(error)}."
            " Is FLASK_SQLALCHEMY_DATABASE_URI right?"
        ) from None


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
    except database_error_types() as error:
        raise click.ClickException(
            f"Not everything was added: {unwrap_driver_error(error)}."
        ) from None
    click.echo(_describe_database())


@click.command()
@click.option("--sandbox", help="Replace the data of this sandbox alone.")
@with_appcontext
def reset(sandbox: str | None) -> None:
    """Replace all that the database holds with the demo data."""
    with _transaction_of_command() as connection:
        try:
            if not has_tables(connection, Base.metadata):
                Base.metadata.create_all(connection)
        except OtherVersion:
            if sandbox is not None:
                raise
            recreate_tables(connection, Base.metadata)
        if sandbox is None:
            delete_other_sandboxes(connection)
        seed_sandbox(connection, _get_sandbox(connection, sandbox))
    with suppress(*database_error_types()):  # the next start will do it
        prepare_connections()
    if sandbox is None:
        click.echo(f"All is as at the first start. {_describe_database()}")
    else:
        click.echo(f"The sandbox {sandbox} is as if it were new.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--sandbox", help="Replace the content of this sandbox, instead of the default one.")
@with_appcontext
def load(file: str, sandbox: str | None) -> None:
    """Replace the content of a sandbox by the state in a file (docs/state.md)."""
    try:
        state = read_state_file(file)
    except UnreadableState as error:
        raise click.ClickException(str(error)) from None
    prepare_database()
    with _transaction_of_command() as connection:
        load_state(connection, _get_sandbox(connection, sandbox), state)
    click.echo(f"The sandbox {sandbox or DEFAULT_SANDBOX} has the content of {file}.")


@contextmanager
def _transaction_of_command() -> Iterator[sa.Connection]:
    """Give a transaction to a command, and say what went wrong if something does."""
    try:
        with transaction() as connection:
            yield connection
    except OtherTables as error:
        raise click.ClickException(
            f"Nothing was changed: the database is another program's, with the tables {error}."
        ) from None
    except ReferringTables as error:
        raise click.ClickException(
            f"Nothing was changed: a table of another program refers to one to replace ({error})."
            " Drop it or its foreign key, or name another database in"
            " FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except OtherVersion as error:
        raise click.ClickException(
            f"Nothing was changed: another version of this server made the database: {error}."
            " 'flask --app app reset' without a sandbox replaces it."
        ) from None
    except CommitOutcomeUnknown as error:
        raise click.ClickException(f"{error} Run the command again.") from None
    except database_error_types() as error:
        raise click.ClickException(f"Nothing was changed: {unwrap_driver_error(error)}.") from None


def _get_sandbox(connection: sa.Connection, name: str | None) -> Row:
    """Return the sandbox of a name, by default the default one; make it if there is none."""
    name = DEFAULT_SANDBOX if name is None else name
    if not NAME.fullmatch(name):
        raise click.ClickException(
            f"A sandbox's name must have 1 to 64 of the characters A-Z a-z 0-9 . _ - ({name!r})."
        )
    return find_sandbox(connection, name) or make_sandbox(connection, name)


def _has_data(connection: sa.Connection) -> bool:
    if not has_tables(connection, Base.metadata):
        return False
    return connection.scalar(select(Sandbox.id).limit(1)) is not None


def _describe_database() -> str:
    count = get_connection().scalar(select(func.count(Conversation.id)))
    return f"The database {database_name()} holds {count:,} conversations."
