"""The lists: folders, for whom, in which order, in pages, and how many rows there are."""

from typing import Any

import pytest
from flask import Flask

from conversations import folders
from support.apps import Caller, record_statements
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


def rows_of(response: Any) -> list[Any]:
    rows = response.json
    while isinstance(rows, dict):
        rows = rows.get("data", rows.get("conversations"))
    return list(rows)


def uids(caller: Caller, path: str) -> list[str]:
    """Return the uids that a list has, in its order."""
    response = caller.get(path)
    assert response.status_code == 200, response.text
    return [row.get("uid") or row["id"] for row in rows_of(response)]


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
    assert assigned.get(f"/v2/conversations/{SHARED}/messages").status_code == 200
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
    stored.copy_messages(UID, 16)
    for number in range(110):
        stored.copy_conversation(UID, f"many{number:012}")
    for path, default, most in (
        *((each, 25, 100) for each in LISTS),
        (OF_CLIENT.format(JANE), 25, 50),
        (MESSAGES, 20, 100),
    ):
        sizes = (len(rows_of(owner.get(path + query))) for query in ("", "?per_page=1000"))
        assert (*sizes,) == (default, most)
        assert rows_of(owner.get(f"{path}?page=1000000000000000000000")) == []


MESSAGES = f"/v2/conversations/{UID}/messages"
TOTALS = {  # with how many rows there are
    "/v2/conversations": 29,
    "/v2/conversations?folder=inbox": 25,
    "/platform/v1/conversations?folder=attention": 4,
    OF_CLIENT.format(JANE): 1,
    MESSAGES: 7,
}


def links_of(response: Any) -> dict[str, str]:
    links = {}
    for link in filter(None, response.headers.get("Link", "").split(", ")):
        address, _, relation = link.partition(">; rel=")
        assert address.startswith("<http://localhost/")
        links[relation.strip('"')] = address.removeprefix("<http://localhost")
    return links


@pytest.mark.parametrize("path", TOTALS)
def test_links_lead_through_all_rows_and_back(owner: Caller, path: str) -> None:
    everything = rows_of(owner.get(f"{path}{'&' if '?' in path else '?'}per_page=100"))
    size = max(len(everything) // 3, 1)
    address: str | None = f"{path}{'&' if '?' in path else '?'}per_page={size}&page=1"
    walked, back = [], []
    while address:
        response = owner.get(address)
        walked += rows_of(response)
        links = links_of(response)
        back.append(links.get("prev"))
        address = links.get("next")
    assert walked == everything
    assert len(everything) == TOTALS[path]
    assert back[0] is None
    for number, previous in enumerate(back[1:], 1):
        assert previous and previous.endswith(f"page={number}&per_page={size}")


def test_link_has_the_parameters_sent_and_the_applied_size(owner: Caller) -> None:
    query = "folder=inbox&per_page=3&x=a%20b&x=%C3%A4%26&page=2"
    links = links_of(owner.get(f"/v2/conversations?{query}"))
    rest = "/v2/conversations?folder=inbox&x=a+b&x=%C3%A4%26&page="
    assert links == {"next": f"{rest}3&per_page=3", "prev": f"{rest}1&per_page=3"}
    links = links_of(owner.get(f"{MESSAGES}?per_page=5000&page=2"))
    assert links == {"prev": f"{MESSAGES}?page=1&per_page=100"}
    past_the_end = owner.get("/v2/conversations?page=9")
    assert past_the_end.json == {"data": []}
    assert links_of(past_the_end) == {"prev": "/v2/conversations?page=8&per_page=25"}


@pytest.mark.parametrize(
    ("host", "origin"),
    [("api.example:8443", "https://api.example:8443"), ("api.example:443", "https://api.example")]
    + [("mock_server:8000", "https://mock_server:8000")]
    + [("[::1]:8000", "https://[::1]:8000"), ("x>, <http://evil.example", "")],
)
def test_link_has_the_address_of_its_request(owner: Caller, host: str, origin: str) -> None:
    environ: Any = {"HTTP_HOST": host, "wsgi.url_scheme": "https", "SCRIPT_NAME": "/mock"}
    path, headers = "/v2/conversations", owner.headers
    response = owner.client.get(path, headers=headers, environ_overrides=environ)
    assert response.headers["Link"] == f'<{origin}/mock{path}?page=2&per_page=25>; rel="next"'


@pytest.mark.parametrize("path", TOTALS)
def test_count_exact_returns_the_total(owner: Caller, path: str) -> None:
    query = f"{'&' if '?' in path else '?'}per_page=1&page=1"
    response = owner.ask("GET", path + query, Prefer="count=exact")
    assert response.headers["X-Total-Count"] == str(TOTALS[path])
    assert response.headers["Preference-Applied"] == "count=exact"
    assert len(rows_of(response)) == 1
    for preference in ("count=planned", "count", "handling=lenient"):
        response = owner.ask("GET", path + query, Prefer=preference)
        assert "X-Total-Count" not in response.headers
        assert "Preference-Applied" not in response.headers


def test_total_counts_only_rows_of_the_list(owner: Caller, assigned: Caller) -> None:
    response = assigned.ask("GET", "/v2/conversations?per_page=100", Prefer="count=exact")
    assert response.headers["X-Total-Count"] == str(len(response.json["data"]))
    assert owner.put(UID, follow_up=True, follow_up_message="call back").status_code == 200
    response = owner.ask("GET", f"{MESSAGES}?last_update=1", Prefer="count=exact")
    assert (len(response.json), response.headers["X-Total-Count"]) == (1, "1")


@pytest.mark.parametrize("path", TOTALS)
def test_list_counts_in_one_more_statement(app: Flask, owner: Caller, path: str) -> None:
    statements = record_statements(app)
    owner.get(path)
    usual = 2 if path.partition("?")[0] in LISTS else 3
    for per_page in (1, 25):
        statements.clear()
        owner.get(f"{path}{'&' if '?' in path else '?'}per_page={per_page}")
        assert len(statements) == usual
        statements.clear()
        owner.ask("GET", path, Prefer="count=exact")
        assert len(statements) == usual + 1
        assert "count(" in statements[-1]
