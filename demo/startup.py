"""The database at a start: created, filled with the demo data, or refused with a message."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa
from sqlalchemy import select

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
from database.schema import ForeignDatabase, ReferringTables, SchemaMismatch, has_tables
from demo.seeding import seed_sandbox
from models import DEFAULT_SANDBOX, Sandbox
from sandboxes.lifecycle import create_sandbox


class DatabaseUnavailable(click.ClickException):
    """The database can't be used; the message names the reason and the remedy."""


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable for errors of the database, ClickException for those of files."""
    try:
        yield
    except SchemaMismatch as error:
        raise DatabaseUnavailable(
            f"The database {database_name()} was made by another version of this server: {error}."
            " Nothing in it was changed. To keep its sandboxes, run '.venv/bin/flask --app app dump"
            " FOLDER' with that version (0.5.0: '.venv/bin/flask --app app export FOLDER'), then"
            " '.venv/bin/flask --app app reset' and '.venv/bin/flask --app app load FOLDER' with"
            " this one. To replace all of it with the demo data, run 'make reset'. To leave it"
            " alone, name another one in FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except ForeignDatabase as error:
        raise DatabaseUnavailable(
            f"The database {database_name()} belongs to another program: it has the tables {error}."
            " Nothing in it was changed. In FLASK_SQLALCHEMY_DATABASE_URI name an empty one, or a"
            " file that is not there yet."
        ) from None
    except ReferringTables as error:
        raise DatabaseUnavailable(
            f"Nothing was changed: a table of another program refers to one to replace ({error})."
            " Drop it or its foreign key, or name another database in"
            " FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except UnknownOutcome as error:
        raise DatabaseUnavailable(f"{error} Try again.") from None
    except database_errors() as error:
        raise DatabaseUnavailable(
            f"The database {database_name()} can't be used: {driver_error(error)}. Nothing was"
            " changed. Try again, or correct FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except OSError as error:
        name = error.filename2 or error.filename
        raise click.ClickException(f"{name} can't be written: {error.strerror}.") from None


@explain_errors()
def init_database(*, is_start: bool = True) -> bool:
    """Create the tables and the demo data in an empty database; change nothing in any other.

    Returns True if it was empty. Only a start creates a file; a running server never does.
    Raises DatabaseUnavailable for a database that another program or another version of this
    server made, and for one that can't be reached or written.
    """
    if is_start:
        create_database()
    has_data = _has_data(get_connection())
    prepare_connections()
    if not has_data:
        with transaction() as connection:
            if not _has_data(connection):  # another process may have been faster
                Base.metadata.create_all(connection)
                seed_sandbox(connection, create_sandbox(connection, DEFAULT_SANDBOX))
    return not has_data


def _has_data(connection: sa.Connection) -> bool:
    if not has_tables(connection, Base.metadata):
        return False
    return connection.scalar(select(Sandbox.id).limit(1)) is not None
