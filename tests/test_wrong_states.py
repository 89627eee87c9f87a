"""States that make no sense: refused with the path of what is wrong, and nothing is changed."""

from typing import Any

import pytest

from support.callers import Caller
from support.states import BUSINESS, HELLO, RAM, SHORT, inside, put_state
from support.stored import Stored

MESSAGE = {"from": "client", "text": "Hi"}
ACTIVE = {"staff": RAM, "follow_up_state": "active"}
REMOVED = {"staff": RAM, "follow_up_state": "removed"}
WRONG: list[tuple[Any, str]] = [
    ({}, "businesses"),
    ({"businesses": []}, "businesses"),
    ({"businesses": None}, "businesses"),
    ({"businesses": {}}, "businesses"),
    ({"businesses": [5]}, "businesses[0]"),
    ({"businesses": [None]}, "businesses[0]"),
    ({"businesses": [BUSINESS], "conversations": []}, "conversations"),
    ({"conversations": [], "typo": 1}, "typo"),
    ({"conversations": [], "now": "-2h"}, "now"),
    ({"conversations": [], "now": "1899-12-31"}, "now"),
    ({"conversations": [], "now": "9001-01-01"}, "now"),
    ({"conversations": [], "now": 5}, "now"),
    ({"conversations": "all"}, "conversations"),
    ({"conversations": [HELLO, HELLO]}, "conversations[1].uid"),
    ({"conversations": [{"client": "A"}]}, "conversations[0].uid"),
    ({"conversations": [{"uid": "a"}]}, "conversations[0].client"),
    (inside({"typo": 1}), "conversations[0].typo"),
    (inside({"uid": ""}), "conversations[0].uid"),
    *(
        (inside({"uid": uid}), "conversations[0].uid")
        for uid in ("a/b", "a b", "ä", "a\n", ".", "..")
    ),
    (inside({"channel_uid": "a:b"}), "conversations[0].channel_uid"),
    (inside({"messages": [MESSAGE | {"uid": "\x1b[2J"}]}), "conversations[0].messages[0].uid"),
    ({"conversations": [{}] * 2_001}, "conversations[2000]"),
    (inside({"messages": [{}] * 20_001}), "conversations[0].messages[20000]"),
    (inside({"collaborators": [{}] * 80_001}), "conversations[0].collaborators[80000]"),
    ({"businesses": [BUSINESS | {"staff": [{}] * 1_001}]}, "businesses[0].staff[1000]"),
    ({"businesses": [BUSINESS | {"clients": [{}] * 2_001}]}, "businesses[0].clients[2000]"),
    ({"businesses": [{}] * 1_001}, "businesses[1000]"),
    (
        {"conversations": [{"uid": f"c{each}", "client": f"C {each}"} for each in range(1_980)]},
        "businesses[0].clients[2000]",
    ),
    (
        {"businesses": [BUSINESS | {"staff": [{"tokens": [""] * 21}]}]},
        "businesses[0].staff[0].tokens",
    ),
    (
        inside({"messages": [MESSAGE | {"channels": [""] * 256}]}),
        "conversations[0].messages[0].channels",
    ),
    (inside({"source_data": {"a": "x" * 100_000}}), "conversations[0].source_data"),
    (inside({"created_at": "1" * 129}), "conversations[0].created_at"),
    (inside({"uid": "a\x00"}), "conversations[0].uid"),
    (inside({"uid": "x" * 256}), "conversations[0].uid"),
    (inside({"uid": 5}), "conversations[0].uid"),
    (inside({"client": " "}), "conversations[0].client"),
    (inside({"client": "x" * 501}), "conversations[0].client"),
    (inside({"staff": "nobody"}), "conversations[0].staff"),
    (inside({"staff": None}), "conversations[0].staff"),
    (inside({"title": "x" * 10_001}), "conversations[0].title"),
    (inside({"archived": 1}), "conversations[0].archived"),
    (inside({"archived": None}), "conversations[0].archived"),
    (inside({"campaign": "x" * 256}), "conversations[0].campaign"),
    (inside({"source": "x\x00"}), "conversations[0].source"),
    (inside({"source_data": []}), "conversations[0].source_data"),
    (inside({"source_data": {"a": "\x00"}}), "conversations[0].source_data"),
    (inside({"source_data": {"\x00": 1}}), "conversations[0].source_data"),
    (inside({"source_data": {"a": 2**63}}), "conversations[0].source_data"),
    (inside({"matter": {"uid": "m"}}), "conversations[0].matter.title"),
    (inside({"merged_into": "nowhere"}), "conversations[0].merged_into"),
    (inside({"message_count": -1}), "conversations[0].message_count"),
    (inside({"message_count": 2**31}), "conversations[0].message_count"),
    (inside({"created_at": "tea time"}), "conversations[0].created_at"),
    (inside({"created_at": "-99999999d"}), "conversations[0].created_at"),
    (inside({"created_at": "0001-01-01T00:00:00+10:00"}), "conversations[0].created_at"),
    (inside({"messages": [5]}), "conversations[0].messages[0]"),
    (inside({"messages": [MESSAGE | {"from": "nobody"}]}), "conversations[0].messages[0].from"),
    (inside({"messages": [{"text": "x"}]}), "conversations[0].messages[0].from"),
    (inside({"messages": [MESSAGE | {"internal": True}]}), "conversations[0].messages[0].from"),
    (inside({"messages": [MESSAGE | {"text": ""}]}), "conversations[0].messages[0].text"),
    (inside({"messages": [MESSAGE | {"text": "\x00"}]}), "conversations[0].messages[0].text"),
    (inside({"messages": [MESSAGE | {"at": None}]}), "conversations[0].messages[0].at"),
    (
        inside({"messages": [MESSAGE | {"channels": "sms"}]}),
        "conversations[0].messages[0].channels",
    ),
    (inside({"messages": [MESSAGE | {"uid": "u"}] * 2}), "conversations[0].messages[1].uid"),
    (inside({"collaborators": [{"staff": "x"}]}), "conversations[0].collaborators[0].staff"),
    (inside({"collaborators": [ACTIVE, ACTIVE]}), "conversations[0].collaborators[1].staff"),
    (
        inside({"collaborators": [{"staff": RAM, "follow_up_message": "x"}]}),
        "conversations[0].collaborators[0].follow_up_message",
    ),
    (
        inside(
            {"collaborators": [ACTIVE | {"follow_up_state": "removed", "follow_up_date": "+1d"}]}
        ),
        "conversations[0].collaborators[0].follow_up_date",
    ),
    (
        inside({"collaborators": [ACTIVE | {"follow_up_state": "snoozed"}]}),
        "conversations[0].collaborators[0].follow_up_state",
    ),
    (
        inside({"collaborators": [ACTIVE | {"follow_up_state": []}]}),
        "conversations[0].collaborators[0].follow_up_state",
    ),
    (inside({"deleted": True, "deleted_at": None}), "conversations[0].deleted"),
    ({"businesses": [BUSINESS, BUSINESS]}, "businesses[1].uid"),
    (
        {"businesses": [BUSINESS | {"staff": [BUSINESS["staff"][0] | {"uid": "client"}]}]},
        "businesses[0].staff[0].uid",
    ),
    ({"businesses": [BUSINESS | {"time_zone": "localtime"}]}, "businesses[0].time_zone"),
    ({"businesses": [BUSINESS | {"time_zone": "Mars/Base"}]}, "businesses[0].time_zone"),
    ({"businesses": [BUSINESS | {"time_zone": "../etc"}]}, "businesses[0].time_zone"),
    ({"businesses": [BUSINESS | {"time_zone": "Europe"}]}, "businesses[0].time_zone"),
    ({"businesses": [BUSINESS | {"time_zone": ""}]}, "businesses[0].time_zone"),
    ({"businesses": [BUSINESS | {"staff": []}]}, "businesses"),
    ({"businesses": [BUSINESS | {"staff": [{"uid": "s", "full_name": "S"}]}]}, "businesses"),
    (
        {"businesses": [BUSINESS, {**BUSINESS, "uid": "b2", "staff": [], **SHORT}]},
        "businesses[1].staff",
    ),
    (
        {"businesses": [BUSINESS, BUSINESS | {"uid": "b2"}]},
        "businesses[1].staff[0].tokens[0]",
    ),
]
TOKENS: list[Any] = ["a@b", "", " ", "a b", "ä", "x" * 256, 5, None, "sha256:12", "a\x00"]


@pytest.mark.parametrize(("state", "field"), WRONG)
def test_a_state_that_makes_no_sense_changes_nothing(
    owner: Caller, stored: Stored, state: Any, field: str
) -> None:
    owner.get("/v2/conversations")
    before = stored.everything()
    response = put_state(owner, state)
    assert response.status_code == 422
    assert field in [error["field"] for error in response.json["errors"]]
    assert all(len(error["message"]) > 10 for error in response.json["errors"])
    assert stored.everything() == before


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_nobody_could_send_is_refused(owner: Caller, token: Any) -> None:
    staff = [{"uid": "s", "full_name": "S", "tokens": ["fine", token]}]
    response = put_state(owner, {"businesses": [BUSINESS | {"staff": staff}]})
    [error] = response.json["errors"]
    assert error["field"] == "businesses[0].staff[0].tokens[1]"


def test_a_misspelled_field_gets_a_hint(owner: Caller) -> None:
    [error] = put_state(owner, inside({"archvied": True})).json["errors"]
    assert error["message"] == '"archvied" is unknown; did you mean "archived"?'


def test_not_every_mistake_is_told(owner: Caller) -> None:
    response = put_state(owner, {"conversations": [{}] * 1000})
    assert len(response.json["errors"]) == 100


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"conversations": [{"uid": "\\ud800", "client": "A"}]}', 400),
        (b'{"conversations": ' + b"[" * 100_000, 400),
        (b'{"conversations": [], "x": "' + b"x" * (16 * 2**20), 413),
        (b'{"conversations": []}' + b" " * (2**20), 200),
    ],
)
def test_a_body_that_can_not_be_read(owner: Caller, data: bytes, status: int) -> None:
    response = owner.client.put(
        "/__admin/state", headers=owner.headers, data=data, content_type="application/json"
    )
    assert response.status_code == status
    if status == 413:
        assert "16 MiB" in response.text
