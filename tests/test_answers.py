"""The comparison of two records names each difference by its request and path."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from answers import RECORD, Request, compare, load, parse_curl, record, write


def answer_to(method: str, path: str, body: Any, **headers: str) -> Any:
    request = Request("tour.md, call 1", method, path, {})
    return {
        "request": list(request),
        "answer": {"status": 200, "headers": headers, "body": json.dumps(body)},
    }


OLD = [
    answer_to("GET", "/v2/x", {"uid": "a", "errors": [{"message": "No."}]}, allow="GET"),
    answer_to("GET", "/v2/y", {"now": "10:00", "frozen": False, "id": 1}),
]


def test_the_same_answers_have_no_difference() -> None:
    new = copy.deepcopy(OLD)
    new[1]["answer"]["body"] = '{"now": "11:00", "frozen": false, "id": 2}'  # real time
    assert compare(OLD, new) == []


@pytest.mark.parametrize(
    ("body", "headers", "difference"),
    [
        (
            {"uid": "a", "errors": [{"message": "Yes."}]},
            {"allow": "GET"},
            'body.errors[0].message: "No." is now "Yes."',
        ),
        (
            {"uid": "a", "errors": [{"message": "No."}]},
            {"allow": "PUT"},
            'headers.allow: "GET" is now "PUT"',
        ),
        ({"uid": "a", "errors": [{"message": "No."}]}, {}, 'headers.allow: "GET" is now absent'),
        (
            {"errors": [{"message": "No."}], "uid": "a"},
            {"allow": "GET"},
            "body, the order of fields: ['uid', 'errors'] is now ['errors', 'uid']",
        ),
        ({"uid": "a", "errors": []}, {"allow": "GET"}, "body.errors, the length: 1 is now 0"),
    ],
)
def test_a_difference_is_named_with_its_request(
    body: Any, headers: dict[str, str], difference: str
) -> None:
    new = [answer_to("GET", "/v2/x", body, **headers), OLD[1]]
    assert compare(OLD, new) == [f"{difference}\n    1 requests, first tour.md, call 1: GET /v2/x"]


def test_a_curl_line_is_read() -> None:
    command = "curl -X PUT 'http://127.0.0.1:8000/v2/x?a=b' \\\n  -H 'Prefer: a' -d '{\"b\": 1}'"
    assert parse_curl(command) == Request("", "PUT", "/v2/x?a=b", {"Prefer": "a"}, '{"b": 1}')
    assert parse_curl("curl http://127.0.0.1:8000/v2/x > file") is None


def test_recorded_requests_get_the_same_answers_again(tmp_path: Path) -> None:
    requests = [Request(*each["request"]) for each in load(RECORD)[:60]]
    first = record(requests)
    write(tmp_path / "answers.xz", first)
    assert compare(load(tmp_path / "answers.xz"), record(requests)) == []
    assert {each["answer"]["status"] for each in first} >= {200, 201, 401, 404, 422}
