"""Ten times the input takes at most thirty times the time, wherever a client's input is checked."""

import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from flask import Flask

from support.apps import Caller, put_state
from support.constants import BUSINESS, HELLO, JANE, RAM, UID

LEAST = 0.002  # seconds of the processor that a request takes anyway
PATH = f"/v2/conversations/{UID}"
SHORT_LIST = "/v2/conversations?per_page=1"
Send = Callable[[Caller, int], Any]  # sends input of a size, in units that suit the case


def with_header(name: str, value: Callable[[int], str], method: str = "GET") -> Send:
    return lambda owner, size: owner.ask(method, SHORT_LIST, **{name: value(size)})


def with_preferences(text: str) -> Send:
    return with_header("Prefer", lambda size: text * size * 80)


def with_body(body: Callable[[int], bytes], path: str = PATH) -> Send:
    def send(owner: Caller, size: int) -> Any:
        headers = owner.headers | {"Content-Type": "application/json"}
        return owner.client.put(path, data=body(size), headers=headers)

    return send


def with_path(path: Callable[[int], str]) -> Send:
    return lambda owner, size: owner.get(path(size))


def with_conversations(conversations: Callable[[int], Any]) -> Send:
    return lambda owner, size: put_state(owner, {"conversations": conversations(size)})


def with_business(fields: Callable[[int], Any]) -> Send:
    return lambda owner, size: put_state(owner, {"businesses": [BUSINESS | fields(size)]})


def many_keys(size: int) -> bytes:
    return json.dumps({f"archvied{number}": 1 for number in range(size * 400)}).encode()


def patterns(owner: Caller, size: int) -> Any:
    rule = {"path": "/v2/" + "*a" * size * 9, "status": 503}
    assert owner.ask("PUT", "/__admin/faults", [rule] * 20).status_code == 200
    return owner.get(f"/v2/{'a' * size * 80}b")


def staff_and_messages(size: int) -> Any:
    staff = [{"uid": f"s{number}", "full_name": "S"} for number in range(size * 9)]
    messages = [{"from": each["uid"], "text": "x"} for each in staff * 20]
    owner = {"uid": "owner", "full_name": "O", "tokens": ["demo-owner"]}
    return {"staff": [*staff, owner], "conversations": [HELLO | {"messages": messages}]}


def merges(step: int) -> Send:
    """Send conversations that are all merged, each into one some steps away, and follow them."""

    def send(owner: Caller, size: int) -> Any:
        count = size * 15
        conversations = [
            {"uid": f"c{each}", "client": "A", "merged_into": f"c{(each + step) % count}"}
            for each in range(count)
        ]
        assert put_state(owner, {"conversations": conversations}).status_code == 200
        return owner.get("/v2/conversations/c0")

    return send


CASES: dict[str, Send] = {
    "parameters": with_path(lambda n: f"{SHORT_LIST}&{'&'.join(f'a{i}=1' for i in range(n * 10))}"),
    "percent escapes": with_path(lambda n: f"{SHORT_LIST}&a={'%25' * n * 27}"),
    "a long page": with_path(lambda n: f"/v2/conversations?page={'9' * n * 80}"),
    "a long uid": with_path(lambda n: f"/v2/conversations/{'x' * n * 80}"),
    "slashes": with_path(lambda n: f"/v2/conversations{'/a' * n * 40}"),
    "a filter of the journal": with_path(lambda n: f"/__admin/requests?after={'1' * n * 80}"),
    **{f"Prefer {text}": with_preferences(text) for text in ('\\,\\;;\\"', "a=b,", ";", '"', "\\")},
    "many preferences": with_header("Prefer", lambda n: "count=exact, a=1," * n * 5),
    "a token": with_header("Authorization", lambda n: f"Bearer {'x@' * n * 40}"),
    "spaces": with_header("Authorization", lambda n: f"Bearer {' ' * n * 80}x"),
    "Origin": with_header("Origin", lambda n: f"http://{'a.' * n * 40}"),
    "User-Agent": with_header("User-Agent", lambda n: "demo-owner " * n * 8),
    "a content type": with_header("Content-Type", lambda n: 'text/plain;a="\\\\;' * n * 8, "PUT"),
    "unknown fields": with_body(many_keys),
    "a long field": with_body(lambda n: b'{"%s": 1}' % (b"archvied" * n * 1000)),
    "nesting": with_body(lambda n: b'{"x":[%s]}' % b",".join([b"[" * 900 + b"]" * 900] * n * 5)),
    "empty arrays": with_body(lambda n: b'{"x":[[]%s]}' % (b",[]" * n * 3000)),
    "escapes": with_body(lambda n: b'{"campaign":"%s"}' % (b"\\ud83d\\ude00" * n * 800)),
    "half a pair": with_body(lambda n: b'{"campaign":"%s\\ud800"}' % (b"\\u0041" * n * 1500)),
    "a number": with_body(lambda n: b'{"archived":0.%s}' % (b"9" * n * 9000)),
    "a date": with_body(lambda n: b'{"follow_up":1,"follow_up_date":"%s"}' % (b"9 " * n * 5000)),
    "NUL at the end": with_body(lambda n: b'{"campaign":"%s\\u0000"}' % (b"a" * n * 9000)),
    "a clock": with_body(lambda n: b'{"now":"%s"}' % (b"1 " * n * 5000), "/__admin/clock"),
    "fault rules": with_body(lambda n: b"[{}%s]" % (b',{"a":1}' * n * 1200), "/__admin/faults"),
    "patterns of fault rules": patterns,
    "channels": lambda owner, n: owner.post(client_id=JANE, text="x", channels="," * n * 9000),
    "staff and messages": with_business(staff_and_messages),
    "a cycle of merges": merges(1),
    "two cycles of merges": merges(2),
    "new clients": with_conversations(
        lambda n: [HELLO | {"client": f"C {i}"} for i in range(n * 15)]
    ),
    "duplicates": with_conversations(lambda n: [HELLO] * n * 15),
    "unknown references": with_conversations(
        lambda n: [HELLO | {"messages": [{"from": "x", "text": "x"}] * n * 150}]
    ),
    "collaborators": with_conversations(
        lambda n: [HELLO | {"collaborators": [{"staff": RAM}] * n * 300}]
    ),
    "source_data": with_conversations(lambda n: [HELLO | {"source_data": {"a": [1] * n * 3000}}]),
    "relative times": with_conversations(lambda n: [HELLO | {"created_at": "+" + "1." * n * 5000}]),
    "blank names": with_conversations(lambda n: [HELLO | {"client": " " * n * 9000}]),
    "dots": with_conversations(lambda n: [HELLO | {"uid": "." * n * 9000}]),
    "businesses": lambda owner, n: put_state(owner, {"businesses": [{}] * n * 5000}),
    "tokens": with_business(lambda n: {"staff": [{"tokens": ["a"] * n * 5000}]}),
    "a time zone": with_business(lambda n: {"time_zone": "../" * n * 5000}),
}


@pytest.mark.parametrize("send", CASES.values(), ids=list(CASES))
def test_time_is_linear_in_the_input(app: Flask, send: Send) -> None:
    def measure(size: int) -> float:
        owner = Caller(app, f"demo-owner@size-{size}")
        assert owner.get(SHORT_LIST).status_code == 200
        begin = process_time()
        assert send(owner, size).status_code < 500
        return process_time() - begin

    times = {size: max(LEAST, min(measure(size) for _ in range(3))) for size in (10, 100)}
    assert times[100] <= 30 * times[10]
