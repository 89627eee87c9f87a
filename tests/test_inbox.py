"""The lists: folders, for whom, in which order, in pages."""

import pytest
from flask import Flask

from conftest import Caller, Stored, record_statements

UID = "89m2pnabgozdvd9f"
MERGED = {"merged0000000001", "merged0000000002", "cycle00000000001", "cycle00000000002"}
LISTS = ["/v2/conversations", "/platform/v1/conversations"]


def uids(caller: Caller, path: str) -> list[str]:
    """Return the uids that a list has, in its order."""
    answer = caller.get(path)
    assert answer.status_code == 200, answer.text
    data = answer.json["data"]
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


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("folder", "condition"), FOLDERS.items())
def test_a_folder_has_what_belongs_there(
    owner: Caller, stored: Stored, path: str, folder: str, condition: str
) -> None:
    for uid, key in [
        ("k5b1t8f3u7j2o9vc", "archived"),
        ("r2g6l9p4s8d0i3qd", "spam"),
        ("shared0000000001", "deleted"),
        (UID, "business_unread"),
    ]:
        owner.put(uid, {key: True})
    owner.put("archived00000001", business_unread=True, deleted=True)
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
    assert set(uids(owner, f"{path}?per_page=100")) == everything - MERGED - {"neighbour0000001"}


def test_follow_ups_are_listed_for_their_own_staff(
    owner: Caller, colleague: Caller, assigned: Caller
) -> None:
    folder = "/v2/conversations?folder=follow_up"
    assert uids(owner, folder) == ["followup00000001"]
    assert uids(colleague, folder) == ["followup00000002"]
    assert uids(assigned, folder) == []
    owner.put(UID, follow_up=True, archived=False)
    owner.put(UID, archived=True)
    owner.put("followup00000001", follow_up=False)
    assert uids(owner, folder) == [UID]  # archived, and still followed up
    owner.put(UID, deleted=True)
    assert uids(owner, folder) == []


@pytest.mark.parametrize("path", [*LISTS, "/platform/v1/clients/{}/conversations"])
def test_staff_with_assigned_access_see_what_they_may_update(
    assigned: Caller, stored: Stored, path: str
) -> None:
    mine = {"assigned00000001", "j0z4q8k2o6n1y5sp", "l1n5d9y3h7g2w6oc", "shared0000000001"}
    if "{}" in path:
        for uid, expected in [("shared0000000001", ["shared0000000001"]), (UID, [])]:
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
    assert listed[-1] == "v4q8m2k6r0x5b9tz"  # nothing ever happened there


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
    answer = owner.get(f"{path}?{field}={value}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_a_list_shows_the_representation(owner: Caller) -> None:
    [shown] = owner.get("/v2/conversations?folder=follow_up").json["data"]
    assert shown == owner.get("/v2/conversations/followup00000001").json


def test_the_platform_has_its_own_representation(owner: Caller, stored: Stored) -> None:
    client = stored.row("SELECT uid FROM client WHERE first_name = 'Omer'")["uid"]
    answer = owner.get("/platform/v1/conversations?folder=follow_up").json
    assert answer == {
        "status": "OK",
        "data": {
            "conversations": [
                {
                    "business_id": "4bq7ahdt1mfc0zkw",
                    "business_unread": False,
                    "client_id": client,
                    "client_unread": False,
                    "created_at": "2026-05-04T01:30:00.000Z",
                    "deep_link": "/app/conversations/followup00000001",
                    "id": "followup00000001",
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
    answer = owner.get(f"/platform/v1/clients/{uid}/conversations?page=0")
    assert answer.status_code == 404
    assert answer.json["errors"] == [
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
