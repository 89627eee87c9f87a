"""Statements that run on every request, compiled once by SQLAlchemy and executed by the driver."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

Row = dict[str, Any]  # the columns of one table by name
Values = Mapping[str, Any]
Convert = Callable[[Any], Any]
T = TypeVar("T")
ROWS_AT_ONCE = 1_000
WORK_SECONDS = 0.02  # of a long loop between yields
YIELD_SECONDS = 1e-6  # gevent accepts no new requests in a sleep of 0


def cooperatively(items: Iterable[T]) -> Iterator[T]:
    """Yield the items of a long loop, and yield to other requests every WORK_SECONDS."""
    begin = time.monotonic()
    for each in items:
        yield each
        if time.monotonic() - begin > WORK_SECONDS:
            time.sleep(YIELD_SECONDS)
            begin = time.monotonic()


class _Compiled:
    """A statement compiled for one kind of database."""

    def __init__(self, clause: Any, dialect: sa.Dialect) -> None:
        compiled = clause.compile(dialect=dialect)
        self.sql = str(compiled)
        params = compiled.params  # None for those that need a value in `bind`
        self.constants = {name: params[name] for name in params if params[name] is not None}
        self.order = compiled.positiontup  # of the parameters, where they have no names
        self.bind_processors: dict[str, Convert] = {
            name: convert
            for parameter, name in compiled.bind_names.items()
            if (convert := parameter.type.dialect_impl(dialect).bind_processor(dialect))
        }
        columns = list(getattr(clause, "selected_columns", ()))
        self.result_processors: list[tuple[int, Convert]] = [  # by the position of the column
            (position, convert)
            for position, column in enumerate(columns)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]
        self.tables, start = [], 0  # that a row has columns of: from, to, names
        for _, group in groupby(columns, lambda column: getattr(column, "table", None)):
            names = [column.key for column in group]
            self.tables.append((start, start := start + len(names), names))

    def bind(self, values: Values) -> dict[str, Any] | list[Any]:
        """Return what the driver takes for the values of the parameters by name."""
        named = {**self.constants, **values}
        for name, convert in self.bind_processors.items():
            named[name] = convert(named[name])
        return named if self.order is None else [*map(named.__getitem__, self.order)]

    def read(self, values: Sequence[Any]) -> list[Row | None]:
        """Return a row for each table; None for one that an outer join did not find."""
        values = list(values)
        for position, convert in self.result_processors:
            values[position] = convert(values[position])
        return [
            # `strict` would take a fifth of this time.
            None if values[start] is None else dict(zip(names, values[start:end]))  # noqa: B905
            for start, end, names in self.tables
        ]


class Statement:
    """A statement, compiled for each kind of database on first use."""

    def __init__(self, clause: Any) -> None:
        self.clause = clause
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: sa.Connection, values: Values) -> DBAPICursor:
        """Return the driver's cursor of this statement with the values of its parameters."""
        compiled = self.compile(connection.dialect)
        driver: Any = connection.connection.dbapi_connection
        return driver.execute(compiled.sql, compiled.bind(values))  # type: ignore[no-any-return]

    def count(self, connection: sa.Connection, values: Values) -> int:
        """Return the one number that this statement selects."""
        [[number]] = self.run(connection, values).fetchall()
        return int(number)

    def run_many(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        """Run this statement with the values of each row; yield to other requests in between."""
        compiled = self.compile(connection.dialect)
        driver: Any = connection.connection.dbapi_connection
        for start in cooperatively(range(0, len(rows), ROWS_AT_ONCE)):
            some = [compiled.bind(row) for row in rows[start : start + ROWS_AT_ONCE]]
            driver.cursor().executemany(compiled.sql, some)

    def compile(self, dialect: sa.Dialect) -> _Compiled:
        """Return the statement compiled for a kind of database."""
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = _Compiled(self.clause, dialect)
        return self._compiled[dialect.name]


class Query(Statement):
    """A select. Each of its rows is a list of dictionaries, one for each table.

    Select the columns of each table together, beginning with one that is never null.
    """

    def all(self, connection: sa.Connection, values: Values) -> list[list[Any]]:
        """Return the rows."""
        return [*self.each(connection, values)]

    def each(self, connection: sa.Connection, values: Values) -> Iterator[list[Any]]:
        """Yield the rows."""
        compiled = self.compile(connection.dialect)
        yield from map(compiled.read, iter(self.run(connection, values).fetchone, None))

    def first(self, connection: sa.Connection, values: Values) -> list[Any] | None:
        """Return the first row, or None."""
        row = self.run(connection, values).fetchone()
        return None if row is None else self.compile(connection.dialect).read(row)


def save_row(connection: sa.Connection, model: type[Any], stored: Row | None, row: Row) -> Row:
    """Insert a row, or update the columns in which it differs from the stored one; return it.

    An inserted row gets its id. Raises KeyError for a column that was not read.
    """
    if stored is None:
        cursor = _insert(model.__table__, tuple(row)).run(connection, row)
        [key] = cursor.fetchall()
        return row | dict(zip(model.__table__.primary_key.columns.keys(), key, strict=True))
    changes = {column: value for column, value in row.items() if stored[column] != value}
    if changes:
        keys = {f"key_{column.key}": stored[column.key] for column in model.__table__.primary_key}
        _update(model.__table__, tuple(changes)).run(connection, changes | keys)
    return row


@cache
def _insert(table: sa.Table, columns: tuple[str, ...]) -> Statement:
    values: Values = {column: sa.bindparam(column) for column in columns}
    return Statement(sa.insert(table).values(values).returning(*table.primary_key))


@cache
def _update(table: sa.Table, columns: tuple[str, ...]) -> Statement:
    values: Values = {column: sa.bindparam(column) for column in columns}
    keys = (column == sa.bindparam(f"key_{column.key}") for column in table.primary_key)
    return Statement(sa.update(table).values(values).where(*keys))
