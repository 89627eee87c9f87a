"""The databases that the tests run on: a file of SQLite's, or one of a PostgreSQL server.

A test names its database by a path. TEST_POSTGRESQL, the URL of a server without a database's name,
makes each path a database of that server; `make test-postgres` sets it.
"""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.rows import dict_row

from database import postgresql

JOURNAL = "journal_entry"  # a table that every request writes, some time after it
FRAME = {"COMMIT", "ROLLBACK", "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
Rows = list[dict[str, Any]]


class SQLite:
    integrity_error: type[Exception] = sqlite3.IntegrityError

    def url(self, path: Path) -> str:
        """Return the URL of a database, as the service takes it."""
        return f"sqlite:///{path}"

    def copy(self, source: Path, target: Path) -> None:
        shutil.copy(source, target)

    def drop(self, path: Path) -> None:
        """Leave the file to pytest, which removes it later."""

    def rows(self, path: Path, statement: str, values: tuple[Any, ...]) -> Rows:
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(statement, values)]
            connection.commit()
            return rows

    def everything(self, path: Path) -> list[str]:
        schema = self.rows(path, "SELECT sql FROM sqlite_schema ORDER BY name", ())
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table'"
        return [*map(str, schema), *_everything(self, path, tables)]

    @contextmanager
    def locked(self, path: Path) -> Iterator[None]:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def check_integrity(self, path: Path) -> None:
        assert self.rows(path, "PRAGMA integrity_check", ()) == [{"integrity_check": "ok"}]
        assert self.rows(path, "PRAGMA foreign_key_check", ()) == []

    def record(self, engine: sa.Engine, statements: list[str]) -> None:
        def note(statement: str) -> None:
            if statement not in FRAME:
                statements.append(statement)

        sa.event.listen(
            engine, "checkout", lambda connection, *_: connection.set_trace_callback(note)
        )


class PostgreSQL:
    integrity_error: type[Exception] = psycopg.IntegrityError

    def __init__(self, server: str) -> None:
        self.server = server.replace("+psycopg", "")

    def url(self, path: Path) -> str:
        """Return the URL of a database, as the service takes it; make the database if needed."""
        name = self._name(path)
        with self._connect("postgres") as connection:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(known, [name]).fetchone():
                connection.execute(f"CREATE DATABASE {name}")
        return f"{self.server}{name}".replace("postgresql:", "postgresql+psycopg:")

    def copy(self, source: Path, target: Path) -> None:
        with self._connect("postgres") as connection:
            names = f"{self._name(target)} TEMPLATE {self._name(source)}"
            connection.execute(f"CREATE DATABASE {names}")

    def drop(self, path: Path) -> None:
        with self._connect("postgres") as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self._name(path)} WITH (FORCE)")

    def rows(self, path: Path, statement: str, values: tuple[Any, ...]) -> Rows:
        """Return rows as SQLite has them: numbers for booleans, strings for times and JSON."""
        with self._connect(self._name(path)) as connection:
            connection.execute("SET session_replication_role = replica")  # no foreign keys
            return self._rows(connection, statement, values)

    def everything(self, path: Path) -> list[str]:
        return _everything(
            self, path, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        )

    @contextmanager
    def locked(self, path: Path) -> Iterator[None]:
        with self._connect(self._name(path)) as connection:
            lock = f"pg_advisory_xact_lock({postgresql.LOCK_NAMESPACE}, 0)"
            connection.execute(f"BEGIN; SELECT {lock}")
            yield
            connection.rollback()

    def check_integrity(self, path: Path) -> None:
        """Check nothing: the server commits no row whose foreign key leads nowhere."""

    def record(self, engine: sa.Engine, statements: list[str]) -> None:
        class Recorder(psycopg.Cursor[Any]):
            def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
                if query and query not in FRAME:  # without one it asks for a sign of life
                    statements.append(str(query))
                return super().execute(query, *arguments, **options)

        def listen(connection: Any, *_: Any) -> None:
            connection.cursor_factory = Recorder

        sa.event.listen(engine, "checkout", listen)

    def _rows(
        self, connection: psycopg.Connection[Any], statement: str, values: tuple[Any, ...] = ()
    ) -> Rows:
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(re.sub(r"\?", "%s", statement.replace("%", "%%")), values)
        rows = cursor.fetchall() if cursor.description else []
        return [{name: _as_sqlite(value) for name, value in row.items()} for row in rows]

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        connection = psycopg.connect(f"{self.server}{name}", autocommit=True)
        connection.execute("SET TIME ZONE 'UTC'")
        return connection

    def _name(self, path: Path) -> str:
        return "test_" + sha256(str(path).encode()).hexdigest()[:16]


def _as_sqlite(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value


def _everything(engine: "SQLite | PostgreSQL", path: Path, names: str) -> list[str]:
    """Return all rows of the tables with some names as text, in a fixed order."""
    tables = [row["name"] for row in engine.rows(path, f"{names} ORDER BY name", ())]
    lines = [
        f"{table}: {row}"
        for table in tables
        for row in sorted(map(str, engine.rows(path, f"SELECT * FROM {table}", ())))
    ]
    return [line for line in lines if JOURNAL not in line]  # nor its latest number


ENGINE: SQLite | PostgreSQL = (
    PostgreSQL(os.environ["TEST_POSTGRESQL"]) if "TEST_POSTGRESQL" in os.environ else SQLite()
)
