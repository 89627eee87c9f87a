"""The lists: folders, for whom, in which order, in pages."""

import pytest
from flask import Flask

from conversations import folders
from support.apps import record_statements
from support.callers import Caller, check_error
from support.constants import (
    ARCHIVED,
    ASSIGNED,
    COLLEAGUES,
    DUE_TODAY,
    EMPTY,
    FOLLOWED,
    JANE,
    OVERDUE,
    SHARED,
    UID,
)
from support.stored import Stored

pytestmark = pytest.mark.database  # the order of rows, and conditions

LISTS = ["/v2/conversations", "/platform/v1/conversations"]
OF_CLIENT = "/platform/v1/clients/{}/conversations"


def uids(caller: Caller, path: str) -> list[str]:
    """Return the uids that a list has, in its order."""
    response = caller.get(path)
    assert response.status_code == 200, response.text
    data = response.json["data"]
    rows = data if isinstance(data, list) else data["conversations"]
    return [row.get("uid") or row["id"] for row in rows]


FOLDERS = {
    "inbox": "NOT archived AND NOT spam AND deleted_at IS NULL",
    "sent": "sent AND deleted_at IS NULL",
    "archived": "archived AND deleted_at IS NULL",
    "attention": "business_unread AND NOT archived AND NOT spam AND deleted_at IS NULL",
    "trash": "deleted_at IS NOT NULL",
    "all": "true",
    "unknown": "true",
    "Inbox": "true",
    "": "true",
}


def test_tests_cover_each_folder() -> None:
    others = {"follow_up"}  # which depends on the caller, and has a test of its own
    assert folders.FOLDERS.keys() - others <= FOLDERS.keys(), "Add the folder to FOLDERS here."


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("folder", "condition"), FOLDERS.items())
def test_folder_lists_its_conversations(
    owner: Caller, stored: Stored, path: str, folder: str, condition: str
) -> None:
    for uid, field in [
        ("k5b1t8f3u7j2o9vc", "archived"),
        ("r2g6l9p4s8d0i3qd", "spam"),
        (SHARED, "deleted"),
        (UID, "business_unread"),
    ]:
        owner.put(uid, {field: True})
    owner.put(ARCHIVED, business_unread=True, deleted=True)
    in_business = "business_id = 1 AND merged_into_id IS NULL"
    rows = stored.rows(f"SELECT uid FROM conversation WHERE {in_business} AND {condition}")
    listed = uids(owner, f"{path}?folder={folder}&per_page=100")
    assert listed and sorted(listed) == sorted(row["uid"] for row in rows)
    if folder == "all":
        assert uids(owner, f"{path}?per_page=100") == listed


def test_follow_up_folder_depends_on_the_caller(
    owner: Caller, colleague: Caller, assigned: Caller
) -> None:
    folder = "/v2/conversations?folder=follow_up"
    assert uids(owner, folder) == [DUE_TODAY, FOLLOWED, OVERDUE]
    assert uids(colleague, folder) == [COLLEAGUES]
    assert uids(assigned, folder) == []
    shown = [owner.get(f"/v2/conversations/{uid}").json for uid in uids(owner, folder)]
    assert owner.get(folder).json["data"] == shown
    owner.put(UID, follow_up=True, archived=False)
    owner.put(UID, archived=True)
    for uid in (FOLLOWED, OVERDUE, DUE_TODAY):
        owner.put(uid, follow_up=False)
    assert uids(owner, folder) == [UID]  # archived, and still followed up
    owner.put(UID, deleted=True)
    assert uids(owner, folder) == []


def test_assigned_access_lists_updatable_conversations(assigned: Caller, stored: Stored) -> None:
    for path in LISTS:
        mine = {ASSIGNED, "j0z4q8k2o6n1y5sp", "l1n5d9y3h7g2w6oc", SHARED}
        assert set(uids(assigned, path)) == mine
    client = stored.conversation(SHARED)["client_id"]
    shared = stored.row("SELECT uid FROM client WHERE id = ?", client)["uid"]
    assert uids(assigned, OF_CLIENT.format(shared)) == [SHARED]
    assert uids(assigned, OF_CLIENT.format(JANE)) == []


def test_lists_sort_by_latest_action_then_uid(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE conversation SET last_client_action_at = NULL WHERE uid LIKE 'a%'")
    stored.rows("UPDATE conversation SET last_user_action_at = NULL WHERE uid LIKE 's%'")
    stored.rows(
        """UPDATE conversation SET last_user_action_at = '2026-05-05 07:00:00.000000'
           WHERE uid IN ('k5b1t8f3u7j2o9vc', 'c7t1i5l9a3u8h2wm', '89m2pnabgozdvd9f')"""
    )
    listed = uids(owner, "/v2/conversations?per_page=100")

    def latest(uid: str) -> str:
        row = stored.conversation(uid)
        return max(row["last_user_action_at"] or "", row["last_client_action_at"] or "")

    assert listed == sorted(sorted(listed), key=latest, reverse=True)
    assert listed[-1] == EMPTY  # nothing ever happened there


def test_page_sizes_are_capped(owner: Caller, stored: Stored) -> None:
    for number in range(110):
        stored.copy_conversation(UID, f"many{number:012}")
    for path, maximum in [(LISTS[0], 100), (LISTS[1], 100), (OF_CLIENT.format(JANE), 50)]:
        assert len(uids(owner, path)) == 25
        assert len(uids(owner, f"{path}?per_page=1000")) == maximum
        assert uids(owner, f"{path}?page=1000000000000000000000") == []


def test_unknown_and_foreign_clients_get_404(owner: Caller, stored: Stored) -> None:
    client = stored.row("SELECT uid FROM client WHERE first_name = 'Avi'")["uid"]
    for uid in ("nobody", "%00", "x" * 3000, client):
        response = owner.get(OF_CLIENT.format(uid) + "?page=0")
        check_error(response, 404, "invalid", "client_id", "Invalid client_id")


@pytest.mark.parametrize("per_page", [1, 25])
def test_list_runs_two_statements_for_any_page(app: Flask, owner: Caller, per_page: int) -> None:
    statements = record_statements(app)
    for path in LISTS:
        statements.clear()
        assert len(uids(owner, f"{path}?per_page={per_page}")) == per_page
        assert len(statements) == 2
