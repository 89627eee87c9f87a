"""Pages of lists: the headers that lead from one to the next, and the number of all rows."""

from typing import Any

import pytest
from flask import Flask

from support.apps import record_statements
from support.callers import Caller
from support.constants import JANE, TRASH, UID

MESSAGES = f"/v2/conversations/{UID}/messages"
OF_CLIENT = f"/platform/v1/clients/{JANE}/conversations"
LISTS = {  # with how many rows there are
    "/v2/conversations": 29,
    "/v2/conversations?folder=inbox": 25,
    "/platform/v1/conversations?folder=attention": 4,
    OF_CLIENT: 1,
    MESSAGES: 7,
}


def rows_of(response: Any) -> list[Any]:
    rows = response.json
    while isinstance(rows, dict):
        rows = rows.get("data", rows.get("conversations"))
    return list(rows)


def links_of(response: Any) -> dict[str, str]:
    links = {}
    for link in filter(None, response.headers.get("Link", "").split(", ")):
        address, _, relation = link.partition(">; rel=")
        assert address.startswith("<http://localhost/")
        links[relation.strip('"')] = address.removeprefix("<http://localhost")
    return links


@pytest.mark.parametrize("path", LISTS)
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
    assert len(everything) == LISTS[path]
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


def test_link_has_the_prefix_of_the_server(owner: Caller) -> None:
    under = {"SCRIPT_NAME": "/mock"}
    path = "/v2/conversations"
    response = owner.client.get(path, headers=owner.headers, environ_overrides=under)
    assert links_of(response) == {"next": "/mock/v2/conversations?page=2&per_page=25"}


@pytest.mark.parametrize(
    ("host", "origin"),
    [("api.example:8443", "https://api.example:8443"), ("api.example:443", "https://api.example")]
    + [("mock_server:8000", "https://mock_server:8000")]
    + [("[::1]:8000", "https://[::1]:8000"), ("x>, <http://evil.example", "")],
)
def test_link_has_the_scheme_and_host_of_its_request(owner: Caller, host: str, origin: str) -> None:
    environ: Any = {"HTTP_HOST": host, "wsgi.url_scheme": "https"}
    path, headers = "/v2/conversations", owner.headers
    response = owner.client.get(path, headers=headers, environ_overrides=environ)
    assert response.headers["Link"] == f'<{origin}{path}?page=2&per_page=25>; rel="next"'


@pytest.mark.parametrize("path", LISTS)
def test_count_exact_returns_the_total(owner: Caller, path: str) -> None:
    query = f"{'&' if '?' in path else '?'}per_page=1&page=1"
    response = owner.ask("GET", path + query, Prefer="count=exact")
    assert response.headers["X-Total-Count"] == str(LISTS[path])
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
    response = owner.ask("GET", f"/v2/conversations/{TRASH}", Prefer="count=exact")
    assert "X-Total-Count" not in response.headers


@pytest.mark.parametrize("path", LISTS)
def test_list_counts_in_one_more_statement(app: Flask, owner: Caller, path: str) -> None:
    statements = record_statements(app)
    owner.get(path)
    statements.clear()
    owner.get(path)
    usual = len(statements)
    owner.ask("GET", path, Prefer="count=exact")
    assert len(statements) == 2 * usual + 1
    assert "count(" in statements[-1]
