"""The database at a start: created and seeded, or rejected with a message."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa

from database import connections
from database.connections import Base, database_name, get_connection, transaction
from demo.seeding import seed_sandbox
from models import DEFAULT_SANDBOX, Sandbox
from sandboxes.lifecycle import create_sandbox

# The command as people type it; a container has no virtual environment.
FLASK = f"{'' if sys.prefix == sys.base_prefix else '.venv/bin/'}flask --app app"
OURS = {"conversation", "collaborator", "access_token"}  # tables that every version has


class DatabaseUnavailable(click.ClickException):
    """The database can't be used; the message has the reason and the remedy."""


class SchemaMismatch(DatabaseUnavailable):
    """Another version of this server made the tables."""


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable for errors of the database, ClickException for those of files."""
    try:
        yield
    except connections.CommitOutcomeUnknown as error:
        raise DatabaseUnavailable(f"{error} Try again.") from None
    except connections.database_error_types() as error:
        raise DatabaseUnavailable(
            f"The database {database_name()} can't be used:"
            f" {connections.unwrap_driver_error(error)}."
            " Nothing was changed. Try again, or check FLASK_SQLALCHEMY_DATABASE_URI."
        ) from None
    except OSError as error:
        name = error.filename2 or error.filename
        raise click.ClickException(f"{name} can't be written: {error.strerror}.") from None


@explain_errors()
def init_database(*, is_start: bool = True) -> bool:
    """Create the tables and the demo data in an empty database; return True if it was empty."""
    if is_start:  # only a start creates a file
        connections.create_database()
    has_data = _has_data(get_connection())
    connections.prepare_connections()
    if not has_data:
        with transaction() as connection:
            if not _has_data(connection):  # another process may have seeded it
                Base.metadata.create_all(connection)
                seed_sandbox(connection, create_sandbox(connection, DEFAULT_SANDBOX))
    return not has_data


def check_tables(connection: sa.Connection) -> bool:
    """Return True if a database has our tables, False if it has none; raise for all others."""
    found = sa.inspect(connection).get_multi_columns()
    columns = {
        table: {column["name"] for column in columns} for (_, table), columns in found.items()
    }
    if not columns:
        return False
    if not columns.keys() >= OURS:
        raise DatabaseUnavailable(
            f"The database {database_name()} belongs to another program: it has the tables"
            f" {', '.join(sorted(map(str, columns)))}. Nothing was changed. Set"
            " FLASK_SQLALCHEMY_DATABASE_URI to an empty database or a new file."
        )
    for name, table in Base.metadata.tables.items():
        if different := columns.get(name, set()) ^ set(table.columns.keys()):
            raise SchemaMismatch(
                f"The database {database_name()} was created by another version of this server: the"
                f" columns of the table {name} differ ({', '.join(sorted(different))}). Nothing was"
                f" changed. To keep its sandboxes, run '{FLASK} dump instance/dumped' with that"
                f" version (0.5.0: '{FLASK} export instance/dumped'), then '{FLASK} reset' and"
                f" '{FLASK} load instance/dumped' with this one. To replace its data with the demo"
                f" data, run '{FLASK} reset'. To keep it unchanged, set"
                " FLASK_SQLALCHEMY_DATABASE_URI to another database."
            )
    return True


def prepare_reset(connection: sa.Connection, *, may_drop: bool) -> None:
    """Create our tables, replacing those of another version if `may_drop` is true."""
    is_other_version = False
    try:
        check_tables(connection)
    except SchemaMismatch:
        if not may_drop:
            raise
        is_other_version = True
    database, ours = sa.inspect(connection), Base.metadata.tables
    for schema in database.get_schema_names():
        for (_, table), keys in database.get_multi_foreign_keys(schema).items():
            parents = ours.keys() & {key["referred_table"] for key in keys}
            if parents and table not in ours:
                raise DatabaseUnavailable(
                    f"Nothing was changed: {table} refers to {', '.join(sorted(parents))}, whose"
                    " rows must be replaced. Drop that table or its foreign key, or set"
                    " FLASK_SQLALCHEMY_DATABASE_URI to another database."
                )
    if is_other_version:
        found = sa.MetaData()  # their foreign keys decide the order
        with warnings.catch_warnings(category=sa.exc.SAWarning, action="ignore"):  # of indexes
            found.reflect(connection, only=lambda name, _: name in ours)
        found.drop_all(connection)
    Base.metadata.create_all(connection)


def _has_data(connection: sa.Connection) -> bool:
    has_tables = check_tables(connection)
    return has_tables and connection.scalar(sa.select(Sandbox.id).limit(1)) is not None
