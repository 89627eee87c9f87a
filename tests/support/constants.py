"""What the tests know of the demo data, and the time that they stop the clock at."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 5, 5, 7, 30, tzinfo=UTC)  # 10:30 AM in Jerusalem, a Tuesday
STORED_NOW = "2026-05-05 07:30:00.000000"  # as Stored shows it

UID = "89m2pnabgozdvd9f"  # the conversation of vcita's example
ONE = f"/v2/conversations/{UID}"
JANE = "affc25e71f6bd5cc"  # its client
MERGED = "merged0000000001"  # into the conversation of the example
MERGED_TWICE = "merged0000000002"  # into the one that is merged into that
CYCLE = "cycle00000000001"  # merged into the next
CYCLE_BACK = "cycle00000000002"  # merged into the one before
FOLLOWED = "followup00000001"  # by the owner, with a date and a message
COLLEAGUES = "followup00000002"  # the colleague's, who has a follow-up without a date on it
OVERDUE = "overdue000000001"  # followed by the owner; was due yesterday
DUE_TODAY = "duetoday00000001"  # followed by the owner; due two hours after the seeding
ARCHIVED = "archived00000001"
TRASH = "trash00000000001"  # soft-deleted
ASSIGNED = "assigned00000001"  # to the staff member of demo-assigned
SHARED = "shared0000000001"  # with the staff member of demo-assigned
EMPTY = "v4q8m2k6r0x5b9tz"  # without a message
NEIGHBOURS = "neighbour0000001"  # of the second business
STAFF = {  # the staff tokens, with the full names
    "demo-owner": "Ram Almog",
    "demo-colleague": "Noa Levi",
    "demo-assigned": "Tom Peretz",
    "demo-neighbour": "Dana Rimon",
}
JAVASCRIPT = "Wed May 06 2026 13:31:21 GMT+0300 (Israel Daylight Time)"

MESSAGE = {"client_id": JANE, "text": "Hello?", "direction": "client_to_business"}
ROUTES: list[tuple[str, str, Any]] = [  # vcita's, with a body that is right
    ("PUT", "/v2/conversations/<uid>", {}),
    ("GET", "/v2/conversations/<uid>", None),
    ("GET", "/v2/conversations", None),
    ("GET", "/v2/conversations/<uid>/messages", None),
    ("GET", "/platform/v1/conversations", None),
    ("GET", "/platform/v1/clients/<client_id>/conversations", None),
    ("POST", "/platform/v1/messages", {"message": MESSAGE}),
]
CONTROLS: list[tuple[str, str, Any]] = [  # the routes of sandboxes, with a body that is right
    ("GET", "/__admin/sandbox", None),
    ("DELETE", "/__admin/sandbox", None),
    ("POST", "/__admin/reset", {}),
    ("GET", "/__admin/clock", None),
    ("PUT", "/__admin/clock", {"now": "2026-05-05T07:30:00Z"}),
    ("POST", "/__admin/clock/advance", {"seconds": 60}),
    ("DELETE", "/__admin/clock", None),
    ("GET", "/__admin/state", None),
    ("PUT", "/__admin/state", {"conversations": []}),
    ("GET", "/__admin/faults", None),
    ("PUT", "/__admin/faults", []),
    ("DELETE", "/__admin/faults", None),
    ("GET", "/__admin/requests", None),
    ("DELETE", "/__admin/requests", None),
]

# States, as people write them
FIXED = "2026-05-05T07:30:00Z"
HELLO: dict[str, Any] = {
    "uid": "first00000000001",
    "client": "Ann Lee",
    "messages": [{"from": "client", "text": "Hi"}],
}
SHORT = {"conversations": [HELLO]}
RAM, NOA = "5ya4gbwm2c3qoic8", "3so2q8r2b35x7phd"
BUSINESS: dict[str, Any] = {
    "uid": "b1",
    "name": "Bakery",
    "time_zone": "Europe/Paris",
    "staff": [{"uid": "s1", "full_name": "Sue Baker", "tokens": ["sue"]}],
}


def path_of(rule: str) -> str:
    """Return the path of a route, of the conversation of the example or its client."""
    return rule.replace("<uid>", UID).replace("<client_id>", JANE)


def inside(conversation: dict[str, Any]) -> dict[str, Any]:
    """Return a short state of one conversation with these additional fields."""
    return {"conversations": [HELLO | conversation]}
