"""The traps that the first version had, each with a test that fails without its cure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from bench.generate import generate_conversations, generate_messages
from conversations.callers import AuthenticationFailed, get_caller
from database import postgresql, sqlite
from database.connections import Base, get_connection, transaction
from database.statements import Query, Row, save_row
from models import DEFAULT_SANDBOX, Conversation
from support.apps import add_sandbox, open_app, record_statements, succeed
from support.callers import Caller, check_error
from support.constants import JANE, MESSAGE, UID
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


# A column that was not read was lost in silence when it was written.


def test_a_column_that_was_not_read_can_not_be_written(connection: sa.Connection) -> None:
    stored = read_conversation(connection)
    del stored["campaign"]
    with transaction() as connection, pytest.raises(KeyError, match="campaign"):
        save_row(connection, Conversation, stored, stored | {"campaign": "spring"})


def test_a_message_to_a_conversation_found_by_a_list_leaves_all_other_columns(
    owner: Caller, stored: Stored
) -> None:
    unusual: Row = {"campaign": "c", "source": "s", "source_type": "t", "source_data": '{"a": [1]}'}
    unusual |= {"sourceable_type": "y", "sourceable_id": "i", "matter_uid": "m", "channel_uid": "h"}
    columns = ", ".join(f"{column} = ?" for column in unusual)
    flags = "mobile = true, spam = true, archived = true, matter_searchable = false"
    stored.rows(f"UPDATE conversation SET {columns}, {flags} WHERE uid = ?", *unusual.values(), UID)
    before = stored.conversation(UID)
    assert owner.post(**MESSAGE).json["data"]["conversation_uid"] == UID
    message = stored.messages(UID)[-1]
    assert message["text"] == MESSAGE["text"]
    assert stored.conversation(UID) == before | {
        "archived": 0,
        "message_count": before["message_count"] + 1,
        "last_client_action_at": message["created_at"],
        "updated_at": message["created_at"],
    }


def test_only_the_columns_that_differ_are_written(app: Flask, stored: Stored) -> None:
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


# An edit of a JSON column was never stored.


def test_a_changed_json_column_is_stored(connection: sa.Connection, stored: Stored) -> None:
    with transaction() as connection:
        row = read_conversation(connection)
        changed = dict(row["source_data"]) | {"page": {"name": "Prices", "visits": [1, 2]}}
        save_row(connection, Conversation, row, row | {"source_data": changed})
    assert json.loads(stored.conversation(UID)["source_data"]) == changed
    with pytest.raises(TypeError):  # in place, which nothing would notice
        read_conversation(connection)["source_data"]["page"] = "Prices"


# Uids were unique over all businesses, so that there could be no second copy of the demo data.


@pytest.fixture
def with_copy(connection: sa.Connection) -> sa.Connection:
    with transaction() as connection:
        add_sandbox(connection, "copy")
    return connection


@pytest.mark.parametrize("table", ["staff", "client", "conversation", "message"])
def test_a_second_sandbox_has_the_same_uids(
    with_copy: sa.Connection, stored: Stored, table: str
) -> None:
    uids: dict[str, list[str]] = {}
    for row in stored.rows(
        f"""SELECT sandbox.name, {table}.uid FROM {table} JOIN business ON business.id = business_id
            JOIN sandbox ON sandbox.id = sandbox_id ORDER BY {table}.uid, {table}.business_id"""
    ):
        uids.setdefault(row["name"], []).append(row["uid"])
    assert uids["copy"] == uids[DEFAULT_SANDBOX] != []
    stored.check_integrity()


def test_a_request_finds_and_changes_its_own_sandbox_alone(
    with_copy: sa.Connection, owner: Caller, stored: Stored
) -> None:
    for token in ("demo-owner", "demo-neighbour"):
        default, copy = (get_caller(with_copy, token, each) for each in (DEFAULT_SANDBOX, "copy"))
        assert default and copy
        assert default.staff_id < copy.staff_id and default.business_id < copy.business_id
        assert default.business_uid == copy.business_uid
        with pytest.raises(AuthenticationFailed):
            get_caller(with_copy, token, "no such sandbox")
    assert owner.put(UID, archived=True, spam=True).status_code == 200
    rows = stored.rows("SELECT archived FROM conversation WHERE uid = ? ORDER BY id", UID)
    assert [row["archived"] for row in rows] == [1, 0]


@pytest.mark.parametrize("table", [table.name for table in OF_IDS])
def test_nothing_is_there_twice_in_its_business_or_sandbox(stored: Stored, table: str) -> None:
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


def test_the_id_of_a_row_that_was_deleted_is_not_used_again(connection: sa.Connection) -> None:
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


def test_a_reset_uses_no_id_again_and_keeps_the_sandbox(
    app: Flask, connection: sa.Connection
) -> None:
    newest = find_ids(connection)
    succeed(app, "reset")
    oldest = find_ids(get_connection(), dict.fromkeys(newest, 0))
    assert {name for name, id in oldest.items() if id <= newest[name]} == {"sandbox"}
    assert find_ids(get_connection())["sandbox"] == newest["sandbox"]


# Without an index on the column of a foreign key, each delete reads the whole table that has it.


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


# A reset left what was added to the demo data.


def test_a_reset_leaves_the_demo_data_alone(
    app: Flask, owner: Caller, stored: Stored, with_copy: sa.Connection
) -> None:
    def count_rows() -> dict[str, int]:
        count = "SELECT count(*) AS rows FROM"
        return {table.name: stored.row(f"{count} {table.name}")["rows"] for table in TABLES}

    before = count_rows()
    assert owner.put("archived00000001", follow_up=True, follow_up_message="x").status_code == 200
    with app.app_context():
        generate_conversations(50)
        generate_messages(20)
    succeed(app, "reset")
    assert {name: 2 * count for name, count in count_rows().items()} == before
    stored.check_integrity()


# SQLAlchemy's own error for a lock that could not be had in time became 500.


@pytest.mark.parametrize("by_driver", [True, False], ids=["driver", "SQLAlchemy"])
def test_a_write_without_its_lock_is_503(
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


# A request read the clock more than once.


def check_one_time(row: Row, message: Row, *names: str) -> None:
    """Fail unless columns of a conversation and the times of its message are the same."""
    times = [*(row[name] for name in names), message["created_at"], message["updated_at"]]
    assert len(set(times)) == 1, times
    assert not times[0].endswith(".000000")  # the clock runs


def test_a_put_has_one_time(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    assert owner.put(UID, follow_up=True, follow_up_message="x", deleted=True).status_code == 200
    conversation, message = stored.conversation(UID), stored.messages(UID)[-1]
    assert message["direction"] == "internal"
    check_one_time(conversation, message, "updated_at", "last_user_action_at", "deleted_at")


@pytest.mark.parametrize("sender", ["client", "business"])
def test_a_post_has_one_time(owner: Caller, stored: Stored, sender: str) -> None:
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    for table in ("message", "collaborator", "conversation"):  # so that the message makes one
        stored.rows(f"DELETE FROM {table}")
    other = {"client": "business", "business": "client"}[sender]
    response = owner.post(client_id=JANE, text="x", direction=f"{sender}_to_{other}")
    assert response.status_code == 201
    conversation = stored.conversation(response.json["data"]["conversation_uid"])
    [message] = stored.messages(conversation["uid"])
    action = {"client": "last_client_action_at", "business": "last_user_action_at"}[sender]
    check_one_time(conversation, message, "created_at", "updated_at", action)
