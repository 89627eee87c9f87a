"""What is stored, read and written past the application."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.databases import ENGINE

OF_CONVERSATION = "FROM message WHERE conversation_id = conversation.id AND direction"
INCONSISTENT = f"""
    SELECT uid FROM conversation WHERE message_count != (SELECT count(*) {OF_CONVERSATION} != '')
        OR sent != EXISTS (SELECT 1 {OF_CONVERSATION} = 'business_to_client')
        OR received != EXISTS (SELECT 1 {OF_CONVERSATION} = 'client_to_business')"""


def in_full(time: str) -> str:
    """Complete a time as the databases' rows are shown: to the microsecond."""
    return time + "0000-00-00 00:00:00.000000"[len(time) :]


class Stored:
    """The content of a database, read and written past the application."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return ENGINE.rows(self.path, statement, values)

    def row(self, statement: str, *values: Any) -> dict[str, Any]:
        [row] = self.rows(statement, *values)
        return row

    def conversation(self, uid: str) -> dict[str, Any]:
        return self.row("SELECT * FROM conversation WHERE uid = ?", uid)

    def collaborator(self, uid: str, name: str = "Ram Almog") -> Any:
        rows = self.rows(
            """SELECT collaborator.* FROM collaborator
               JOIN conversation ON conversation.id = conversation_id
               JOIN staff ON staff.id = collaborator.staff_id
               WHERE conversation.uid = ? AND full_name = ?""",
            uid,
            name,
        )
        return rows[0] if rows else None

    def messages(self, uid: str) -> list[dict[str, Any]]:
        return self.rows(
            """SELECT message.* FROM message JOIN conversation ON conversation.id = conversation_id
               WHERE conversation.uid = ? ORDER BY message.id""",
            uid,
        )

    def copy_conversation(self, uid: str, new_uid: str, *, merged: bool = False) -> None:
        """Add a conversation like another one but without messages, or one merged into it."""
        self.rows(
            """INSERT INTO conversation (uid, business_id, client_id, staff_id, merged_into_id,
                   title, archived, spam, business_unread, client_unread, mobile, source_data,
                   matter_searchable, channel_uid, message_count, sent, received, created_at,
                   updated_at)
               SELECT ?, business_id, client_id, staff_id, CASE WHEN ? THEN id END, 'x', false,
                   false, false, false, false, '{}', true, 'x', 0, false, false, created_at,
                   updated_at
               FROM conversation WHERE uid = ?""",
            new_uid,
            merged,
            uid,
        )

    def copy_messages(self, uid: str, times: int) -> None:
        """Add copies of all messages of a conversation."""
        columns = "business_id, conversation_id, direction, title, text, channels, mail_read"
        columns += ", was_read, created_at, updated_at"
        for number in range(times):
            self.rows(
                f"""INSERT INTO message (uid, {columns}) SELECT uid || '-{number}', {columns}
                   FROM message WHERE uid NOT LIKE '%-%' AND conversation_id = (
                       SELECT id FROM conversation WHERE uid = ?)""",
                uid,
            )

    def freeze(self, time: str) -> None:
        """Stop the clock at a time in UTC, such as `2026-05-05 07:30`."""
        self.rows("UPDATE sandbox SET frozen_at = ?", in_full(time))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock, as another process would."""
        with ENGINE.locked(self.path):
            yield

    def everything(self) -> list[str]:
        """Return all content, to compare before and after."""
        return ENGINE.everything(self.path)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Fail unless the content is the same in the end."""
        before = self.everything()
        yield
        after = self.everything()
        assert [line for line in before if line not in after] == []
        assert [line for line in after if line not in before] == []

    def check_integrity(self) -> None:
        """Fail if the database is damaged, or its rows disagree with each other."""
        ENGINE.check_integrity(self.path)
        assert self.rows(INCONSISTENT) == []
