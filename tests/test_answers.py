"""The comparison of two records names each difference by its request and path."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from answers import RECORD, Request, compare, load, parse_curl, record, write
from support.differences import check_same

BODY = {"uid": "a", "errors": [{"message": "No."}]}
GET = {"allow": "GET"}


def answer_to(path: str, body: Any, headers: dict[str, str]) -> Any:
    request = Request("tour.md, call 1", "GET", path, {})
    answer = {"status": 200, "headers": headers, "body": json.dumps(body)}
    return {"request": list(request), "answer": answer}


CLOCK = answer_to("/v2/y", {"now": "10:00", "frozen": False, "id": 1}, {})
OLD = [answer_to("/v2/x", BODY, GET), CLOCK]


@pytest.mark.parametrize(
    ("body", "headers", "difference"),
    [
        (BODY | {"errors": [{"message": "Y"}]}, GET, 'body.errors[0].message: "No." is now "Y"'),
        (BODY, {"allow": "PUT"}, 'headers.allow: "GET" is now "PUT"'),
        (BODY, {}, 'headers.allow: "GET" is now absent'),
        (
            dict(reversed(BODY.items())),
            GET,
            "body, the order of fields: ['uid', 'errors'] is now ['errors', 'uid']",
        ),
        (BODY | {"errors": []}, GET, "body.errors, the length: 1 is now 0"),
    ],
)
def test_difference_names_its_request(body: Any, headers: dict[str, str], difference: str) -> None:
    new = [answer_to("/v2/x", body, headers), copy.deepcopy(CLOCK)]
    new[1]["answer"]["body"] = '{"now": "11:00", "frozen": false, "id": 2}'  # real time
    assert compare(OLD, new) == [f"{difference}\n    1 requests, first tour.md, call 1: GET /v2/x"]


def test_failure_has_at_most_ten_lines() -> None:
    with pytest.raises(AssertionError) as failure:
        check_same([str(number) for number in range(1, 21)], [*range(20)], "rows")
    _, first, *others, last = str(failure.value).splitlines()
    assert (first, len(others), last) == ('rows[0] is "1", not 0', 8, "… and 11 more")


def test_curl_line_is_parsed() -> None:
    command = "curl -X PUT 'http://127.0.0.1:8000/v2/x?a=b' \\\n  -H 'Prefer: a' -d '{\"b\": 1}'"
    assert parse_curl(command) == Request("", "PUT", "/v2/x?a=b", {"Prefer": "a"}, '{"b": 1}')
    assert parse_curl("curl http://127.0.0.1:8000/v2/x > file") is None


def test_recorded_requests_get_the_same_responses(tmp_path: Path) -> None:
    requests = [Request(*each["request"]) for each in load(RECORD)]
    start = [each.name for each in requests].index("random 0, reset")
    requests = requests[:20] + requests[start : start + 60]
    first = record(requests)
    write(tmp_path / "answers.xz", first)
    assert compare(load(tmp_path / "answers.xz"), record(requests)) == []
    assert {each["answer"]["status"] for each in first} >= {200, 201, 401, 404, 422}
