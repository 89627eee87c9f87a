"""The benchmark's data: as much as was asked for, and as consistent as the server's own rows."""

import re

import pytest
from flask import Flask

from bench import generate as bench_generate
from bench.generate import generate_conversations, generate_messages
from support.constants import UID
from support.stored import OF_CONVERSATION, Stored

CONVERSATIONS, MESSAGES = 125, 45
WRONG_ROWS = f"""
    SELECT uid FROM conversation WHERE title LIKE 'Appointment %' AND message_count != 2
        OR last_user_action_at != (
            SELECT max(created_at) {OF_CONVERSATION} != 'client_to_business')
        OR last_client_action_at != (
            SELECT max(created_at) {OF_CONVERSATION} = 'client_to_business')"""


def generate(app: Flask, conversations: int = CONVERSATIONS, messages: int = MESSAGES) -> None:
    with app.app_context():
        generate_conversations(conversations)
        generate_messages(messages)


def count(stored: Stored, rows: str) -> int:
    return len(stored.rows(f"SELECT id FROM {rows}"))


def test_generator_adds_only_missing_consistent_data(
    app: Flask, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_generate, "BATCH", 7)  # which divides none of the numbers
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
