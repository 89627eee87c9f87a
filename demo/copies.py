"""The commands that keep what people made: a backup, and an export that any version imports."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import with_appcontext

from database.backend import CommitOutcomeUnknown
from database.connections import (
    Base,
    backend_name,
    begin_snapshot,
    database_error_types,
    database_name,
    get_connection,
    is_in_memory,
    transaction,
    unwrap_driver_error,
)
from database.connections import backup as backup_database
from database.tables import OtherTables, OtherVersion, complete_tables, has_tables
from demo.commands import prepare_database
from demo.seeding import UnreadableState, read_state_file
from models import DEFAULT_SANDBOX
from sandboxes.files import file_of, find_files
from sandboxes.lifecycle import (
    NoRoom,
    find_sandbox,
    list_sandboxes,
    load_state,
    make_room,
    make_sandbox,
)
from sandboxes.shown_state import show_state, write_state


class Undone(Exception):
    """What was changed for a moment is as it was."""


class NotImported(Exception):
    """A sandbox stays as it is; the message says why."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Copy the SQLite database into a new file, also while the server runs."""
    if backend_name() != "sqlite":
        url = quote(database_name().replace("+psycopg", "").replace(":***@", "@"))
        raise click.ClickException(
            "Nothing was written: PostgreSQL has a program of its own that makes backups, pg_dump:"
            f" pg_dump --format=custom --file={quote(str(file))} {url}"
        )
    if is_in_memory():
        raise click.ClickException(
            "Nothing was written: the database is in the memory of the server, where no command"
            " can read it. GET /__admin/state shows what a sandbox holds."
        )
    _check_that_there_was_something()
    try:
        backup_database(file)
    except FileExistsError:
        raise click.ClickException(
            f"Nothing was written: {file} is there already. Name a new file, or move it away."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{file} can't be written: {error.strerror}.") from None
    except database_error_types() as error:
        raise click.ClickException(f"Nothing was written: {unwrap_driver_error(error)}.") from None
    click.echo(f"{file} holds all that is in {database_name()} now.")


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@with_appcontext
def export_states(folder: Path) -> None:
    """Write the state of every sandbox into a new folder, also of an older version's database."""
    _check_that_there_was_something()
    _make_empty(folder)
    try:
        with _read_any_version() as connection:
            sandboxes = list_sandboxes(connection)
            for sandbox in sandboxes:
                state = write_state(show_state(connection, sandbox))
                file_of(folder, sandbox["name"]).write_bytes(state)
    except OSError as error:
        raise click.ClickException(
            f"The export is not complete: {folder} can't be written: {error.strerror}."
        ) from None
    except OtherTables as error:
        raise click.ClickException(
            f"Nothing was exported: the database is another program's, with the tables {error}."
        ) from None
    except OtherVersion as error:
        raise click.ClickException(
            "Nothing was exported: another version of this server made the database, and this one"
            f" can't read it: {error}. Go back to the version that made it, export with that one,"
            " and come back to this one to reset and import."
        ) from None
    except database_error_types() as error:
        raise click.ClickException(
            f"The export is not complete: {unwrap_driver_error(error)}."
        ) from None
    count = "1 sandbox" if len(sandboxes) == 1 else f"{len(sandboxes):,} sandboxes"
    click.echo(f"{folder} has the state of {count} of {database_name()}.")


@click.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_appcontext
def import_states(folder: Path) -> None:
    """Replace the content of each sandbox that has a file in an exported folder; make new ones."""
    files = find_files(folder)
    if not files:
        raise click.ClickException(
            f"Nothing was imported: {folder} has no file of a sandbox, such as default.json."
        )
    for path in sorted({*folder.iterdir()} - {path for _, path in files}):
        click.echo(f"{path} is left out: no export names the file of a sandbox so.", err=True)
    prepare_database()
    failed = 0
    for name, file in files:
        try:
            _import(name, file)
            click.echo(f"The sandbox {name} has the content of {file}.")
        except NotImported as error:
            failed += 1
            click.echo(f"The sandbox {name} was not imported. {error}", err=True)
    if failed:
        raise click.ClickException(f"Of {len(files):,} sandboxes {failed:,} were not imported.")


def _check_that_there_was_something() -> None:
    """Raise ClickException if the start of this command has just filled an empty database."""
    if current_app.extensions.get("database_was_empty"):
        raise click.ClickException(
            f"Nothing was written: the database {database_name()} was empty until now, and has just"
            " got the demo data. Name the one to keep in FLASK_SQLALCHEMY_DATABASE_URI."
        )


def _make_empty(folder: Path) -> None:
    """Make a folder, unless it is there and empty; raise ClickException if that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise click.ClickException(
                f"Nothing was exported: {folder} is not empty. Name a new folder, or empty it."
            )
    except OSError as error:
        raise click.ClickException(
            f"Nothing was exported: {folder} can't be made: {error.strerror}."
        ) from None


@contextmanager
def _read_any_version() -> Iterator[sa.Connection]:
    """Give a connection that reads what is stored at one moment, whichever version stored it.

    In another version's database the missing columns are there for so long, and then no longer.
    """
    if not _is_of_other_version():
        begin_snapshot()
        yield get_connection()
        return
    with suppress(Undone), transaction() as connection:
        if unknown := complete_tables(connection, Base.metadata):
            click.echo(f"This version does not know, and leaves out: {', '.join(unknown)}.")
        yield connection
        raise Undone


def _is_of_other_version() -> bool:
    try:
        has_tables(get_connection(), Base.metadata)
    except OtherVersion:
        return True
    return False


def _import(name: str, file: Path) -> None:
    """Replace the content of a sandbox by a file's, all or nothing; raise NotImported."""
    try:
        state = read_state_file(file)
        with transaction() as connection:
            sandbox = find_sandbox(connection, name)
            if sandbox is None:
                if name != DEFAULT_SANDBOX:
                    make_room(connection, current_app.config["SANDBOXES"], may_delete=False)
                sandbox = make_sandbox(connection, name)
            load_state(connection, sandbox, state)
    except UnreadableState as error:
        raise NotImported(str(error)) from None
    except NoRoom:
        most = current_app.config["SANDBOXES"]
        raise NotImported(
            f"FLASK_SANDBOXES allows {most:,} besides default, and there are as many; let it allow"
            " more."
        ) from None
    except CommitOutcomeUnknown as error:
        raise NotImported(f"{error} Run the command again.") from None
    except database_error_types() as error:
        raise NotImported(f"Nothing of it was changed: {unwrap_driver_error(error)}.") from None
