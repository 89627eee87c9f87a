"""A reset, as requests see it: tokens stay valid, and all data is restored."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from flask import Flask

from conversations.callers import get_caller
from database.connections import Base, get_connection, transaction
from models import DEFAULT_SANDBOX
from support.apps import Call, Caller, add_sandbox, fail, record_statements, succeed
from support.constants import BUSINESS, FIXED, JANE, ONE, RAM, SHORT, UID
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
    stored.rows("UPDATE staff SET full_name = 'x', access = 'assigned'")
    columns = "business_id, uid, position, full_name, display_name, email, access"
    stored.rows(f"INSERT INTO staff ({columns}) VALUES (1, 'new', 3, 'x', 'x', '', 'all')")
    succeed(app, "reset")
    assert count_rows() == seeded
    with app.app_context():
        after = get_caller(get_connection(), "demo-owner", DEFAULT_SANDBOX)
    changed = {"frozen_at": None, "generation": ANY, "revision": ANY}
    assert after.sandbox == caller.sandbox | changed
    assert after.staff == caller.staff | {"id": ANY}
    assert after.sandbox["revision"] > caller.sandbox["revision"]
    assert after.sandbox["generation"] != caller.sandbox["generation"]
    assert after.staff["id"] > caller.staff["id"]
    stored.check_integrity()


OWN = {  # a state with some uids and a token of the demo data
    "businesses": [
        BUSINESS | {"uid": "b2", "staff": [], "clients": [], "conversations": []},
        BUSINESS
        | {
            "uid": "4bq7ahdt1mfc0zkw",
            "staff": [{"uid": RAM, "full_name": "Sue Baker", "tokens": ["demo-owner", "own"]}],
            "clients": [{"uid": JANE, "first_name": "Jo", "email": ""}],
            "conversations": [
                {"uid": "first", "client": JANE, "collaborators": [{"staff": RAM}]},
                {"uid": UID, "client": "Ann Lee", "merged_into": "first"},
            ],
        },
    ]
}


@pytest.mark.parametrize("by_command", [False, True])
def test_replaced_state_is_independent_of_earlier_content(
    app: Flask, call: Call, stored: Stored, tmp_path: Path, by_command: bool
) -> None:
    def take(name: str, step: Any) -> bytes:
        """Put or load a state, or reset a sandbox if there is none; return its state."""
        caller = call(f"demo-owner@{name}")
        if step is None:
            assert caller.ask(*RESET).status_code == 200
        elif by_command:
            file = tmp_path / "state.json"
            file.write_text(json.dumps(NOW | step))
            succeed(app, "load", file, "--sandbox", name)
        else:
            assert caller.ask("PUT", "/__admin/state", NOW | step).status_code == 200
        shown: bytes = caller.get("/__admin/state").data
        return shown

    for number, step in enumerate((OWN, None, SHORT, OWN, OWN, SHORT, None)):
        assert take("used", step) == take(f"fresh-{number}", step)
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
    statements = record_statements(app)
    succeed(app, "reset")
    deletions = {each for each in statements if "DELETE FROM sandbox" in each}
    assert deletions and all("sandbox.id = " in each for each in deletions)  # of a limited size
    assert stored.rows("SELECT name FROM sandbox") == [{"name": "default"}]
    assert callers[0].get(ONE).json["archived"] is False
    assert "A sandbox's name must have" in fail(app, "reset", "--sandbox", "no name")
