"""The generated data: as much as was asked for, and as consistent as what the server writes."""

import json
import re

import pytest
from flask import Flask
from marshmallow import ValidationError

from bench import generate as bench_generate
from bench.generate import RARE, generate_conversations, generate_messages
from demo.seeding import INBOX
from states.parsing import parse_state
from support.callers import Caller
from support.constants import FOLLOWED, UID
from support.stored import Stored

CONVERSATIONS, MESSAGES = 125, 45
MERGED = 4  # of the demo's conversations, which are in no list
NEIGHBOURS = 1  # conversations of the second business
GENERATED = "title LIKE 'Appointment %'"
COUNTS = """
    SELECT conversation.uid, title, message_count, sent, received,
        last_user_action_at, last_client_action_at,
        (SELECT count(*) FROM message WHERE conversation_id = conversation.id) AS messages,
        (SELECT count(*) FROM message WHERE conversation_id = conversation.id
            AND direction = 'business_to_client') AS messages_sent,
        (SELECT count(*) FROM message WHERE conversation_id = conversation.id
            AND direction = 'client_to_business') AS messages_received,
        (SELECT max(created_at) FROM message WHERE conversation_id = conversation.id
            AND direction != 'client_to_business') AS last_sent_at,
        (SELECT max(created_at) FROM message WHERE conversation_id = conversation.id
            AND direction = 'client_to_business') AS last_received_at
    FROM conversation"""


def generate(app: Flask, conversations: int = CONVERSATIONS, messages: int = MESSAGES) -> None:
    with app.app_context():
        generate_conversations(conversations)
        generate_messages(messages)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the numbers be no multiples of a batch."""
    monkeypatch.setattr(bench_generate, "BATCH", 7)


def count(stored: Stored, rows: str) -> int:
    counted: int = stored.row(f"SELECT count(*) AS rows FROM {rows}")["rows"]
    return counted


def test_there_is_as_much_as_was_asked_for(app: Flask, stored: Stored) -> None:
    generate(app)
    assert count(stored, "conversation WHERE business_id = 1") == CONVERSATIONS
    assert count(stored, "conversation WHERE business_id = 2") == NEIGHBOURS
    assert stored.conversation(UID)["message_count"] == MESSAGES == len(stored.messages(UID))
    stored.check_integrity()


def test_every_conversation_agrees_with_its_messages(app: Flask, stored: Stored) -> None:
    generate(app)
    rows = stored.rows(COUNTS)
    assert len(rows) == CONVERSATIONS + NEIGHBOURS
    for row in rows:
        assert row["message_count"] == row["messages"], row
        assert row["sent"] == (row["messages_sent"] > 0), row
        assert row["received"] == (row["messages_received"] > 0), row
        assert row["last_user_action_at"] == row["last_sent_at"], row
        assert row["last_client_action_at"] == row["last_received_at"], row
    messages = {row["messages"] for row in rows if row["title"].startswith("Appointment ")}
    assert messages == {2}


def test_some_generated_conversations_have_a_follow_up(
    app: Flask, stored: Stored, owner: Caller
) -> None:
    before = len(owner.get("/v2/conversations?folder=follow_up").json["data"])
    generate(app)
    found = owner.get("/v2/conversations?folder=follow_up&per_page=100").json["data"]
    made = [each for each in found if each["title"].startswith("Appointment ")]
    assert 0 < len(made) == len(found) - before <= RARE
    for each in made:
        assert each["follow_up"] and each["follow_up_message"]
        assert each["follow_up_text"].startswith("Reminder set for ")


def test_generating_again_adds_nothing(app: Flask, stored: Stored) -> None:
    generate(app)
    before = stored.everything()
    generate(app)
    generate(app, 50, 1)
    assert stored.everything() == before


def test_a_larger_number_adds_only_the_rest(app: Flask, stored: Stored) -> None:
    generate(app, 60, 0)
    before = stored.everything()
    generate(app, 65, 0)
    after = stored.everything()
    assert [line for line in before if line not in after and "sqlite_sequence" not in line] == []
    assert count(stored, "conversation WHERE business_id = 1") == 65
    generate(app, 0, 10)
    generate(app, 0, 12)
    assert len(stored.messages(UID)) == 12
    stored.check_integrity()


def test_no_uid_is_there_twice(app: Flask, stored: Stored) -> None:
    generate(app)
    for table in ("conversation", "client", "message"):
        uids = [row["uid"] for row in stored.rows(f"SELECT uid FROM {table}")]
        assert len(set(uids)) == len(uids)
        assert [uid for uid in uids if not re.fullmatch("[a-z0-9]{16}", uid)] == []


def test_generated_conversations_are_served_and_changed_like_others(
    app: Flask, stored: Stored, owner: Caller
) -> None:
    generate(app)
    pages = [
        owner.get(f"/v2/conversations?per_page=50&page={page}").json["data"] for page in (1, 2, 3)
    ]
    listed = [each["uid"] for page in pages for each in page]
    assert len(listed) == len(set(listed)) == CONVERSATIONS - MERGED
    uid = stored.rows(f"SELECT uid FROM conversation WHERE {GENERATED} ORDER BY id")[-1]["uid"]
    assert uid in listed
    response = owner.put(uid, archived=True, follow_up=False, campaign="spring")
    assert (response.status_code, response.json["archived"]) == (200, True)
    assert stored.conversation(uid)["campaign"] == "spring"
    messages = owner.get(f"/v2/conversations/{UID}/messages?per_page=100").json
    assert len(messages) == MESSAGES
    assert len({message["uid"] for message in messages}) == MESSAGES


@pytest.mark.parametrize("field", ["bussiness_unread", "folow_up_state"])
def test_a_misspelled_field_of_the_demo_data_is_named(field: str) -> None:
    state = json.loads(INBOX.read_text())
    [conversation] = [
        each for each in state["businesses"][0]["conversations"] if each["uid"] == FOLLOWED
    ]
    (conversation if field.startswith("b") else conversation["collaborators"][0])[field] = True
    with pytest.raises(ValidationError) as raised:
        parse_state(state)
    [(path, _)] = raised.value.messages_dict.items()
    assert path.endswith(f".{field}")
