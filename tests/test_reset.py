"""A reset, as requests see it: tokens stay valid, and all data is restored."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.generate import generate_conversations, generate_messages
from conversations.callers import get_caller
from database.connections import Base, get_connection, transaction
from models import DEFAULT_SANDBOX
from support.apps import add_sandbox, fail, succeed
from support.callers import Call, Caller
from support.constants import JANE, ONE, STAFF, UID
from support.servers import Server
from support.states import FIXED, RAM
from support.stored import Stored

pytestmark = pytest.mark.database  # rows that are replaced

NOW = {"now": FIXED}
RESET = ("POST", "/__admin/reset", NOW)


def test_reset_keeps_only_the_demo_data(app: Flask, stored: Stored) -> None:
    def count_rows() -> dict[str, int]:
        tables = Base.metadata.tables
        return {each: len(stored.rows(f"SELECT 1 AS one FROM {each}")) for each in tables}

    seeded = count_rows()
    with app.app_context():
        caller = get_caller(get_connection(), "demo-owner", DEFAULT_SANDBOX)
        assert caller
        with transaction() as connection:
            add_sandbox(connection, "copy")
        generate_conversations(50)
        generate_messages(20)
    stored.rows("UPDATE staff SET full_name = 'x', access = 'assigned'")
    columns = "business_id, uid, position, full_name, display_name, email, access"
    stored.rows(f"INSERT INTO staff ({columns}) VALUES (1, 'new', 3, 'x', 'x', '', 'all')")
    succeed(app, "reset")
    assert count_rows() == seeded
    assert {row["full_name"] for row in stored.rows("SELECT full_name FROM staff")} == {
        *STAFF.values()
    }
    with app.app_context():
        after = get_caller(get_connection(), "demo-owner", DEFAULT_SANDBOX)
    changed = {"frozen_at": None, "generation": ANY, "revision": ANY}
    assert after.sandbox == caller.sandbox | changed
    assert after.staff == caller.staff | {"id": ANY}
    assert after.sandbox["revision"] > caller.sandbox["revision"]
    assert after.sandbox["generation"] != caller.sandbox["generation"]
    assert after.staff["id"] > caller.staff["id"]
    stored.check_integrity()


def test_concurrent_resets_lose_no_write(server: Server, app: Flask, stored: Stored) -> None:
    def write(number: int) -> int:
        return server.put("demo-owner", UID, {"campaign": str(number)})

    with ThreadPoolExecutor(4) as pool:
        statuses = [pool.submit(write, number) for number in range(120)]
        for _ in range(3):
            succeed(app, "reset")
    assert {status.result() for status in statuses} == {200}
    assert len(stored.rows("SELECT id FROM conversation")) == 34


# A replacement ends as in an empty sandbox, for any earlier content.

BUSINESSES = st.sampled_from(["4bq7ahdt1mfc0zkw", "b1", "b2"])
STAFF_MEMBERS = st.sampled_from([RAM, "3so2q8r2b35x7phd", "s1", "s2"])
CLIENTS = st.sampled_from([JANE, "c1", "c2"])
CONVERSATIONS = st.sampled_from([UID, "archived00000001", "x1", "x2", "x3"])
TOKENS = ("demo-owner", "demo-colleague", "demo-expired", "own")


def some(uids: st.SearchStrategy[str], least: int = 1) -> st.SearchStrategy[list[str]]:
    return st.lists(uids, min_size=least, max_size=3, unique=True)


@st.composite
def conversation(
    draw: st.DrawFn, uid: str, clients: list[str], staff: list[str], targets: list[str]
) -> Any:
    senders = draw(some(st.sampled_from(["client", *staff]), 0))
    return {
        "uid": uid,
        "client": draw(st.sampled_from(clients)),
        "staff": draw(st.sampled_from(staff)),
        "merged_into": draw(st.sampled_from([None, *targets])),
        "collaborators": [{"staff": each} for each in draw(some(st.sampled_from(staff), 0))],
        "messages": [{"from": each, "text": "x", "uid": f"{uid}{each}"} for each in senders],
    }


@st.composite
def states(draw: st.DrawFn) -> Any:
    """Draw a state in which the token `demo-owner` belongs to somebody."""
    businesses = []
    for uid in draw(some(BUSINESSES)):
        staff, clients, uids = (
            draw(some(each)) for each in (STAFF_MEMBERS, CLIENTS, CONVERSATIONS)
        )
        business = {
            "uid": uid,
            "name": uid,
            "time_zone": "Europe/Paris",
            "staff": [{"uid": each, "full_name": each, "tokens": []} for each in staff],
            "clients": [{"uid": each, "first_name": each, "email": each} for each in clients],
            "conversations": [draw(conversation(each, clients, staff, uids)) for each in uids],
        }
        businesses.append(business)
    everybody: list[Any] = [each for business in businesses for each in business["staff"]]
    for token in TOKENS:
        if token == TOKENS[0] or draw(st.booleans()):
            draw(st.sampled_from(everybody))["tokens"].append(token)
    return NOW | {"businesses": businesses}


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.none() | states(), min_size=2, max_size=4), by_command=st.booleans())
def test_replaced_state_is_independent_of_earlier_content(
    app: Flask, call: Call, stored: Stored, tmp_path: Path, steps: list[Any], by_command: bool
) -> None:
    """A step is a state to put or load, or None for a reset."""

    def take(name: str, step: Any) -> bytes:
        caller = call(f"demo-owner@{name}")
        if step is None:
            if by_command:
                succeed(app, "reset", "--sandbox", name)
            assert caller.ask(*RESET).status_code == 200
        elif by_command:
            file = tmp_path / "state.json"
            file.write_text(json.dumps(step))
            succeed(app, "load", file, "--sandbox", name)
        else:
            assert caller.ask("PUT", "/__admin/state", step).status_code == 200
        shown: bytes = caller.get("/__admin/state").data
        return shown

    for name in ("used", "empty"):
        assert call(f"demo-owner@{name}").ask("DELETE", "/__admin/sandbox").status_code == 204
    for step in steps:
        shown = take("used", step)
    assert shown == take("empty", steps[-1])
    stored.check_integrity()


@pytest.mark.parametrize("direction", [1, -1])
def test_long_chain_of_merges_can_be_deleted(mine: Caller, stored: Stored, direction: int) -> None:
    """A database may end a cascade that goes from row to row at 1,000 levels."""
    targets = {f"c{number}": f"c{number + 1}" for number in range(1_899)} | {"c1899": None}
    chain = [
        {"uid": uid, "client": "Ann Lee", "merged_into": target} for uid, target in targets.items()
    ][::direction]
    for method, path in (("POST", "/__admin/reset"), ("DELETE", "/__admin/sandbox")):
        assert mine.ask("PUT", "/__admin/state", {"conversations": chain}).status_code == 200
        assert mine.ask(method, path).status_code in (200, 204)
    assert stored.rows("SELECT name FROM sandbox") == [{"name": "default"}]
    stored.check_integrity()


def test_reset_command_resets_one_sandbox_or_all(app: Flask, call: Call, stored: Stored) -> None:
    callers = [call(token) for token in ("demo-owner", "demo-owner@a", "demo-owner@b")]
    for caller in callers:
        caller.put(UID, archived=True)
    assert succeed(app, "reset", "--sandbox", "a") == "Reset sandbox a.\n"
    assert [caller.get(ONE).json["archived"] for caller in callers] == [True, False, True]
    succeed(app, "reset")
    assert stored.rows("SELECT name FROM sandbox") == [{"name": "default"}]
    assert callers[0].get(ONE).json["archived"] is False
    assert "A sandbox's name must have" in fail(app, "reset", "--sandbox", "no name")
