"""The traps that the first version had, each with a test that fails without its cure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from database import postgresql, sqlite
from database.connections import Base, get_connection, transaction
from database.statements import Query, Row, save_row
from models import Conversation
from support.apps import Caller, add_sandbox, check_error, open_app, record_statements
from support.constants import JANE, UID
from support.databases import ENGINE
from support.stored import Stored

pytestmark = pytest.mark.database  # keys, indexes and locks

TABLES = Base.metadata.sorted_tables  # a table comes after those that it refers to
CONTENT = [table for table in TABLES if table.name != "journal_entry"]
OF_IDS = [table for table in CONTENT if "id" in table.columns]
CONVERSATION = Query(sa.select(*Conversation.__table__.columns).where(Conversation.uid == UID))
WRITES = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def connection(app: Flask) -> Iterator[sa.Connection]:
    with app.app_context():
        yield get_connection()


def read_conversation(connection: sa.Connection) -> Row:
    [row] = CONVERSATION.first(connection, {}) or []
    read: Row = row
    return read


def test_unread_column_cannot_be_written(connection: sa.Connection) -> None:
    stored = read_conversation(connection)
    del stored["campaign"]
    with transaction() as connection, pytest.raises(KeyError, match="campaign"):
        save_row(connection, Conversation, stored, stored | {"campaign": "spring"})


def test_only_changed_columns_are_written(app: Flask, stored: Stored) -> None:
    statements = record_statements(app)
    with app.app_context(), transaction() as connection:
        row = read_conversation(connection)
        save_row(connection, Conversation, row, dict(row))
        assert not [each for each in statements if each.startswith(WRITES)]
        save_row(connection, Conversation, row, row | {"campaign": "spring", "spam": True})
    [written] = [each for each in statements if each.startswith(WRITES)]
    assert written.startswith("UPDATE conversation SET ") and written.count("=") == 3
    after = stored.conversation(UID)
    assert (after["campaign"], after["spam"]) == ("spring", 1)


def test_changed_json_column_is_stored(connection: sa.Connection, stored: Stored) -> None:
    with transaction() as connection:
        row = read_conversation(connection)
        changed = row["source_data"] | {"page": {"name": "Prices", "visits": [1, 2]}}
        save_row(connection, Conversation, row, row | {"source_data": changed})
    assert json.loads(stored.conversation(UID)["source_data"]) == changed


@pytest.mark.parametrize("table", [table.name for table in OF_IDS])
def test_duplicates_are_rejected_by_the_database(stored: Stored, table: str) -> None:
    names = [column.name for column in Base.metadata.tables[table].columns if column.name != "id"]
    columns = ", ".join(names)
    assert stored.row(f"SELECT {columns} FROM {table} ORDER BY id LIMIT 1")
    with pytest.raises(ENGINE.integrity_error, match="(?i)unique"):
        first = f"SELECT {columns} FROM {table} ORDER BY id LIMIT 1"
        stored.rows(f"INSERT INTO {table} ({columns}) {first}")


# Ids were used again, so that a request that waited could end in another row.


def find_ids(connection: sa.Connection, after: dict[str, int] | None = None) -> dict[str, Any]:
    """Return the newest id of each table, or the oldest one that is greater than one before."""
    if after is None:
        newest = {table.name: sa.select(sa.func.max(table.c.id)) for table in OF_IDS}
        return {name: connection.scalar(select) for name, select in newest.items()}
    oldest = {
        table.name: sa.select(sa.func.min(table.c.id)).where(table.c.id > after[table.name])
        for table in OF_IDS
    }
    return {name: connection.scalar(select) for name, select in oldest.items()}


def test_deleted_ids_are_not_reused(connection: sa.Connection) -> None:
    before = find_ids(connection)
    with transaction() as connection:
        add_sandbox(connection, "copy")
        newest = find_ids(connection)
        for table in reversed(CONTENT):
            key = table.c.id if table in OF_IDS else table.c.conversation_id
            name = table.name if table in OF_IDS else "conversation"
            connection.execute(sa.delete(table).where(key > before[name]))
        add_sandbox(connection, "another")
    oldest = find_ids(connection, before)
    assert {name: id for name, id in oldest.items() if id <= newest[name]} == {}


# Without an index on a foreign key's column, each delete reads the full table of that column.


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.parametrize("table", [table.name for table in TABLES if table.foreign_keys])
def test_every_foreign_key_leads_an_index(connection: sa.Connection, table: str) -> None:
    declared = {key.parent.name for key in Base.metadata.tables[table].foreign_keys}
    database = sa.inspect(connection)
    keys = {key["constrained_columns"][0] for key in database.get_foreign_keys(table)}
    first = {index["column_names"][0] for index in database.get_indexes(table)}
    first |= {each["column_names"][0] for each in database.get_unique_constraints(table)}
    first.add(database.get_pk_constraint(table)["constrained_columns"][0])
    assert keys == declared
    assert keys - first == set()


@pytest.mark.parametrize("by_driver", [True, False], ids=["driver", "SQLAlchemy"])
def test_write_without_its_lock_gets_503(
    stored: Stored, monkeypatch: pytest.MonkeyPatch, by_driver: bool
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    lock = f"SELECT pg_advisory_xact_lock({postgresql.LOCK_NAMESPACE}, 0)"
    statement = {
        "sqlite": "UPDATE conversation SET title = 'x'",
        "postgresql": f"SET lock_timeout = 50; {lock}",
    }

    def write() -> str:
        connection = get_connection()
        sql = statement[connection.dialect.name]
        driver: Any = connection.connection.driver_connection
        _ = driver.execute(sql) if by_driver else connection.execute(sa.text(sql))
        return ""

    with open_app(stored.path) as app:
        app.add_url_rule("/write", view_func=write)
        with stored.unchanged(), stored.locked():
            response = app.test_client().get("/write")
        assert app.test_client().get("/write").status_code == 200
    check_error(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "1"


TIMES = {
    "PUT": "updated_at last_user_action_at deleted_at",
    "client_to_business": "created_at updated_at last_client_action_at",
    "business_to_client": "created_at updated_at last_user_action_at",
}


@pytest.mark.parametrize(("sent", "columns"), TIMES.items())
def test_request_uses_one_time(owner: Caller, stored: Stored, sent: str, columns: str) -> None:
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    uid = UID
    if sent == "PUT":
        owner.put(UID, follow_up=True, follow_up_message="x", deleted=True)
    else:
        for table in ("message", "collaborator", "conversation"):  # so that the message makes one
            stored.rows(f"DELETE FROM {table}")
        uid = owner.post(client_id=JANE, text="x", direction=sent).json["data"]["conversation_uid"]
    row, message = stored.conversation(uid), stored.messages(uid)[-1]
    times = [*(row[name] for name in columns.split()), message["created_at"], message["updated_at"]]
    assert len(set(times)) == 1, times
    assert not times[0].endswith(".000000")  # the clock runs
