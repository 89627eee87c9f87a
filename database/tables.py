"""The tables as a database has them, beside the tables as the code declares them."""

import warnings
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SAWarning


class OtherVersion(Exception):
    """Another version of this server made the tables; the message says which differ."""


class OtherTables(Exception):
    """Another program made the tables; the message names them."""


class ReferringTables(Exception):
    """Tables of another program refer to the declared ones; the message names them."""


OURS = {"conversation", "collaborator", "access_token"}  # tables that every version has


def has_tables(connection: sa.Connection, declared: sa.MetaData) -> bool:
    """Return True if a database has the declared tables, False if it has no tables at all.

    Raises OtherVersion if their columns are not the declared ones, and OtherTables for a database
    of another program, which has tables but not all of `OURS`.
    """
    columns = {
        table: {column["name"] for column in columns}
        for (_, table), columns in sa.inspect(connection).get_multi_columns().items()
    }
    if not columns:
        return False
    if not columns.keys() >= OURS:
        raise OtherTables(", ".join(sorted(str(table) for table in columns)))
    for name, table in declared.tables.items():
        if different := columns.get(name, set()) ^ set(table.columns.keys()):
            raise OtherVersion(
                f"the columns of the table {name} differ ({', '.join(sorted(different))})"
            )
    return True


def complete_tables(connection: sa.Connection, declared: sa.MetaData) -> list[str]:
    """Add the tables and columns that another version did not have; return what only it had.

    New columns get their defaults. Raises OtherVersion for one that has none and must have a value.
    """
    found = sa.inspect(connection).get_multi_columns()
    columns = {table: {column["name"] for column in each} for (_, table), each in found.items()}
    quote = connection.dialect.identifier_preparer.quote
    declared.create_all(connection)
    for name, table in declared.tables.items():
        for column in table.columns:
            if name not in columns or column.key in columns[name]:
                continue
            default: Any = column.default
            if default is None and not column.nullable:
                raise OtherVersion(f"the table {name} lacks {column.key}, which has no default")
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(
                f"ALTER TABLE {quote(name)} ADD COLUMN {quote(column.key)} {kind}"
            )
            if default is not None:
                connection.execute(sa.update(table).values({column: default.arg}))
    others = [name for name in columns if name not in declared.tables]
    for name in columns.keys() & declared.tables.keys():
        unknown = columns[name] - set(declared.tables[name].columns.keys())
        others += [f"{name}.{column}" for column in unknown]
    return sorted(others)


def recreate_tables(connection: sa.Connection, declared: sa.MetaData) -> None:
    """Replace the tables that another version made by the declared ones, without content.

    Tables of other names stay. Raises ReferringTables if one of them refers to a table to drop.
    """
    found = sa.MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # which tells of indexes that it does not read
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
