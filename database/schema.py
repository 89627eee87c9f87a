"""The tables of a database, compared with the declared ones."""

import warnings

import sqlalchemy as sa
from sqlalchemy.exc import SAWarning

OURS = {"conversation", "collaborator", "access_token"}  # tables that every version has


class SchemaMismatch(Exception):
    """Another version of this server made the tables; the message names the differences."""


class ForeignDatabase(Exception):
    """Another program made the tables; the message names them."""


class ReferringTables(Exception):
    """Tables of another program refer to the declared ones; the message names them."""


def has_tables(connection: sa.Connection, declared: sa.MetaData) -> bool:
    """Return True if a database has the declared tables, False if it has no tables at all.

    Raises SchemaMismatch if their columns are not the declared ones, and ForeignDatabase for a
    database of another program, which has tables but not all of `OURS`.
    """
    columns = {
        table: {column["name"] for column in columns}
        for (_, table), columns in sa.inspect(connection).get_multi_columns().items()
    }
    if not columns:
        return False
    if not columns.keys() >= OURS:
        raise ForeignDatabase(", ".join(sorted(str(table) for table in columns)))
    for name, table in declared.tables.items():
        if different := columns.get(name, set()) ^ set(table.columns.keys()):
            raise SchemaMismatch(
                f"the columns of the table {name} differ ({', '.join(sorted(different))})"
            )
    return True


def recreate_tables(connection: sa.Connection, declared: sa.MetaData) -> None:
    """Replace the tables that another version made by the declared ones, without content.

    Tables of other names stay. Raises ReferringTables if one of them refers to a table to drop.
    """
    found = sa.MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # about indexes that reflection can't read
        found.reflect(connection)
    to_drop = [table for table in found.tables.values() if table.name in declared.tables]
    referring = {
        f"{table.name} refers to {key.column.table.name}"
        for table in found.tables.values()
        for key in table.foreign_keys
        if table not in to_drop and key.column.table in to_drop
    }
    if referring:
        raise ReferringTables(", ".join(sorted(referring)))
    found.drop_all(connection, to_drop)
    declared.create_all(connection)
