"""The benchmark's data: as much as was asked for, and as consistent as the server's own rows."""

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
GENERATED = "title LIKE 'Appointment %'"
OF_CONVERSATION = "FROM message WHERE conversation_id = conversation.id AND direction"
WRONG_ROWS = f"""
    SELECT uid FROM conversation
    WHERE message_count != (SELECT count(*) {OF_CONVERSATION} != '')
        OR sent != EXISTS (SELECT 1 {OF_CONVERSATION} = 'business_to_client')
        OR received != EXISTS (SELECT 1 {OF_CONVERSATION} = 'client_to_business')
        OR last_user_action_at != (
            SELECT max(created_at) {OF_CONVERSATION} != 'client_to_business')
        OR last_client_action_at != (
            SELECT max(created_at) {OF_CONVERSATION} = 'client_to_business')
        OR {GENERATED} AND message_count != 2"""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use batches that do not divide the numbers."""
    monkeypatch.setattr(bench_generate, "BATCH", 7)


def generate(app: Flask, conversations: int = CONVERSATIONS, messages: int = MESSAGES) -> None:
    with app.app_context():
        generate_conversations(conversations)
        generate_messages(messages)


def count(stored: Stored, rows: str) -> int:
    return len(stored.rows(f"SELECT id FROM {rows}"))


def test_generator_adds_only_missing_consistent_data(app: Flask, stored: Stored) -> None:
    generate(app, 60, 10)
    before = stored.everything()
    generate(app, CONVERSATIONS, 0)
    after = stored.everything()
    assert [line for line in before if line not in after and "sqlite_sequence" not in line] == []
    generate(app)
    assert count(stored, "conversation WHERE business_id = 1") == CONVERSATIONS
    assert count(stored, "conversation WHERE business_id = 2") == 1
    assert stored.conversation(UID)["message_count"] == MESSAGES == len(stored.messages(UID))
    assert stored.rows(WRONG_ROWS) == []
    stored.check_integrity()
    for table in ("conversation", "client", "message"):
        uids = [row["uid"] for row in stored.rows(f"SELECT uid FROM {table}")]
        assert len(set(uids)) == len(uids)
        assert [uid for uid in uids if not re.fullmatch("[a-z0-9]{16}", uid)] == []
    with stored.unchanged():  # where there is enough
        generate(app)
        generate(app, 50, 1)


def test_generated_conversations_can_be_updated(app: Flask, stored: Stored, owner: Caller) -> None:
    generate(app)
    path = "/v2/conversations?per_page=50&page="
    pages = [owner.get(f"{path}{page}").json["data"] for page in (1, 2, 3)]
    listed = {each["uid"] for page in pages for each in page}
    assert len(listed) == sum(map(len, pages)) == CONVERSATIONS - MERGED
    uid = stored.rows(f"SELECT uid FROM conversation WHERE {GENERATED} ORDER BY id")[-1]["uid"]
    assert uid in listed
    assert owner.put(uid, archived=True, follow_up=False).json["archived"] is True
    found = owner.get("/v2/conversations?folder=follow_up&per_page=100").json["data"]
    made = [each for each in found if each["title"].startswith("Appointment ")]
    assert 0 < len(made) <= RARE
    for each in made:
        assert each["follow_up_message"]
        assert each["follow_up_text"].startswith("Reminder set for ")


@pytest.mark.parametrize("field", ["bussiness_unread", "folow_up_state"])
def test_misspelled_field_in_demo_data_is_reported(field: str) -> None:
    state = json.loads(INBOX.read_text())
    conversations = state["businesses"][0]["conversations"]
    [conversation] = [each for each in conversations if each["uid"] == FOLLOWED]
    (conversation if field.startswith("b") else conversation["collaborators"][0])[field] = True
    with pytest.raises(ValidationError) as raised:
        parse_state(state)
    [(path, _)] = raised.value.messages_dict.items()
    assert path.endswith(f".{field}")
