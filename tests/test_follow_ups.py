"""The follow-up branch through HTTP: what it shows, stores, and leaves alone."""

import pytest

from support.callers import Caller, check_error
from support.constants import EMPTY, FOLLOWED, JAVASCRIPT, STORED_NOW, UID
from support.differences import check_same
from support.stored import Stored

NO_FOLLOW_UP = {
    "follow_up": False,
    "follow_up_date": None,
    "follow_up_message": "",
    "follow_up_text": "",
}


PAST = ("2020-01-01", "2026-05-05T07:29:59Z", "2026-05-05T07:30:00Z", "2026-05-05T10:30:00+03:00")


def test_follow_up_is_created_updated_and_removed(owner: Caller, stored: Stored) -> None:
    noon = "2026-05-05T12:00:00Z"
    marked = {"follow_up": True, "follow_up_text": "Marked for follow-up"}
    due = {"follow_up_date": noon, "follow_up_text": "Reminder set for today at 3:00 PM"}
    in_june = {"follow_up_text": "Reminder set for June 1, 2026 at 3:00 AM"}
    removes = {"follow_up": True, "archived": True}
    for fields, state, shown in (
        ({"follow_up": True}, "active", NO_FOLLOW_UP | marked),
        ({"follow_up": True, "follow_up_date": noon}, "active", due | {"follow_up_message": ""}),
        ({"follow_up": True, "follow_up_message": "x"}, "active", due | {"follow_up_message": "x"}),
        ({"follow_up": False, "complete_follow_up": True}, "completed", NO_FOLLOW_UP),
        ({"follow_up": False}, "completed", NO_FOLLOW_UP),
        ({"follow_up": True, "follow_up_date": "2026-06-01"}, "active", in_june),
        (removes, "removed", NO_FOLLOW_UP | {"archived": True}),
        (removes | {"complete_follow_up": True}, "completed", {"archived": True}),
        ({"follow_up": True}, "active", marked | {"archived": False}),
    ):
        response = owner.put(UID, fields)
        assert response.status_code == 200, fields
        check_same({field: response.json[field] for field in shown}, shown)
        assert stored.collaborator(UID)["follow_up_state"] == state


def test_each_staff_member_has_their_own_follow_up(
    owner: Caller, colleague: Caller, stored: Stored
) -> None:
    owner.put(UID, follow_up=True, follow_up_message="mine")
    response = colleague.put(UID, archived=False)
    assert (response.json["follow_up"], response.json["follow_up_message"]) == (False, "")
    mine = stored.collaborator(UID)
    colleague.put(UID, follow_up=True, follow_up_date=JAVASCRIPT)
    colleague.put(UID, follow_up=True, archived=True, complete_follow_up=True)
    assert stored.collaborator(UID) == mine
    assert stored.collaborator(UID, "Noa Levi")["follow_up_state"] == "completed"
    response = owner.put(UID, {})
    assert (response.json["follow_up"], response.json["follow_up_message"]) == (True, "mine")


def test_no_collaborator_is_created_without_a_follow_up(owner: Caller, stored: Stored) -> None:
    with stored.unchanged():
        owner.put(UID, follow_up=False, complete_follow_up=True)
        unused = {"follow_up_message": "x", "complete_follow_up": True}
        assert owner.put(UID, follow_up_date="2020-01-01", **unused).status_code == 200
    response = owner.put(UID, follow_up=True, archived=True, complete_follow_up=True)
    assert response.json["archived"] is True
    assert stored.collaborator(UID) is None


def test_update_is_an_action_and_can_clear_fields(owner: Caller, stored: Stored) -> None:
    owner.put(FOLLOWED, follow_up=True, follow_up_date=JAVASCRIPT)
    conversation = stored.conversation(FOLLOWED)
    assert conversation["last_user_action_at"] == conversation["updated_at"] == STORED_NOW
    before = stored.collaborator(FOLLOWED)
    response = owner.put(FOLLOWED, archived=True)
    assert (response.json["archived"], response.json["follow_up"]) == (True, True)
    assert stored.collaborator(FOLLOWED) == before
    response = owner.put(FOLLOWED, follow_up=True, follow_up_date=None, follow_up_message=None)
    assert (response.json["follow_up_date"], response.json["follow_up_message"]) == (None, "")


def test_message_of_an_overdue_follow_up_can_change(owner: Caller, stored: Stored) -> None:
    stored.freeze("2026-05-08 07:30")
    response = owner.put(FOLLOWED, follow_up=True, follow_up_message="late")
    assert response.status_code == 200
    assert response.json["follow_up_date"] == "2026-05-06T07:30:00Z"
    assert response.json["follow_up_text"] == "Reminder was due May 6, 2026 at 10:30 AM"


@pytest.mark.parametrize(
    ("date", "message"),
    [
        *((date, "Time has already passed.") for date in PAST),
        ("9999-12-31T23:00:00Z", "Invalid time."),  # the year 10000 in Jerusalem
        *((date, "Invalid time.") for date in ("next week", "", "1" * 129, "2026-05-06" * 100_000)),
    ],
    ids=lambda text: text[:24],
)
def test_invalid_dates_get_422(owner: Caller, stored: Stored, date: str, message: str) -> None:
    with stored.unchanged():
        response = owner.put(UID, follow_up=True, follow_up_date=date, spam=True)
    check_error(response, 422, "invalid", "follow_up_date", message)


def test_message_without_a_date_is_added_as_internal(owner: Caller, stored: Stored) -> None:
    before = stored.conversation(UID)
    response = owner.put(UID, follow_up=True, follow_up_message="call")
    assert response.json["message_count"] == 8
    last = {"title": "Jane Smith", "text": "call", "message_of": "system", "extra_data": {}}
    assert response.json["last_message"] == last
    message = stored.messages(UID)[-1]
    assert (message["direction"], message["text"]) == ("internal", "call")
    assert message["staff_id"] == stored.collaborator(UID)["staff_id"]
    assert message["created_at"] == STORED_NOW
    changed = {"message_count": 8, "last_user_action_at": STORED_NOW, "updated_at": STORED_NOW}
    assert stored.conversation(UID) == before | changed
    response = owner.put(EMPTY, follow_up=True, follow_up_message="call")
    assert (response.json["sent"], response.json["received"]) == (False, False)
    assert response.json["message_count"] == 1


def test_repeated_message_is_added_only_on_unarchiving(owner: Caller, stored: Stored) -> None:
    for _ in range(3):
        response = owner.put(UID, follow_up=True, follow_up_message="call", archived=False)
        assert response.json["message_count"] == len(stored.messages(UID)) == 8
    owner.put(UID, archived=True)
    response = owner.put(UID, follow_up=True, follow_up_message="call", archived=False)
    assert (response.json["archived"], response.json["message_count"]) == (False, 9)
