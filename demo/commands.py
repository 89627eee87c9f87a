"""The commands: reset, load, dump and backup."""

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import sqlalchemy as sa
from flask import Blueprint, current_app

from database import connections
from database.connections import database_name, db, transaction
from database.statements import Row
from demo.seeding import read_state_file, seed_sandbox
from demo.startup import explain_errors, init_database, prepare_reset
from models import DEFAULT_SANDBOX, Sandbox
from sandboxes import lifecycle
from states.storage import read_rows, serialize_state

commands = Blueprint("commands", __name__, cli_group=None)  # without routes


@commands.cli.command()
@click.option("--sandbox", help="Reset only this sandbox.")
@explain_errors()
def reset(sandbox: str | None) -> None:
    """Reset all data to the demo data."""
    with transaction() as connection:
        prepare_reset(connection, may_drop=sandbox is None)
        if sandbox is None:  # one by one, as SQLite keeps the pages of a DELETE in memory
            others = sa.select(Sandbox.id).where(Sandbox.name != DEFAULT_SANDBOX)
            for [sandbox_id] in connection.execute(others).all():
                lifecycle.delete_sandbox(connection, sandbox_id)
        seed_sandbox(connection, _get_or_create_sandbox(connection, sandbox or DEFAULT_SANDBOX))
    shown = f"all data of {database_name()}" if sandbox is None else f"sandbox {sandbox}"
    click.echo(f"Reset {shown}.")


@commands.cli.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, path_type=Path))
@click.option("--sandbox", help="Load into this sandbox instead of the default one.")
@explain_errors()
def load(path: Path, sandbox: str | None) -> None:
    """Load a state file into a sandbox (see docs/state.md).

    If FILE is a folder that `dump` wrote, each of its files is loaded into its own sandbox.
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
            lifecycle.load_state(connection, _get_or_create_sandbox(connection, name), state)
        click.echo(f"Loaded {file} into sandbox {name}.")


@commands.cli.command()
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--sandbox", help="Write only the state of this sandbox.")
@explain_errors()
def dump(path: Path | None, sandbox: str | None) -> None:
    """Dump the state of a sandbox to a new file, or print it.

    Without --sandbox, write a file for each sandbox to the new folder FILE.
    """
    init_database()
    _reject_fresh_database()
    connection = connections.begin_snapshot()
    stored = connection.execute(sa.select(Sandbox.__table__).order_by(Sandbox.name)).mappings()
    rows = [dict(row) for row in stored if sandbox in (None, row["name"])]
    if not rows:
        raise click.ClickException(f"There is no sandbox {sandbox}.")
    if sandbox is None:
        if path is None:
            raise click.ClickException("Name a new folder, or one sandbox with --sandbox.")
        path.mkdir()
    for row in rows:
        state = serialize_state(read_rows(connection, row["id"]), row["frozen_at"])
        if path is None:
            click.echo(state, nl=False)
        else:
            file = path if sandbox else path / _name_file(row["name"])
            with file.open("xb") as opened:
                opened.write(state)
            click.echo(f"Dumped sandbox {row['name']} to {file}.")


@commands.cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@explain_errors()
def backup(file: Path) -> None:
    """Back up the SQLite database, even while it is in use."""
    if db.engine.name != "sqlite":
        raise click.ClickException(
            "To back up PostgreSQL, run"
            f" pg_dump --format=custom --file={file} postgresql://HOST/NAME"
        )
    _reject_fresh_database()
    driver = connections.driver_of(connections.get_connection())
    with TemporaryDirectory(prefix="backup-", dir=file.parent) as folder:
        unfinished = Path(folder) / file.name
        driver.execute("VACUUM INTO ?", [str(unfinished)])
        os.link(unfinished, file)  # `rename` would replace a file that was created meanwhile
    click.echo(f"Backed up {database_name()} to {file}.")


def _reject_fresh_database() -> None:
    """Raise ClickException if this command has just created the demo data."""
    if current_app.extensions.get("database_was_empty"):
        raise click.ClickException(
            f"Nothing was written: the database {database_name()} was empty. Set"
            " FLASK_SQLALCHEMY_DATABASE_URI to the database to copy."
        )


def _get_or_create_sandbox(connection: sa.Connection, name: str) -> Row:
    if not lifecycle.NAME.fullmatch(name):
        raise click.ClickException(
            f"A sandbox's name must have 1 to 64 of the characters A-Z a-z 0-9 . _ -, not {name!r}."
        )
    return lifecycle.find_sandbox(connection, name) or lifecycle.create_sandbox(connection, name)


def _name_file(sandbox: str) -> str:
    """Return the name of a sandbox's file, such as `worker-3.json`, or `+ann.json` for `Ann`.

    The names of `Ann` and `ann` differ on file systems that ignore case, and no file is hidden.
    """
    return re.sub(r"[A-Z]|^\.", lambda match: f"+{match[0].lower()}", sandbox) + ".json"


def _find_name(file: Path) -> str:
    return re.sub(r"\+(.)", lambda match: match[1].upper(), file.name.removesuffix(".json"))
