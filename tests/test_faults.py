"""Fault injection: errors and delays by the header `Prefer`, and by the rules of a sandbox."""

from contextlib import closing
from socket import create_connection
from threading import Thread
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from support.apps import Call, Caller, check_error, record_statements
from support.constants import ONE, ROUTES, UID, path_of
from support.servers import Server
from support.stored import Stored
from support.threads import run_at_once
from web.errors import CODES
from web.fault_injection import find_rule, matches
from web.operations import INJECTED

FAULTS = "/__admin/faults"
GET = f"GET {ONE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-owner\r\n\r\n"
LIST = "/v2/conversations"


def put_rules(caller: Caller, *rules: Any) -> Any:
    return caller.ask("PUT", FAULTS, list(rules))


def read_rules(caller: Caller) -> Any:
    return caller.get(FAULTS).json["faults"]


@pytest.mark.parametrize("status", [402, 405, 418, 451, 499, 500, 502, 504, 511, 599])
def test_injected_error_of_any_route_stores_nothing(
    mine: Caller, stored: Stored, status: int
) -> None:
    """The tests of examples try the statuses that the document has."""
    mine.get(ONE)
    for method, rule, body in ROUTES:
        with stored.unchanged():
            response = mine.ask(method, path_of(rule), body, Prefer=f"code={status}")
        check_error(response, status, CODES.get(status, "http_error"), None, INJECTED)
        assert response.headers["Preference-Applied"] == f"code={status}"
        assert response.headers["X-Fault"] == "preference"
        assert not {"WWW-Authenticate", "Retry-After", "Allow"} & {*response.headers.keys()}


CODE = '"code" must be a status from 400 to 599, not '
DELAY = '"delay" must be a number of milliseconds from 0 to 30,000, not '
WRONG = {f"code={value}": f'{CODE}"{value}".' for value in ("200", "600", "", "5o3", "-503", "ù")}
WRONG |= {f"delay={value}": f'{DELAY}"{value}".' for value in ("30001", "-1", "soon", "1.5", "")}
WRONG |= {"code": f'{CODE}"".', "CODE=Oops": f'{CODE}"oops".', "code=0503": f'{CODE}"0503".'}
WRONG |= {"handling=purple": '"handling" must be "strict" or "lenient", not "purple".'}
WRONG |= {"count=all": '"count" must be "exact", not "all".'}
WRONG |= {"code=1, delay=x": f'{CODE}"1". {DELAY}"x".'}


@pytest.mark.parametrize("preference", WRONG)
def test_wrong_preference_is_rejected_first(mine: Caller, stored: Stored, preference: str) -> None:
    mine.get(ONE)
    mine.headers["Prefer"] = preference
    asks = [("GET", f"{LIST}?page=0&x=1"), ("GET", "/platform/v1/clients/x/conversations")]
    if "count" not in preference:
        asks.append(("PUT", f"{LIST}/nowhere"))
    if "handling" in preference:
        asks += [("GET", "/__admin/health"), ("PUT", FAULTS)]
    for method, path in asks:
        with stored.unchanged():
            response = mine.send_to(method, path, b"[")
        check_error(response, 422, "invalid", "Prefer", WRONG[preference])
        assert not {"Preference-Applied", "X-Ignored"} & {*response.headers.keys()}


def test_other_preferences_are_ignored(mine: Caller) -> None:
    for path, preference in (
        (ONE, "cod=503, wait=5, respond-async, return=none"),  # RFC 7240 has them ignored
        (ONE, "count=all"),  # where there is no list
        (ONE, "count=exact"),
        ("/__admin/sandbox", "code=1, delay=x"),
    ):
        response = mine.ask("GET", path, Prefer=preference)
        assert response.status_code == 200
        assert "Preference-Applied" not in response.headers


def test_preferences_ignore_case_and_combine(mine: Caller) -> None:
    preference = 'Handling=Strict, CODE="503"; x=y, delay=1, code=404'
    response = mine.ask("PUT", ONE, {"archvied": 1}, Prefer=preference)
    assert response.status_code == 503
    assert response.headers["Preference-Applied"] == "code=503, delay=1"


def test_faults_affect_only_vcita_routes_of_staff(mine: Caller, call: Call) -> None:
    put_rules(mine, {"status": 500})
    assert call("demo-nobody@w").ask("GET", ONE, Prefer="code=503").status_code == 401
    assert mine.ask("GET", "/__admin/sandbox", Prefer="code=503").status_code == 200
    assert mine.get("/__admin/health").status_code == 200
    assert mine.ask("OPTIONS", ONE).status_code == 200
    assert mine.get("/v2/nothing").status_code == 404
    assert call("demo-owner").get(ONE).status_code == 200  # in another sandbox
    assert call("demo-colleague@w").get(ONE).status_code == 500


def test_deleted_rules_no_longer_apply(mine: Caller) -> None:
    """The tests of examples list rules."""
    put_rules(mine, {"status": 503})
    assert mine.ask("DELETE", FAULTS).json == {"faults": []}
    assert mine.get(ONE).status_code == 200


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({}, "status"),
        ({"method": "GET", "path": "/v2/*", "times": 1}, "status"),
        ({"disconnect": False}, "status"),
        ({"disconnect": True, "status": 503}, "disconnect"),
        ({"delay": 5, "body": {"error": "Closed"}}, "body"),
    ],
)
def test_rule_without_exactly_one_effect_is_rejected(mine: Caller, rule: Any, field: str) -> None:
    put_rules(mine, {"status": 503, "times": 1})
    check_error(put_rules(mine, {"status": 503}, rule), 422, "invalid", f"faults[1].{field}")
    assert read_rules(mine) == [{"status": 503, "times": 1}]


def test_rules_for_known_routes_are_stored(mine: Caller) -> None:
    paths = ["/v2/conversations/", "*/messages/", "/platform/v1/*", ONE, "/v2/*ab*/m*s", f"*{UID}*"]
    response = put_rules(mine, *({"path": path, "status": 503} for path in paths))
    assert (response.status_code, len(read_rules(mine))) == (200, len(paths))


def test_rule_returns_its_own_body(mine: Caller, caplog: pytest.LogCaptureFixture) -> None:
    for body in ({"error": "Closed", "errors": 5}, {"errors": [{"message": "Mine."}]}, {}):
        put_rules(mine, {"path": "/v2/*", "status": 418, "body": body, "times": 1})
        response = mine.get(ONE)
        assert (response.status_code, response.json) == (418, body)
        assert response.headers["X-Fault"] == "rule 1"
        assert caplog.messages[-1].endswith(" code=http_error reason=X-Fault: rule 1")
    errors = [f"{each} (X-Fault: rule 1)" for each in (INJECTED, "Mine.", "Closed")]
    assert [entry["error"] for entry in mine.entries()] == errors


def test_disconnect_sends_no_response(mine: Caller, stored: Stored) -> None:
    put_rules(mine, {"disconnect": True, "times": 1})
    with pytest.raises(ConnectionResetError):
        mine.put(UID, archived=True)
    [entry] = mine.entries()
    assert (entry["status"], entry["changed"]) == (None, [])
    assert entry["error"] == f"{INJECTED} (X-Fault: rule 1)"
    assert mine.get(ONE).json["archived"] is False


def test_flasks_own_server_applies_fault_rules(app: Flask, owner: Caller) -> None:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    for rule, status in (({"status": 413}, b"413"), ({"disconnect": True}, b"")):
        put_rules(owner, rule)
        with closing(create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
            connection.sendall(f"{GET[:-2]}Content-Length: 2\r\n\r\n{{}}".encode())
            assert connection.recv(12)[9:] == status
    server.shutdown()


def test_disconnect_does_not_stop_the_server(server: Server) -> None:
    assert server.ask("demo-owner", "PUT", FAULTS, [{"disconnect": True, "times": 1}])[0] == 200
    assert server.exchange(GET) == ""
    assert server.exchange(GET).startswith("HTTP/1.1 200 ")
    assert "Traceback" not in server.stop()


def test_first_matching_rule_applies_its_number_of_times(mine: Caller) -> None:
    put_rules(
        mine,
        {"method": "post", "status": 400},
        {"path": f"{ONE}/*", "status": 409},
        {"method": "put", "status": 503, "times": 2},
        {"method": "PUT", "status": 500, "times": 1},
    )
    statuses = [mine.put(UID, campaign=str(number)).status_code for number in range(5)]
    assert statuses == [503, 503, 500, 200, 200]
    assert [mine.get(ONE).status_code, mine.get(f"{ONE}/messages").status_code] == [200, 409]
    assert [rule.get("times") for rule in read_rules(mine)] == [None, None, 0, 0]


def test_delay_without_status_only_delays(mine: Caller) -> None:
    put_rules(mine, {"method": "PUT", "delay": 80, "times": 1})
    begun = monotonic()
    assert mine.put(UID, campaign="late").status_code == 200
    assert monotonic() - begun >= 0.08
    assert read_rules(mine)[0]["times"] == 0
    begun = monotonic()
    response = mine.ask("PUT", ONE, {"campaign": "late"}, Prefer="delay=120")
    assert monotonic() - begun >= 0.12
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "delay=120")


def test_prefer_overrides_rules_without_using_them(mine: Caller) -> None:
    put_rules(mine, {"status": 503, "times": 1})
    response = mine.ask("PUT", ONE, {"archived": "maybe"}, Prefer="code=504")
    assert response.status_code == 504  # before the body is looked at
    assert read_rules(mine) == [{"status": 503, "times": 1}]
    assert mine.get(ONE).status_code == 503
    put_rules(mine, {"status": 503, "delay": 30_000})
    assert mine.ask("GET", ONE, Prefer="delay=1").status_code == 503  # at once


@pytest.mark.parametrize(("probability", "statuses"), [(0, {200}), (1, {500}), (0.5, {200, 500})])
def test_rule_applies_by_probability(mine: Caller, probability: float, statuses: set[int]) -> None:
    put_rules(mine, {"status": 500, "probability": probability})
    assert {mine.get(ONE).status_code for _ in range(40)} == statuses


def test_rule_skipped_by_probability_keeps_its_times() -> None:
    rules: list[Any] = [{"status": 500, "times": 1, "probability": 0.3}, {"status": 503}]
    assert find_rule(rules, "GET", "/v2", lambda _: 0.29) == 0
    assert find_rule(rules, "GET", "/v2", lambda _: 0.3) == 1


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("/v2/conversations", "/v2/conversations", True),
        ("/v2/conversations", "/v2/conversations/1", False),
        ("/v2/*", "/v2/", True),
        ("/v2/[a]?", "/v2/ab", False),
        ("*/messages", "/v2/conversations/1/messages", True),
        ("/v2/*/messages", "/v2/messages", False),
        ("/v2/*1*/m*s", "/v2/conversations/1/messages", True),
        ("/*a*a", "/a", False),
        ("", "/v2", False),
        ("/v2/.*", "/v2/x", False),
        ("*" * 1000 + "x", "y" * 8000, False),
        ("*a" * 500 + "b", "a" * 8000, False),
    ],
)
def test_star_matches_any_characters(pattern: str, path: str, does: bool) -> None:
    assert matches(pattern, path) is does


def test_rules_match_the_decoded_path(mine: Caller) -> None:
    put_rules(mine, {"path": "/v2/conversations/ä b", "status": 500})
    assert mine.get("/v2/conversations/%C3%A4%20b?folder=inbox").status_code == 500


def test_unmatched_rule_adds_no_statement(app: Flask, mine: Caller) -> None:
    mine.ask("DELETE", FAULTS)
    statements = record_statements(app)
    mine.get(ONE)  # by a new connection
    statements.clear()
    mine.get(ONE)
    usual = len(statements)
    put_rules(mine, {"method": "DELETE", "status": 503, "times": 1})
    statements.clear()
    mine.get(ONE)
    assert len(statements) == usual


def test_rule_times_are_exact_under_concurrency(server: Server) -> None:
    rule = {"status": 503, "times": 7}
    assert server.ask("demo-owner", "PUT", FAULTS, [rule]) == (200, {"faults": [rule]})
    statuses: list[int] = []

    def send() -> None:
        for number in range(2):
            statuses.append(server.put("demo-owner", UID, {"campaign": str(number)}))

    run_at_once(*[send] * 24)
    assert sorted(statuses) == [200] * 41 + [503] * 7
    assert server.ask("demo-owner", "GET", FAULTS)[1]["faults"][0]["times"] == 0


def test_injected_delays_do_not_block_other_requests(server: Server) -> None:
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
