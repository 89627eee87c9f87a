"""The lists: folders, for whom, in which order, in pages."""

import pytest
from flask import Flask

from conversations import folders
from support.apps import record_statements
from support.callers import Caller
from support.constants import (
    ARCHIVED,
    ASSIGNED,
    COLLEAGUES,
    CYCLE,
    CYCLE_BACK,
    DUE_TODAY,
    EMPTY,
    FOLLOWED,
    MERGED,
    MERGED_TWICE,
    NEIGHBOURS,
    OVERDUE,
    SHARED,
    UID,
)
from support.stored import Stored

MERGED_AWAY = {MERGED, MERGED_TWICE, CYCLE, CYCLE_BACK}
LISTS = ["/v2/conversations", "/platform/v1/conversations"]


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


def test_each_folder_has_a_row_here() -> None:
    others = {"follow_up"}  # which depends on the caller, and has a test of its own
    assert folders.FOLDERS.keys() - others <= FOLDERS.keys(), "Add the folder to FOLDERS here."


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("folder", "condition"), FOLDERS.items())
def test_a_folder_has_what_belongs_there(
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
    rows = stored.rows(
        f"""SELECT uid FROM conversation
            WHERE business_id = 1 AND merged_into_id IS NULL AND {condition}"""
    )
    expected = {row["uid"] for row in rows}
    assert expected
    listed = uids(owner, f"{path}?folder={folder}&per_page=100")
    assert len(listed) == len(set(listed))
    assert set(listed) == expected


@pytest.mark.parametrize("path", LISTS)
def test_without_a_folder_all_are_listed_but_merged_ones(
    owner: Caller, stored: Stored, path: str
) -> None:
    everything = {row["uid"] for row in stored.rows("SELECT uid FROM conversation")}
    assert set(uids(owner, f"{path}?per_page=100")) == everything - MERGED_AWAY - {NEIGHBOURS}


def test_follow_ups_are_listed_for_their_own_staff_member(
    owner: Caller, colleague: Caller, assigned: Caller
) -> None:
    folder = "/v2/conversations?folder=follow_up"
    assert uids(owner, folder) == [DUE_TODAY, FOLLOWED, OVERDUE]
    assert uids(colleague, folder) == [COLLEAGUES]
    assert uids(assigned, folder) == []
    owner.put(UID, follow_up=True, archived=False)
    owner.put(UID, archived=True)
    for uid in (FOLLOWED, OVERDUE, DUE_TODAY):
        owner.put(uid, follow_up=False)
    assert uids(owner, folder) == [UID]  # archived, and still followed up
    owner.put(UID, deleted=True)
    assert uids(owner, folder) == []


@pytest.mark.parametrize("path", [*LISTS, "/platform/v1/clients/{}/conversations"])
def test_a_staff_member_with_assigned_access_sees_what_they_may_update(
    assigned: Caller, stored: Stored, path: str
) -> None:
    mine = {ASSIGNED, "j0z4q8k2o6n1y5sp", "l1n5d9y3h7g2w6oc", SHARED}
    if "{}" in path:
        for uid, expected in [(SHARED, [SHARED]), (UID, [])]:
            client = stored.conversation(uid)["client_id"]
            client_uid = stored.row("SELECT uid FROM client WHERE id = ?", client)["uid"]
            assert uids(assigned, path.format(client_uid)) == expected
    else:
        assert set(uids(assigned, path)) == mine


def test_the_latest_action_comes_first_and_then_the_uid(owner: Caller, stored: Stored) -> None:
    stored.rows("UPDATE conversation SET last_client_action_at = NULL WHERE uid LIKE 'a%'")
    stored.rows("UPDATE conversation SET last_user_action_at = NULL WHERE uid LIKE 's%'")
    stored.rows(
        """UPDATE conversation SET last_user_action_at = '2026-05-05 07:00:00.000000'
           WHERE uid IN ('k5b1t8f3u7j2o9vc', 'c7t1i5l9a3u8h2wm', '89m2pnabgozdvd9f')"""
    )
    listed = uids(owner, "/v2/conversations?per_page=100")

    def order(uid: str) -> tuple[str, ...]:
        row = stored.conversation(uid)
        return max(row["last_user_action_at"] or "", row["last_client_action_at"] or ""), uid

    by_uid = sorted(listed)
    assert listed == sorted(by_uid, key=lambda uid: order(uid)[0], reverse=True)
    assert listed[-1] == EMPTY  # nothing ever happened there


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("per_page", [1, 4, 9, 100])
def test_pages_have_no_gaps_and_no_repeats(owner: Caller, path: str, per_page: int) -> None:
    everything = uids(owner, f"{path}?per_page=100")
    paged: list[str] = []
    for page in range(1, len(everything) // per_page + 2):
        rows = uids(owner, f"{path}?per_page={per_page}&page={page}")
        assert len(rows) <= per_page
        paged += rows
    assert paged == everything
    assert uids(owner, f"{path}?page=1000000000000000000000") == []


def test_page_sizes(owner: Caller, stored: Stored) -> None:
    jane = stored.row("SELECT id, uid FROM client WHERE first_name = 'Jane'")
    for number in range(110):
        stored.copy_conversation(UID, f"many{number:012}")
    for path, default, maximum in [
        (LISTS[0], 25, 100),
        (LISTS[1], 25, 100),
        (f"/platform/v1/clients/{jane['uid']}/conversations", 25, 50),
    ]:
        assert len(uids(owner, path)) == default
        assert len(uids(owner, f"{path}?per_page=1000")) == maximum


@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1.5"])
@pytest.mark.parametrize("field", ["page", "per_page"])
@pytest.mark.parametrize("path", LISTS)
def test_page_numbers_count_from_1(owner: Caller, path: str, field: str, value: str) -> None:
    response = owner.get(f"{path}?{field}={value}")
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == [field]


def test_a_list_shows_the_representation(owner: Caller) -> None:
    shown = owner.get("/v2/conversations?folder=follow_up").json["data"]
    assert shown == [
        owner.get(f"/v2/conversations/{uid}").json for uid in (DUE_TODAY, FOLLOWED, OVERDUE)
    ]


def test_the_platform_has_its_own_representation(owner: Caller, stored: Stored) -> None:
    client = stored.row("SELECT uid FROM client WHERE first_name = 'Omer'")["uid"]
    path = "/platform/v1/conversations?folder=follow_up&per_page=1&page=2"
    response = owner.get(path).json
    assert response == {
        "status": "OK",
        "data": {
            "conversations": [
                {
                    "business_id": "4bq7ahdt1mfc0zkw",
                    "business_unread": False,
                    "client_id": client,
                    "client_unread": False,
                    "created_at": "2026-05-04T01:30:00.000Z",
                    "deep_link": f"/app/conversations/{FOLLOWED}",
                    "id": FOLLOWED,
                    "last_business_action": "2026-05-04T02:30:00.000Z",
                    "last_client_action": "2026-05-04T05:30:00.000Z",
                    "staff_id": "5ya4gbwm2c3qoic8",
                    "title": "Quote for ten sessions",
                    "updated_at": "2026-05-04T05:30:00.000Z",
                }
            ]
        },
    }


@pytest.mark.parametrize("uid", ["nobody", "%00", "x" * 3000])
def test_an_unknown_client(owner: Caller, uid: str) -> None:
    response = owner.get(f"/platform/v1/clients/{uid}/conversations?page=0")
    assert response.status_code == 404
    assert response.json["errors"] == [
        {"code": "invalid", "field": "client_id", "message": "Invalid client_id"}
    ]


def test_another_businesss_client_is_unknown(owner: Caller, stored: Stored) -> None:
    client = stored.row("SELECT uid FROM client WHERE first_name = 'Avi'")["uid"]
    assert owner.get(f"/platform/v1/clients/{client}/conversations").status_code == 404


@pytest.mark.parametrize("per_page", [1, 25])
def test_a_list_takes_two_statements_whatever_the_page_holds(
    app: Flask, owner: Caller, per_page: int
) -> None:
    statements = record_statements(app)
    for path in LISTS:
        statements.clear()
        assert len(uids(owner, f"{path}?per_page={per_page}")) == per_page
        assert len(statements) == 2
