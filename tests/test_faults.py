"""Errors and delays on demand: by the header `Prefer`, and by the rules of a sandbox."""

from threading import Thread
from time import monotonic
from typing import Any

import pytest
from flask import Flask

from support.apps import open_app, record_statements
from support.callers import Caller
from support.constants import UID
from support.servers import Server
from support.stored import Stored
from support.threads import run_at_once
from web.fault_injection import find_rule, matches

ONE = f"/v2/conversations/{UID}"
ROUTES = [
    ("GET", ONE, None),
    ("PUT", ONE, {"archived": True}),
    ("GET", "/v2/conversations", None),
    ("GET", f"{ONE}/messages", None),
    ("GET", "/platform/v1/conversations", None),
    ("GET", "/platform/v1/clients/affc25e71f6bd5cc/conversations", None),
    ("POST", "/platform/v1/messages", {"message": 5}),
]


@pytest.fixture
def owner(app: Flask) -> Caller:
    return Caller(app, "demo-owner@w")


def put_rules(owner: Caller, *rules: Any) -> Any:
    return owner.ask("PUT", "/__admin/faults", list(rules))


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_any_route_fails_on_demand_and_stores_nothing(
    owner: Caller, stored: Stored, method: str, path: str, body: Any
) -> None:
    owner.get(ONE)
    before = stored.everything()
    response = owner.ask(method, path, body, Prefer="code=502")
    assert response.status_code == 502
    assert response.json == {
        "success": False,
        "errors": [{"code": "bad_gateway", "message": "This error was asked for."}],
    }
    assert response.headers["Preference-Applied"] == "code=502"
    assert stored.everything() == before


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (400, "bad_request", {}),
        (401, "unauthorized", {"WWW-Authenticate": "Bearer"}),
        (403, "forbidden", {}),
        (404, "not_found", {}),
        (405, "method_not_allowed", {}),
        (409, "conflict", {}),
        (413, "payload_too_large", {}),
        (415, "unsupported_media_type", {}),
        (422, "invalid", {}),
        (429, "too_many_requests", {"Retry-After": "1"}),
        (500, "internal_error", {}),
        (502, "bad_gateway", {}),
        (503, "unavailable", {"Retry-After": "1"}),
        (504, "gateway_timeout", {}),
    ],
)
def test_each_error_has_its_code_and_headers(
    owner: Caller, status: int, code: str, headers: dict[str, str]
) -> None:
    response = owner.ask("PUT", ONE, {"archived": "maybe"}, Prefer=f"code={status}")
    assert response.status_code == status
    assert response.json["errors"] == [{"code": code, "message": "This error was asked for."}]
    found = {name: response.headers.get(name) for name in ("WWW-Authenticate", "Retry-After")}
    assert {name: value for name, value in found.items() if value} == headers
    assert "Allow" not in response.headers


@pytest.mark.parametrize(
    "preference",
    ["code=200", "code=418", "code=", "code", "code=5o3", "code=-503", "code=٥٠٣", "cod=503"]
    + ["delay=30001", "delay=-1", "delay=soon", "delay=1.5", "delay=99999999999999999999"],
)
def test_what_can_not_be_done_is_ignored(owner: Caller, preference: str) -> None:
    response = owner.ask("GET", ONE, Prefer=preference.encode().decode("latin-1"))
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


def test_a_preference_may_be_written_in_any_case_and_with_others(owner: Caller) -> None:
    preference = 'Handling=Strict, CODE="503"; x=y, delay=1, code=404'
    response = owner.ask("PUT", ONE, {"archvied": 1}, Prefer=preference)
    assert response.status_code == 503
    assert response.headers["Preference-Applied"] == "code=503, delay=1"


def test_a_request_comes_late_on_demand(owner: Caller) -> None:
    begun = monotonic()
    response = owner.ask("PUT", ONE, {"campaign": "late"}, Prefer="delay=120")
    assert monotonic() - begun >= 0.12
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "delay=120")


def test_a_request_without_a_token_is_not_helped(app: Flask) -> None:
    response = Caller(app, "demo-nobody").ask("GET", ONE, Prefer="code=503")
    assert response.status_code == 401


def test_the_controls_do_not_fail(owner: Caller) -> None:
    put_rules(owner, {"status": 500})
    assert owner.ask("GET", "/__admin/sandbox", Prefer="code=503").status_code == 200
    assert owner.get("/__admin/health").status_code == 200
    assert owner.ask("OPTIONS", ONE).status_code == 200
    assert owner.get("/v2/nothing").status_code == 404


def test_rules_are_shown_and_emptied(owner: Caller) -> None:
    rules = [
        {"method": "get", "path": "/v2/*", "status": 503, "times": 2, "probability": 0.5},
        {"delay": 10},
    ]
    response = put_rules(owner, *rules)
    assert (response.status_code, response.json) == (200, {"faults": rules})
    assert owner.get("/__admin/faults").json == {"faults": rules}
    assert owner.ask("DELETE", "/__admin/faults").json == {"faults": []}
    assert owner.get("/__admin/faults").json == {"faults": []}


def test_the_first_rule_that_matches_applies_as_often_as_it_says(owner: Caller) -> None:
    put_rules(
        owner,
        {"method": "post", "status": 400},
        {"path": f"{ONE}/*", "status": 409},
        {"method": "put", "status": 503, "times": 2},
        {"method": "PUT", "status": 500, "times": 1},
    )
    statuses = [owner.put(UID, campaign=str(number)).status_code for number in range(5)]
    assert statuses == [503, 503, 500, 200, 200]
    assert [owner.get(ONE).status_code, owner.get(f"{ONE}/messages").status_code] == [200, 409]
    left = [rule.get("times") for rule in owner.get("/__admin/faults").json["faults"]]
    assert left == [None, None, 0, 0]


def test_a_rule_with_a_delay_alone_only_delays(owner: Caller) -> None:
    put_rules(owner, {"method": "PUT", "delay": 80, "times": 1})
    begun = monotonic()
    assert owner.put(UID, campaign="late").status_code == 200
    assert monotonic() - begun >= 0.08
    assert owner.get("/__admin/faults").json["faults"][0]["times"] == 0


def test_the_header_wins_and_no_rule_is_counted(owner: Caller) -> None:
    put_rules(owner, {"status": 503, "times": 1})
    assert owner.ask("GET", ONE, Prefer="code=504").status_code == 504
    assert owner.get("/__admin/faults").json["faults"] == [{"status": 503, "times": 1}]
    assert owner.get(ONE).status_code == 503


def test_a_delay_by_header_leaves_the_error_to_the_rules(owner: Caller) -> None:
    put_rules(owner, {"status": 503, "delay": 30_000})
    assert owner.ask("GET", ONE, Prefer="delay=1").status_code == 503


@pytest.mark.parametrize(("probability", "statuses"), [(0, {200}), (1, {500}), (0.5, {200, 500})])
def test_a_rule_applies_with_its_probability(
    owner: Caller, probability: float, statuses: set[int]
) -> None:
    put_rules(owner, {"status": 500, "probability": probability})
    assert {owner.get(ONE).status_code for _ in range(40)} == statuses


def test_a_rule_that_fails_by_chance_is_not_counted() -> None:
    rules: list[Any] = [{"status": 500, "times": 1, "probability": 0.3}, {"status": 503}]
    assert find_rule(rules, "GET", "/v2", lambda _: 0.29) == 0
    assert find_rule(rules, "GET", "/v2", lambda _: 0.3) == 1


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("/v2/conversations", "/v2/conversations", True),
        ("/v2/conversations", "/v2/conversations/1", False),
        ("/v2/*", "/v2/", True),
        ("*", "/v2/conversations", True),
        ("*/messages", "/v2/conversations/1/messages", True),
        ("/v2/*/messages", "/v2/conversations/1/messages", True),
        ("/v2/*/messages", "/v2/messages", False),
        ("/v2/*1*/m*s", "/v2/conversations/1/messages", True),
        ("/*a*a", "/a", False),
        ("a*a", "a", False),
        ("", "/v2", False),
        ("/v2/.*", "/v2/x", False),
        ("*" * 1000 + "x", "y" * 8000, False),
        ("*a" * 500 + "b", "a" * 8000, False),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, path: str, does: bool) -> None:
    assert matches(pattern, path) is does


def test_the_decoded_path_counts(owner: Caller) -> None:
    put_rules(owner, {"path": "/v2/conversations/ä b", "status": 500})
    assert owner.get("/v2/conversations/%C3%A4%20b?folder=inbox").status_code == 500


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([{}], "faults[0].status"),
        ([{"status": 503}, {"method": "GET"}], "faults[1].status"),
        ([{"status": 200}], "faults[0].status"),
        ([{"status": "503"}], "faults[0].status"),
        ([{"status": None}], "faults[0].status"),
        ([{"status": 503, "method": "BREW"}], "faults[0].method"),
        ([{"status": 503, "method": 5}], "faults[0].method"),
        ([{"status": 503, "path": None}], "faults[0].path"),
        ([{"status": 503, "path": "x\x00"}], "faults[0].path"),
        ([{"delay": 30_001}], "faults[0].delay"),
        ([{"delay": -1}], "faults[0].delay"),
        ([{"delay": 1.0}], "faults[0].delay"),
        ([{"status": 503, "times": -1}], "faults[0].times"),
        ([{"status": 503, "times": True}], "faults[0].times"),
        ([{"status": 503, "probability": 1.1}], "faults[0].probability"),
        ([{"status": 503, "probability": "half"}], "faults[0].probability"),
        ([5], "faults[0]"),
        ([None], "faults[0]"),
        ([{"status": 503}] * 21, "faults"),
    ],
)
def test_rules_that_make_no_sense_change_nothing(
    owner: Caller, rules: list[Any], field: str
) -> None:
    put_rules(owner, {"status": 503, "times": 0})
    response = put_rules(owner, *rules)
    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert owner.get("/__admin/faults").json["faults"] == [{"status": 503, "times": 0}]


@pytest.mark.parametrize("body", [{}, {"faults": []}, "x", 5])
def test_the_rules_are_an_array(owner: Caller, body: Any) -> None:
    response = owner.ask("PUT", "/__admin/faults", body)
    assert response.status_code == 400


def test_an_unknown_field_of_a_rule_is_ignored(owner: Caller) -> None:
    response = put_rules(owner, {"status": 503, "tmies": 1})
    assert (response.json, response.headers["X-Ignored"]) == (
        {"faults": [{"status": 503}]},
        "tmies",
    )


def test_a_rule_that_does_not_match_adds_no_statement(app: Flask, owner: Caller) -> None:
    owner.ask("DELETE", "/__admin/faults")
    statements = record_statements(app)
    owner.get(ONE)  # by a new connection
    statements.clear()
    owner.get(ONE)
    usual = list(statements)
    put_rules(owner, {"method": "DELETE", "status": 503, "times": 1})
    statements.clear()
    owner.get(ONE)
    assert len(statements) == len(usual)


def test_rules_stay_in_their_sandbox(app: Flask, owner: Caller) -> None:
    put_rules(owner, {"status": 503})
    assert Caller(app, "demo-owner").get(ONE).status_code == 200
    assert Caller(app, "demo-colleague@w").get(ONE).status_code == 503


def test_stored_rules_do_not_apply_without_the_controls(stored: Stored) -> None:
    with open_app(stored.path, TESTING=True) as app:
        put_rules(Caller(app, "demo-owner"), {"status": 503})
    with open_app(stored.path, TESTING=True, ADMIN_API=False) as app:
        assert Caller(app, "demo-owner").get(ONE).status_code == 200


def test_a_rule_counts_exactly_whatever_comes_at_once(server: Server) -> None:
    rule = {"status": 503, "times": 7}
    assert server.ask("demo-owner", "PUT", "/__admin/faults", [rule]) == (200, {"faults": [rule]})
    statuses: list[int] = []

    def send() -> None:
        for number in range(2):
            statuses.append(server.put("demo-owner", UID, {"campaign": str(number)}))

    run_at_once(*[send] * 24)
    assert sorted(statuses) == [200] * 41 + [503] * 7
    _, shown = server.ask("demo-owner", "GET", "/__admin/faults")
    assert shown["faults"][0]["times"] == 0


def test_delayed_requests_hold_up_nobody(server: Server) -> None:
    late: list[float] = []

    def wait() -> None:
        begun = monotonic()
        assert server.ask("demo-owner", "GET", ONE, Prefer="delay=2500")[0] == 200
        late.append(monotonic() - begun)

    threads = [Thread(target=wait) for _ in range(100)]
    for thread in threads:
        thread.start()
    answered, deadline = 0, monotonic() + 20
    while not late and monotonic() < deadline:
        assert server.put("demo-owner", UID, {"campaign": str(answered)}) == 200
        answered += 1
    for thread in threads:
        thread.join()
    assert len(late) == 100 and min(late) >= 2.5
    assert answered > 20
