"""A reset, as requests meet it: who calls stays, and everything else is as at the first start."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import ANY

import pytest
import sqlalchemy as sa
from flask import Flask

from conversations.callers import get_caller
from conversations.messages import get_client
from conversations.staff_conversation import get_conversation
from database.connections import get_connection, transaction
from demo.commands import add_demo_data
from models import DEFAULT_SANDBOX
from support.constants import JANE, UID
from support.servers import Server
from support.stored import Stored


@pytest.fixture
def connection(app: Flask) -> Iterator[sa.Connection]:
    with app.app_context():
        yield get_connection()


def test_a_request_that_waited_for_a_reset_acts_as_if_it_came_after(
    app: Flask, connection: sa.Connection
) -> None:
    caller = get_caller(connection, "demo-owner", DEFAULT_SANDBOX)
    assert caller
    assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0
    assert get_caller(connection, "demo-owner", DEFAULT_SANDBOX) == caller._replace(now=ANY)
    assert get_conversation(connection, UID, caller).conversation["title"] == "Jane Smith"
    assert get_client(connection, JANE, caller)["first_name"] == "Jane"


def test_a_reset_removes_who_is_not_in_the_demo(
    app: Flask, connection: sa.Connection, stored: Stored
) -> None:
    with transaction():
        add_demo_data(connection, "copy")
    stored.rows("UPDATE staff SET full_name = 'x', access = 'assigned'")
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    stored.rows(
        """INSERT INTO staff (business_id, uid, full_name, display_name, email, access)
           VALUES (1, 'new', 'x', 'x', '', 'all')"""
    )
    assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0
    names = {row["full_name"] for row in stored.rows("SELECT full_name FROM staff")}
    assert names == {"Ram Almog", "Noa Levi", "Tom Peretz", "Dana Rimon"}
    assert len(stored.rows("SELECT id FROM access_token")) == 6
    assert len(stored.rows("SELECT id FROM sandbox")) == 1


def test_a_write_beside_resets_is_never_lost_in_between(
    server: Server, app: Flask, stored: Stored
) -> None:
    def write(number: int) -> int:
        return server.put("demo-owner", UID, {"campaign": str(number)})

    with ThreadPoolExecutor(4) as pool:
        statuses = [pool.submit(write, number) for number in range(120)]
        for _ in range(3):
            assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0
    assert {status.result() for status in statuses} == {200}
    assert len(stored.rows("SELECT id FROM conversation")) == 34
