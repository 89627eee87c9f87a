"""The summary of a sandbox: its clock, its staff with their tokens, and the caller's folders."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from conversations.callers import Caller, hash_token
from conversations.folders import count_folders
from database.statements import Row
from models import DEFAULT_SANDBOX
from states.storage import SELECT_BUSINESSES, SELECT_STAFF, SELECT_VALID_TOKENS


def describe_clock(sandbox: Row) -> dict[str, Any]:
    """Return the time in a sandbox, and whether its clock is frozen."""
    frozen_at = sandbox["frozen_at"]
    return {"now": frozen_at or datetime.now(UTC), "frozen": frozen_at is not None}


def describe_sandbox(
    connection: sa.Connection, sandbox: Row, caller: Caller | None, tokens: list[str]
) -> dict[str, Any]:
    """Return the summary of a sandbox for a caller, or for None if a reset removed the caller.

    `tokens` are the plain-text tokens that may be valid there, the caller's own first; the database
    knows tokens only by their digests.
    """
    of_sandbox = {"sandbox_id": sandbox["id"]}
    suffix = "" if sandbox["name"] == DEFAULT_SANDBOX else f"@{sandbox['name']}"
    staff_ids = {
        row["digest"]: row["staff_id"] for [row] in SELECT_VALID_TOKENS.all(connection, of_sandbox)
    }
    staff_tokens = {
        staff_ids[digest]: f"{token}{suffix}"
        for token in reversed(tokens)
        if (digest := hash_token(token)) in staff_ids
    }
    businesses = {row["id"]: row for [row] in SELECT_BUSINESSES.all(connection, of_sandbox)}
    staff = {
        row["id"]: {
            "uid": row["uid"],
            "display_name": row["display_name"],
            "access": row["access"],
            "business_uid": businesses[row["business_id"]]["uid"],
            "token": staff_tokens.get(row["id"]),
        }
        for [row] in SELECT_STAFF.all(connection, of_sandbox)
    }
    return {
        "name": sandbox["name"],
        **describe_clock(sandbox),
        "you": staff[caller.staff_id] if caller else None,
        "business": businesses[caller.business_id] if caller else None,
        "staff": list(staff.values()),
        "folders": count_folders(connection, caller) if caller else None,
    }
