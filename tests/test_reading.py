"""GET: the representation and its texts, and the messages."""

import re
from datetime import datetime
from typing import Any

import pytest

from support.apps import Caller
from support.constants import EMPTY, FOLLOWED, ONE, UID
from support.differences import check_same
from support.stored import Stored, in_full

MESSAGES = f"{ONE}/messages"


def test_full_client_makes_the_response_deep(owner: Caller) -> None:
    """The tests of examples compare all fields of both depths."""
    shallow = owner.get(ONE).json
    assert shallow["depth"] == "shallow"
    for query in ("full_client=true", "full_client=TRUE", "full_client=1"):
        assert owner.get(f"{ONE}?{query}").json["depth"] == "deep"
    for value in ("full_client=0", "full_client=false", "full_client=yes", "full_client="):
        assert owner.get(f"{ONE}?{value}").json == shallow
    assert owner.get(f"{ONE}?full_client").json == owner.get(f"{ONE}?").json == shallow


@pytest.mark.parametrize("state", ["none", "removed", "completed"])
def test_inactive_follow_up_is_hidden(owner: Caller, stored: Stored, state: str) -> None:
    stored.rows("UPDATE collaborator SET follow_up_state = ?", state)
    assert stored.collaborator(FOLLOWED)["follow_up_date"] is not None
    shown = owner.get(f"/v2/conversations/{FOLLOWED}").json
    parts = [value for field, value in shown.items() if field.startswith("follow_up")]
    assert parts == [False, None, "", ""]
    created = owner.put(FOLLOWED, follow_up=True).json
    assert (created["follow_up_date"], created["follow_up_message"]) == (None, "")


def test_conversation_shows_its_matter_or_no_messages(owner: Caller) -> None:
    shown = owner.get("/v2/conversations/matter0000000001").json
    matter = {"uid": "mt7k2c9xq4wz1h5r", "title": "ACL rehabilitation 2026"}
    assert (shown["has_matter"], shown["matter"]) == (True, matter)
    empty = {
        "last_message": None,
        "message_count": 0,
        "sent": False,
        "received": False,
        "last_user_action_at": None,
        "last_user_action_at_h": "",
        "last_client_action_at": None,
        "last_client_action_at_h": "",
    }
    shown = owner.get(f"/v2/conversations/{EMPTY}").json
    check_same({field: shown[field] for field in empty}, empty)


@pytest.mark.parametrize(
    ("now", "date", "text"),
    [
        ("2026-05-05 07:30", None, "Marked for follow-up"),
        ("2026-05-05 07:30", "2026-05-05 07:30:00.000001", "Reminder set for today at 10:30 AM"),
        ("2026-05-05 07:30", "2026-05-05 20:59:59", "Reminder set for today at 11:59 PM"),
        ("2026-05-05 07:30", "2026-05-05 21:00", "Reminder set for tomorrow at 12:00 AM"),
        ("2026-05-05 07:30", "2026-05-06 10:31:21", "Reminder set for tomorrow at 1:31 PM"),
        ("2026-05-05 07:30", "2026-05-06 21:05", "Reminder set for May 7, 2026 at 12:05 AM"),
        ("2026-05-05 07:30", "2027-12-31 09:00", "Reminder set for December 31, 2027 at 11:00 AM"),
        ("2026-05-06 10:31:21", "2026-05-06 10:31:21", "Reminder was due today at 1:31 PM"),
        ("2026-05-06 20:59", "2026-05-05 21:00", "Reminder was due today at 12:00 AM"),
        ("2026-05-06 20:59", "2026-05-05 20:59", "Reminder was due yesterday at 11:59 PM"),
        ("2026-05-06 20:59", "2026-05-04 09:00", "Reminder was due May 4, 2026 at 12:00 PM"),
        ("2026-03-26 23:30", "2026-03-27 09:00", "Reminder set for today at 12:00 PM"),
    ],
)
def test_follow_up_text_is_human_readable(
    owner: Caller, stored: Stored, now: str, date: str | None, text: str
) -> None:
    stored.freeze(now)
    stored.rows("UPDATE collaborator SET follow_up_date = ?", date and in_full(date))
    assert owner.get(f"/v2/conversations/{FOLLOWED}").json["follow_up_text"] == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-05-05 07:29", "Today, 10:29 AM"),
        ("2026-05-04 21:00", "Today, 12:00 AM"),
        ("2026-05-04 13:12", "Yesterday, 4:12 PM"),
        ("2026-05-03 20:59", "May 3, 2026, 11:59 PM"),
        ("2025-11-30 10:00", "November 30, 2025, 12:00 PM"),
    ],
)
def test_action_text_is_human_readable(owner: Caller, stored: Stored, time: str, text: str) -> None:
    for column in ("last_user_action_at", "last_client_action_at"):
        stored.rows(f"UPDATE conversation SET {column} = ?", in_full(time))
    shown = owner.get(ONE).json
    assert shown["last_user_action_at"] == time.replace(" ", "T") + ":00Z"
    assert (shown["last_user_action_at_h"], shown["last_client_action_at_h"]) == (text, text)


# Messages


def test_message_has_the_type_of_its_sender(owner: Caller) -> None:
    """The tests of examples compare all fields of a message of the business."""
    owner.put(UID, follow_up=True, follow_up_message="call back about pricing")
    *_, of_client, internal = owner.get(MESSAGES).json
    expected: dict[str, Any] = {"direction": "client_to_business", "staff": None}
    expected |= {"mail_sent": False}
    check_same({field: of_client[field] for field in expected}, expected)
    expected = {
        "text": "call back about pricing",
        "direction": "internal",
        "message_type": "system",
        "channels": [],
        "mail_sent": False,
        "created_at": "2026-05-05T10:30:00.000+03:00",
    }
    check_same({field: internal[field] for field in expected}, expected)
    assert internal["staff"]["full_name"] == "Ram Almog"


def test_messages_are_paged_oldest_first(owner: Caller, stored: Stored) -> None:
    texts = [row["text"] for row in stored.messages(UID)]
    for query, expected in (
        ("", texts),
        ("per_page=3", texts[:3]),
        ("per_page=3&page=2", texts[3:6]),
        ("per_page=3&page=3", texts[6:]),
        ("per_page=3&page=4", []),
        ("page=99999999999999999999999", []),
        ("per_page=99999999999999999999999", texts),
        ("page=0001&per_page=07", texts),
        (f"page={'9' * 5000}&per_page={'9' * 5000}", []),
    ):
        shown = owner.get(f"{MESSAGES}?{query}").json
        assert [message["text"] for message in shown] == expected, query[:60]


def test_last_update_lists_messages_of_the_last_minute(owner: Caller, stored: Stored) -> None:
    for second in ("06:28:59", "06:29:00", "06:29:01"):
        stored.freeze(f"2026-05-05 {second}")
        owner.put(UID, follow_up=True, follow_up_message=second)
    stored.freeze("2026-05-05 06:30")
    for value in ("true", "1", "yes"):
        assert len(owner.get(f"{MESSAGES}?last_update={value}").json) == 2, value
    for value in ("false", "FALSE", "0", ""):
        assert len(owner.get(f"{MESSAGES}?last_update={value}").json) == 10, value


@pytest.mark.parametrize("zone", ["Asia/Jerusalem", "America/Los_Angeles", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00.25Z", "1879-03-14T23:59:59Z", "2026-05-05T07:30:00Z"]
)
def test_offsets_have_no_seconds_before_a_zone_had_a_standard_time(
    owner: Caller, stored: Stored, zone: str, at: str
) -> None:
    time = datetime.fromisoformat(at)
    stored.rows("UPDATE business SET time_zone = ?", zone)
    stored.rows("UPDATE message SET created_at = ?", f"{time:%Y-%m-%d %H:%M:%S.%f}".zfill(26))
    for message in owner.get(f"{ONE}/messages").json:
        assert re.fullmatch(r"[\dT:.-]{23}[+-]\d\d:\d\d", message["created_at"])
        assert datetime.fromisoformat(message["created_at"]) == time
