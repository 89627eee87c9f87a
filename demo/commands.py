"""The commands: reset, load, dump and backup."""

import os
import re
from pathlib import Path

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select

from database.connections import (
    Base,
    back_up,
    begin_snapshot,
    database_kind,
    database_name,
    get_connection,
    is_in_memory,
    transaction,
)
from database.schema import SchemaMismatch, has_tables, recreate_tables
from database.statements import Row
from demo.seeding import read_state_file, seed_sandbox
from demo.startup import explain_errors, init_database
from models import DEFAULT_SANDBOX, Conversation
from sandboxes.lifecycle import (
    NAME,
    create_sandbox,
    delete_other_sandboxes,
    find_sandbox,
    list_sandboxes,
    load_state,
)
from states.export import show_state, write_state


def require_new(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> object:
    """Return the path that an argument names; raise ClickException if it exists, or no folder."""
    if path and os.path.lexists(path):
        raise click.ClickException(f"Nothing was written: {path} exists already. Name a new one.")
    if path and not path.parent.is_dir():
        raise click.ClickException(f"Nothing was written: there is no folder {path.parent}.")
    return path


@click.command()
@click.option("--sandbox", help="Reset only this sandbox.")
@with_appcontext
@explain_errors()
def reset(sandbox: str | None) -> None:
    """Replace all data with the demo data."""
    with transaction() as connection:
        try:
            if not has_tables(connection, Base.metadata):
                Base.metadata.create_all(connection)
        except SchemaMismatch:
            if sandbox is not None:
                raise
            recreate_tables(connection, Base.metadata)
        if sandbox is None:
            delete_other_sandboxes(connection)
        seed_sandbox(connection, _get_or_create_sandbox(connection, sandbox or DEFAULT_SANDBOX))
    if sandbox is None:
        count = get_connection().scalar(select(func.count(Conversation.id)))
        click.echo(
            "All is as at the first start."
            f" The database {database_name()} holds {count:,} conversations."
        )
    else:
        click.echo(f"The sandbox {sandbox} was reset.")


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, path_type=Path))
@click.option("--sandbox", help="Load into this sandbox instead of the default one.")
@with_appcontext
@explain_errors()
def load(path: Path, sandbox: str | None) -> None:
    """Replace the content of a sandbox with the state in a file (docs/state.md).

    FILE may also be a folder that `dump` wrote: each of its files is loaded into its own sandbox.
    """
    files = {sandbox or DEFAULT_SANDBOX: path}
    if path.is_dir():
        files = {_find_name(file): file for file in sorted(path.glob("*.json"))}
        if sandbox is not None or not files:
            raise click.ClickException(
                f"{path} must be a file, or a folder of files without --sandbox."
            )
    init_database()
    for name, file in files.items():
        state = read_state_file(file)
        with transaction() as connection:
            load_state(connection, _get_or_create_sandbox(connection, name), state)
        click.echo(f"The sandbox {name} has the content of {file}.")


@click.command()
@click.argument(
    "path",
    metavar="[FILE]",
    required=False,
    type=click.Path(path_type=Path),
    callback=require_new,
)
@click.option("--sandbox", help="Write only the state of this sandbox.")
@with_appcontext
@explain_errors()
def dump(path: Path | None, sandbox: str | None) -> None:
    """Write the state of a sandbox into a new file, or show it.

    Without --sandbox, FILE is a new folder, which gets a file for each sandbox.
    """
    init_database()
    _reject_fresh_database()
    begin_snapshot()
    connection = get_connection()
    if sandbox is not None:
        found = find_sandbox(connection, sandbox)
        if found is None:
            raise click.ClickException(f"There is no sandbox {sandbox}.")
        if path is None:
            click.echo(write_state(show_state(connection, found)), nl=False)
            return
        sandboxes = {path: found}
    elif path is not None:
        path.mkdir()
        sandboxes = {path / _name_file(row["name"]): row for row in list_sandboxes(connection)}
    else:
        raise click.ClickException("Name a new folder, or one sandbox with --sandbox.")
    for file, row in sandboxes.items():
        with file.open("xb") as opened:
            opened.write(write_state(show_state(connection, row)))
        click.echo(f"{file} has the state of the sandbox {row['name']}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), callback=require_new)
@with_appcontext
@explain_errors()
def backup(file: Path) -> None:
    """Copy the SQLite database into a new file, also while the server runs."""
    if database_kind() != "sqlite":
        raise click.ClickException(
            "PostgreSQL has its own program for backups:"
            f" pg_dump --format=custom --file={file} postgresql://HOST/NAME"
        )
    if is_in_memory():
        raise click.ClickException(
            "A database in the memory of a server has no backup. GET /__admin/state shows the"
            " content of a sandbox."
        )
    _reject_fresh_database()
    back_up(file)
    click.echo(f"{file} holds all that is in {database_name()} now.")


def _reject_fresh_database() -> None:
    """Raise ClickException if the start of this command has just filled an empty database."""
    if current_app.extensions.get("database_was_empty"):
        raise click.ClickException(
            f"Nothing was written: the database {database_name()} was empty until now, and has just"
            " got the demo data. Name the one to keep in FLASK_SQLALCHEMY_DATABASE_URI."
        )


def _get_or_create_sandbox(connection: sa.Connection, name: str) -> Row:
    """Return the row of a sandbox, which is made if there is none; raise ClickException."""
    if not NAME.fullmatch(name):
        raise click.ClickException(
            f"A sandbox's name must have 1 to 64 of the characters A-Z a-z 0-9 . _ - ({name!r})."
        )
    return find_sandbox(connection, name) or create_sandbox(connection, name)


def _name_file(sandbox: str) -> str:
    """Return the name of a sandbox's file, such as `worker-3.json`, or `+ann.json` for `Ann`.

    File systems that ignore case keep `Ann` and `ann` apart, and no file is hidden.
    """
    return re.sub(r"[A-Z]|^\.", lambda match: f"+{match[0].lower()}", sandbox) + ".json"


def _find_name(file: Path) -> str:
    """Return the name of the sandbox whose file `_name_file` named."""
    return re.sub(r"\+(.)", lambda match: match[1].upper(), file.name.removesuffix(".json"))
