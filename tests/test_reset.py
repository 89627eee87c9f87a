"""A reset, as requests meet it: the tokens stay valid, and everything is as at the first start."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.callers import get_caller
from conversations.callers import hash_token as hash_of
from database.connections import get_connection, transaction
from models import DEFAULT_SANDBOX
from support.apps import add_sandbox
from support.callers import Caller
from support.constants import JANE, UID
from support.servers import Server
from support.stored import Stored

Call = Callable[[str], Caller]
OWNER = "5ya4gbwm2c3qoic8"
FIXED = {"now": "2026-05-05T07:30:00Z"}


@pytest.fixture
def connection(app: Flask) -> Iterator[sa.Connection]:
    with app.app_context():
        yield get_connection()


def test_a_reset_keeps_who_calls(app: Flask, connection: sa.Connection) -> None:
    caller = get_caller(connection, "demo-owner", DEFAULT_SANDBOX)
    assert caller
    assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0
    after = get_caller(get_connection(), "demo-owner", DEFAULT_SANDBOX)
    assert after == caller._replace(
        now=ANY,
        generation=after.generation,
        revision=after.revision,
        staff_id=after.staff_id,
        business_id=after.business_id,
    )
    assert after.revision > caller.revision and after.generation != caller.generation
    assert after.staff_id > caller.staff_id


def test_a_reset_removes_who_is_not_in_the_demo(
    app: Flask, connection: sa.Connection, stored: Stored
) -> None:
    with transaction() as connection:
        add_sandbox(connection, "copy")
    stored.rows("UPDATE staff SET full_name = 'x', access = 'assigned'")
    stored.rows("UPDATE sandbox SET frozen_at = NULL")
    stored.rows(
        """INSERT INTO staff
               (business_id, uid, position, full_name, display_name, email, access)
           VALUES (1, 'new', 3, 'x', 'x', '', 'all')"""
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


def rename_business(state: Any) -> None:
    state["businesses"][0]["uid"] = "renamed"


def rename_owner(state: Any) -> None:
    state["businesses"][0] = json.loads(
        json.dumps(state["businesses"][0]).replace(OWNER, "renamed")
    )


def swap_tokens(state: Any) -> None:
    one, other = (business["staff"][0] for business in state["businesses"])
    one["tokens"], other["tokens"] = other["tokens"], one["tokens"]


def reverse_businesses(state: Any) -> None:
    state["businesses"].reverse()


def move_owner(state: Any) -> None:
    """Give the owner's uid to a staff member of the other business."""
    rename_owner(state)
    state["businesses"][1]["staff"][0]["uid"] = OWNER
    for conversation in state["businesses"][1]["conversations"]:
        conversation["staff"] = OWNER
        conversation["collaborators"] = []
        conversation["messages"] = []


def remove_business(state: Any) -> None:
    del state["businesses"][0]
    state["businesses"][0]["staff"][0]["tokens"] = [f"sha256:{hash_of('demo-owner')}"]


EDITS = [
    rename_business,
    rename_owner,
    swap_tokens,
    reverse_businesses,
    move_owner,
    remove_business,
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("way", ["request", "command"])
def test_a_reset_after_an_edited_state_ends_as_a_new_sandbox(
    app: Flask, call: Call, stored: Stored, edit: Callable[[Any], None], way: str
) -> None:
    def read_all(caller: Caller) -> Any:
        return [caller.get(path).data for path in (f"/v2/conversations/{UID}", "/__admin/state")]

    owner, fresh = call("demo-owner@edited"), call("demo-owner@fresh")
    assert fresh.ask("POST", "/__admin/reset", FIXED).status_code == 200
    state = owner.get("/__admin/state").json
    edit(state)
    assert owner.ask("PUT", "/__admin/state", state).status_code == 200
    if way == "command":
        result = app.test_cli_runner().invoke(args=["reset", "--sandbox", "edited"])
        assert (result.exit_code, result.exception) == (0, None)
    assert owner.ask("POST", "/__admin/reset", FIXED).status_code == 200
    assert read_all(owner) == read_all(fresh)
    stored.check_integrity()


# Whatever content was there before, a replacement ends as in an empty sandbox.

BUSINESSES = st.sampled_from(["4bq7ahdt1mfc0zkw", "b1", "b2"])
STAFF_MEMBERS = st.sampled_from([OWNER, "3so2q8r2b35x7phd", "s1", "s2"])
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
        "messages": [
            {"from": sender, "text": "x", "uid": f"{uid}{number}"}
            for number, sender in enumerate(senders)
        ],
    }


@st.composite
def states(draw: st.DrawFn) -> Any:
    """Draw a state in which the token `demo-owner` belongs to somebody."""
    businesses = []
    for uid in draw(some(BUSINESSES)):
        staff, clients, conversations = (
            draw(some(each)) for each in (STAFF_MEMBERS, CLIENTS, CONVERSATIONS)
        )
        businesses.append(
            {
                "uid": uid,
                "name": uid,
                "time_zone": "Europe/Paris",
                "staff": [{"uid": each, "full_name": each, "tokens": []} for each in staff],
                "clients": [
                    {"uid": each, "first_name": each, "email": f"{each}@example.com"}
                    for each in clients
                ],
                "conversations": [
                    draw(conversation(uid, clients, staff, conversations)) for uid in conversations
                ],
            }
        )
    everybody: list[Any] = [each for business in businesses for each in business["staff"]]
    for token in TOKENS:
        if token == TOKENS[0] or draw(st.booleans()):
            draw(st.sampled_from(everybody))["tokens"].append(token)
    return FIXED | {"businesses": businesses}


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.none() | states(), min_size=2, max_size=4), by_command=st.booleans())
def test_a_replacement_does_not_depend_on_what_was_there_before(
    app: Flask, call: Call, stored: Stored, tmp_path: Path, steps: list[Any], by_command: bool
) -> None:
    """A step is a state to put or load, or None for a reset."""

    def take(name: str, step: Any) -> bytes:
        caller = call(f"demo-owner@{name}")
        if step is None:
            assert caller.ask("POST", "/__admin/reset", FIXED).status_code == 200
        elif by_command:
            file = tmp_path / "state.json"
            file.write_text(json.dumps(step))
            result = app.test_cli_runner().invoke(args=["load", str(file), "--sandbox", name])
            assert result.exit_code == 0, result.output
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
def test_a_long_chain_of_merges_can_be_replaced_and_deleted(
    call: Call, stored: Stored, direction: int
) -> None:
    """A database may end a cascade that goes from row to row at 1,000 levels."""
    owner = call("demo-owner@chain")
    uids = [f"c{number}" for number in range(1_900)]
    chain = [
        {"uid": uid, "client": "Ann Lee", "merged_into": target}
        for uid, target in zip(uids, [*uids[1:], None], strict=True)
    ][::direction]
    for method, path in (("POST", "/__admin/reset"), ("DELETE", "/__admin/sandbox")):
        assert owner.ask("PUT", "/__admin/state", {"conversations": chain}).status_code == 200
        assert owner.ask(method, path).status_code in (200, 204)
    assert stored.rows("SELECT name FROM sandbox") == [{"name": "default"}]
    stored.check_integrity()


def test_a_command_resets_one_sandbox(app: Flask, call: Call) -> None:
    for token in ("demo-owner", "demo-owner@a", "demo-owner@b"):
        call(token).put(UID, archived=True)
    result = app.test_cli_runner().invoke(args=["reset", "--sandbox", "a"])
    assert (result.exit_code, result.output) == (0, "The sandbox a is as at the first start.\n")
    archived = [
        call(token).get(f"/v2/conversations/{UID}").json["archived"]
        for token in ("demo-owner", "demo-owner@a", "demo-owner@b")
    ]
    assert archived == [True, False, True]


def test_a_command_resets_everything(app: Flask, call: Call, stored: Stored) -> None:
    for token in ("demo-owner", "demo-owner@a"):
        call(token).put(UID, archived=True)
    assert app.test_cli_runner().invoke(args=["reset"]).exit_code == 0
    assert stored.rows("SELECT name FROM sandbox") == [{"name": "default"}]
    assert call("demo-owner").get(f"/v2/conversations/{UID}").json["archived"] is False
    result = app.test_cli_runner().invoke(args=["reset", "--sandbox", "no name"])
    assert (result.exit_code, "A sandbox's name must have" in result.output) == (1, True)
