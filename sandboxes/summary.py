"""The summary of a sandbox: its clock, its staff with their tokens, and the caller's folders."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from conversations.callers import Caller, digest_of
from conversations.folders import count_folders
from database.statements import Row
from models import DEFAULT_SANDBOX
from states.export import SELECT_BUSINESSES, SELECT_STAFF, SELECT_VALID_TOKENS


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
    owners = {
        row["digest"]: row["staff_id"] for [row] in SELECT_VALID_TOKENS.all(connection, of_sandbox)
    }
    staff_tokens: dict[int, str] = {}
    for token in tokens:
        if owner := owners.get(digest_of(token)):
            staff_tokens.setdefault(owner, f"{token}{suffix}")
    you = business = None
    staff = []
    businesses = {row["id"]: row for [row] in SELECT_BUSINESSES.all(connection, of_sandbox)}
    for [row] in SELECT_STAFF.all(connection, of_sandbox):
        its_business = businesses[row["business_id"]]
        shown = {
            "uid": row["uid"],
            "display_name": row["display_name"],
            "access": row["access"],
            "business_uid": its_business["uid"],
            "token": staff_tokens.get(row["id"]),
        }
        staff.append(shown)
        if caller and caller.staff_id == row["id"]:
            you, business = shown, its_business
    return {
        "name": sandbox["name"],
        **describe_clock(sandbox),
        "you": you,
        "business": business,
        "staff": staff,
        "folders": count_folders(connection, caller) if caller else None,
    }
