"""How a request reads and writes: with statements that are compiled once, and without a session.

From a statement to its models SQLAlchemy's session takes 100 to 400 µs, its connection 40 to 80 for
the bare columns, and this 10 to 30. SQLAlchemy's types convert the values all the same.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from typing import Any

from flask import Flask, g
from sqlalchemy import Dialect, Engine, Insert, Select, Update, bindparam, insert, inspect, update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql import FromClause

from database import postgresql, sqlite
from models import Base, db

Model = type[Base]
Values = Mapping[str, Any]
Row = list[Any]


KINDS = {"sqlite": sqlite, "postgresql": postgresql}


def init_app(app: Flask) -> None:
    """Set up an app's database, and give each request's connection back.

    Raises ValueError for a kind of database that is not known here.
    """
    app.teardown_appcontext(_close)
    with app.app_context():
        engine = db.engine
    if engine.dialect.name not in KINDS:
        raise ValueError(
            f"{engine.dialect.name} is no database for this: it takes {' and '.join(KINDS)}."
        )
    KINDS[engine.dialect.name].configure(engine)


def is_locked(error: BaseException) -> bool:
    """Say whether an error means that a lock could not be had in time."""
    return any(kind.is_locked(error) for kind in KINDS.values())


def connection() -> "Connection":
    """Return the request's connection."""
    if "connection" not in g:
        g.connection = Connection(db.engine)
    return g.connection  # type: ignore[no-any-return]


@contextmanager
def writing(business_id: int) -> Iterator["Connection"]:
    """Hold the write lock of a business; commit at the end, or undo everything on an error.

    What is to be changed has to be read inside. Raises the driver's error if the lock can't be had
    in time (`is_locked`).
    """
    writer = connection()
    KINDS[writer.dialect.name].take_write_lock(writer.driver.execute, business_id)
    try:
        yield writer
        writer.driver.commit()
    except BaseException:
        writer.driver.rollback()
        raise


class Statement:
    """A statement, compiled for a kind of database when that first needs it."""

    def __init__(self, clause: Select[*tuple[Any, ...]] | Insert | Update) -> None:
        self.clause = clause
        self.compile = cache(self._compile)

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Values], Any]]:
        """Return the text, and what makes the driver's parameters of values by name."""
        compiled = self.clause.compile(dialect=dialect)
        constants, order = dict(compiled.params), compiled.positiontup
        converters = {
            name: convert
            for parameter, name in compiled.bind_names.items()
            if (convert := parameter.type.dialect_impl(dialect).bind_processor(dialect))
        }

        def arrange(values: Values) -> Any:
            named = {**constants, **values}
            for name, convert in converters.items():
                named[name] = convert(named[name])
            return named if order is None else [named[name] for name in order]

        return str(compiled), arrange


class Query(Statement):
    """A select of columns, whose rows hold a model for each run of columns of the same one.

    The primary key comes first. What an outer join does not find is None.
    """

    def __init__(self, select: Select[*tuple[Any, ...]]) -> None:
        super().__init__(select)
        self.columns = list(select.selected_columns)
        self.reader = cache(self._make_reader)

    def _make_reader(self, dialect: Dialect) -> Callable[[tuple[Any, ...]], Row]:
        """Return what makes models of a row of the driver's.

        It is one expression, made of the columns; a loop over them would take twice as long.
        """
        names: dict[str, Any] = {}
        models = []
        numbered = enumerate(self.columns)
        for table, run in groupby(numbered, lambda each: each[1].table):
            columns = list(run)
            values = []
            for number, column in columns:
                value = f"row[{number}]"
                if convert := column.type.dialect_impl(dialect).result_processor(dialect, None):
                    names[f"convert_{number}"] = convert
                    value = f"convert_{number}({value})"
                values.append(f"{column.key!r}: {value}")
            key = columns[0][0]
            names[f"make_{key}"] = _make_maker(table)
            models.append(f"None if row[{key}] is None else make_{key}({{{', '.join(values)}}})")
        return eval(f"lambda row: [{', '.join(models)}]", names)  # type: ignore[no-any-return]


class Connection:
    """A connection of the database's driver, for these statements."""

    def __init__(self, engine: Engine) -> None:
        self.pooled = engine.raw_connection()
        self.driver: Any = self.pooled.driver_connection
        self.dialect = engine.dialect

    def execute(self, statement: Statement, values: Values) -> DBAPICursor:
        """Return the driver's cursor of a statement with the values of its parameters."""
        text, arrange = statement.compile(self.dialect)
        return self.driver.execute(text, arrange(values))  # type: ignore[no-any-return]

    def all(self, query: Query, values: Values) -> list[Row]:
        """Return the rows of a query with the values of its parameters."""
        return list(map(query.reader(self.dialect), self.execute(query, values).fetchall()))

    def first(self, query: Query, values: Values) -> Row | None:
        """Return the first row of a query with the values of its parameters, or None."""
        row = self.execute(query, values).fetchone()
        return None if row is None else query.reader(self.dialect)(row)

    def add(self, model: Base) -> None:
        """Store a new model, and tell it the id that it got."""
        columns = model.__table__.columns
        values = {key: value for key, value in model.__dict__.items() if key in columns}
        [row] = self.execute(_insert(type(model), tuple(values)), values).fetchall()
        relate(model, **dict(zip(_keys(model.__table__), row, strict=True)))

    def write_changes(self, model: Base) -> None:
        """Store what a model has otherwise than was noted (`remember`), if there is anything."""
        if values := changes(model):
            statement = _update(type(model), tuple(values))
            for key in _keys(model.__table__):
                values[f"stored_{key}"] = getattr(model, key)
            self.execute(statement, values)


def remember(*models: Base | None) -> None:
    """Note how models that may be changed are stored."""
    for model in models:
        if model is not None:
            model.__dict__["stored"] = model.__dict__.copy()


def changes(model: Base) -> dict[str, Any]:
    """Return the columns that a model has otherwise than was noted, with their values now."""
    now = model.__dict__
    return {key: now[key] for key, value in now["stored"].items() if now[key] != value}


def relate(model: Base, **values: Any) -> None:
    """Give a model what belongs to it as stored."""
    model.__dict__.update(values)


class _Unread:
    """Stands for an attribute that was not selected."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, model: Base | None, kind: Model) -> Any:
        raise AttributeError(f"{kind.__name__}.{self.name} was not read.")


@cache
def _models() -> dict[FromClause, Model]:
    return {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}


@cache
def _plain(model: Model) -> Model:
    """Return a model with ordinary attributes, which take a tenth of the time of a session's."""
    attributes = {key: _Unread(key) for key in inspect(model).attrs.keys()}
    return type(model.__name__, (model,), {"__abstract__": True, **attributes})


def _make_maker(table: FromClause) -> Callable[[dict[str, Any]], Base]:
    """Return what makes a model of its columns' values."""
    kind = _plain(_models()[getattr(table, "element", table)])  # a table, or an alias of one
    new = kind.__new__

    def make(values: dict[str, Any]) -> Base:
        model = new(kind)
        model.__dict__ = values
        return model

    return make


@cache
def _keys(table: FromClause) -> list[str]:
    return [column.key for column in table.primary_key]


@cache
def _insert(model: Model, columns: tuple[str, ...]) -> Statement:
    table: Any = model.__table__
    values: Values = {column: bindparam(column) for column in columns}
    return Statement(insert(table).values(values).returning(*table.primary_key))


@cache
def _update(model: Model, columns: tuple[str, ...]) -> Statement:
    table: Any = model.__table__
    values: Values = {column: bindparam(column) for column in columns}
    keys = (table.c[key] == bindparam(f"stored_{key}") for key in _keys(table))
    return Statement(update(table).values(values).where(*keys))


def _close(_error: BaseException | None) -> None:
    if "connection" in g:
        g.pop("connection").pooled.close()
