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
from support.apps import add_sandbox, open_app, record_statements
from support.callers import Caller
from support.constants import JANE, UID
from support.databases import ENGINE
from support.stored import Stored

TABLES = Base.metadata.sorted_tables  # what is referred to comes first
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
    response = owner.post(client_id=JANE, text="Hi", direction="client_to_business")
    assert response.status_code == 201
    assert response.json["data"]["conversation_uid"] == UID
    after = stored.conversation(UID)
    changed = {column: value for column, value in after.items() if value != before[column]}
    message = stored.messages(UID)[-1]
    assert message["text"] == "Hi"
    assert changed == {
        "archived": 0,
        "message_count": before["message_count"] + 1,
        "last_client_action_at": message["created_at"],
        "updated_at": message["created_at"],
    }


def test_only_what_differs_is_written(app: Flask, stored: Stored) -> None:
    statements = record_statements(app)
    with app.app_context(), transaction() as connection:
        row = read_conversation(connection)
        save_row(connection, Conversation, row, dict(row))
        assert not [each for each in statements if each.startswith(WRITES)]
        save_row(connection, Conversation, row, row | {"campaign": "spring", "spam": True})
    [written] = [each for each in statements if each.startswith(WRITES)]
    assert written.startswith("UPDATE conversation SET ") and written.count("=") == 3
    assert stored.conversation(UID)["campaign"] == "spring"
    assert stored.conversation(UID)["spam"] == 1


# An edit of a JSON column was never stored.


def test_a_changed_json_column_is_stored(connection: sa.Connection, stored: Stored) -> None:
    with transaction() as connection:
        row = read_conversation(connection)
        changed = dict(row["source_data"]) | {"page": {"name": "Prices", "visits": [1, 2]}}
        save_row(connection, Conversation, row, row | {"source_data": changed})
    assert json.loads(stored.conversation(UID)["source_data"]) == changed


def test_an_edit_inside_a_json_column_is_stored_or_refused(connection: sa.Connection) -> None:
    stored = read_conversation(connection)
    row = dict(stored)
    try:
        row["source_data"]["page"] = "Prices"
    except TypeError:
        return
    with transaction() as connection:
        save_row(connection, Conversation, stored, row)
    assert read_conversation(connection)["source_data"]["page"] == "Prices"


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


@pytest.mark.parametrize("token", ["demo-owner", "demo-neighbour"])
def test_a_token_is_looked_up_in_its_sandbox(with_copy: sa.Connection, token: str) -> None:
    default = get_caller(with_copy, token, DEFAULT_SANDBOX)
    copy = get_caller(with_copy, token, "copy")
    assert default and copy
    assert default.staff_id < copy.staff_id and default.business_id < copy.business_id
    assert default.business_uid == copy.business_uid
    with pytest.raises(AuthenticationFailed):
        get_caller(with_copy, token, "no such sandbox")


def test_a_request_changes_its_own_sandbox_alone(
    with_copy: sa.Connection, owner: Caller, stored: Stored
) -> None:
    statement = "SELECT archived FROM conversation WHERE uid = ? ORDER BY id"
    assert owner.put(UID, archived=True, spam=True).status_code == 200
    assert [row["archived"] for row in stored.rows(statement, UID)] == [1, 0]


@pytest.mark.parametrize("table", [table.name for table in OF_IDS])
def test_nothing_is_there_twice_in_its_business_or_sandbox(stored: Stored, table: str) -> None:
    columns = [column.name for column in Base.metadata.tables[table].columns if column.name != "id"]
    row = stored.row(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id LIMIT 1")
    with pytest.raises(ENGINE.integrity_error, match="(?i)unique"):
        stored.rows(
            f"""INSERT INTO {table} ({", ".join(columns)})
                SELECT {", ".join(columns)} FROM {table} ORDER BY id LIMIT 1"""
        )
    assert row


# Ids were used again, so that a request that waited could end in another row.


def find_newest(connection: sa.Connection) -> dict[str, int]:
    return {table.name: connection.scalar(sa.select(sa.func.max(table.c.id))) for table in OF_IDS}


def find_oldest(connection: sa.Connection, after: dict[str, int]) -> dict[str, int]:
    """Return the least id of each table that is greater than one before."""
    return {
        table.name: connection.scalar(
            sa.select(sa.func.min(table.c.id)).where(table.c.id > after[table.name])
        )
        for table in OF_IDS
    }


def test_the_id_of_a_row_that_was_deleted_is_not_used_again(connection: sa.Connection) -> None:
    before = find_newest(connection)
    with transaction() as connection:
        add_sandbox(connection, "copy")
        newest = find_newest(connection)
        for table in reversed(CONTENT):
            name, column = (
                (table.name, table.c.id)
                if table in OF_IDS
                else ("conversation", table.c.conversation_id)
            )
            connection.execute(sa.delete(table).where(column > before[name]))
        add_sandbox(connection, "another")
    oldest = find_oldest(connection, before)
    assert {name: id for name, id in oldest.items() if id <= newest[name]} == {}


def test_a_reset_uses_no_id_again_and_keeps_the_sandbox(
    app: Flask, connection: sa.Connection
) -> None:
    newest = find_newest(connection)
    assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0
    oldest = find_oldest(get_connection(), dict.fromkeys(newest, 0))
    assert {name for name, id in oldest.items() if id <= newest[name]} == {"sandbox"}
    assert find_newest(get_connection())["sandbox"] == newest["sandbox"]


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


# A reset leaves other sandboxes alone, and works on another version's tables.


def count_rows(stored: Stored) -> dict[str, int]:
    return {
        table.name: stored.row(f"SELECT count(*) AS rows FROM {table.name}")["rows"]
        for table in TABLES
    }


def test_a_reset_leaves_the_demo_data_alone(
    app: Flask, owner: Caller, stored: Stored, with_copy: sa.Connection
) -> None:
    before = count_rows(stored)
    assert owner.put("archived00000001", follow_up=True, follow_up_message="x").status_code == 200
    with app.app_context():
        generate_conversations(50)
        generate_messages(20)
    reset = app.test_cli_runner().invoke(args=["reset"])
    assert (reset.exit_code, reset.exception) == (0, None)
    of_two = {name: 2 * count for name, count in count_rows(stored).items()}
    assert of_two == before
    stored.check_integrity()


def test_a_reset_works_on_another_version(stored: Stored) -> None:
    stored.rows("ALTER TABLE conversation DROP COLUMN channel_uid")
    stored.rows("ALTER TABLE client ADD COLUMN fax text")
    stored.rows("DROP TABLE message")
    with open_app(stored.path) as app:
        caller = Caller(app, "demo-owner")
        assert caller.get(f"/v2/conversations/{UID}").status_code == 503
        reset = app.test_cli_runner().invoke(args=["reset"])
        assert (reset.exit_code, reset.exception) == (0, None), reset.output
        assert caller.get(f"/v2/conversations/{UID}/messages").status_code == 200
    stored.check_integrity()


# SQLAlchemy's own error for a lock that could not be had in time became 500.


@pytest.mark.parametrize("by_driver", [True, False], ids=["driver", "SQLAlchemy"])
def test_a_write_without_its_lock_is_503(
    stored: Stored, monkeypatch: pytest.MonkeyPatch, by_driver: bool
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    statement = {
        "sqlite": "UPDATE conversation SET title = 'x'",
        "postgresql": "SET lock_timeout = 50;"
        f"SELECT pg_advisory_xact_lock({postgresql.LOCK_NAMESPACE}, 0)",
    }

    def write() -> str:
        connection = get_connection()
        sql = statement[connection.dialect.name]
        driver: Any = connection.connection.driver_connection
        if by_driver:
            driver.execute(sql)
        else:
            connection.execute(sa.text(sql))
        return ""

    with open_app(stored.path) as app:
        app.add_url_rule("/write", view_func=write)
        before = stored.everything()
        with stored.locked():
            response = app.test_client().get("/write")
        assert stored.everything() == before
        assert app.test_client().get("/write").status_code == 200
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json and response.json["errors"][0]["code"] == "unavailable"


# A request read the clock more than once.


def test_a_put_has_one_time(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    assert owner.put(UID, follow_up=True, follow_up_message="x", deleted=True).status_code == 200
    conversation, message = stored.conversation(UID), stored.messages(UID)[-1]
    assert message["direction"] == "internal"
    assert_one_time(
        *(conversation[column] for column in ("updated_at", "last_user_action_at", "deleted_at")),
        *(message[column] for column in ("created_at", "updated_at")),
    )


@pytest.mark.parametrize(
    ("direction", "action"),
    [
        ("client_to_business", "last_client_action_at"),
        ("business_to_client", "last_user_action_at"),
    ],
)
def test_a_post_has_one_time(owner: Caller, stored: Stored, direction: str, action: str) -> None:
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    stored.rows("DELETE FROM message")
    stored.rows("DELETE FROM collaborator")
    stored.rows("DELETE FROM conversation")  # so that the message makes one
    response = owner.post(client_id=JANE, text="x", direction=direction)
    assert response.status_code == 201
    conversation = stored.conversation(response.json["data"]["conversation_uid"])
    [message] = stored.messages(conversation["uid"])
    assert_one_time(
        *(conversation[column] for column in ("created_at", "updated_at", action)),
        *(message[column] for column in ("created_at", "updated_at")),
    )


def assert_one_time(*times: str) -> None:
    assert len(set(times)) == 1, times
    assert not times[0].endswith(".000000")  # the clock runs
