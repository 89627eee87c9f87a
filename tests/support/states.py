"""States to begin with, as people write them."""

from typing import Any

from support.callers import Caller

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


def put_state(caller: Caller, state: Any) -> Any:
    return caller.ask("PUT", "/__admin/state", state)


def inside(conversation: dict[str, Any]) -> dict[str, Any]:
    """Return a short state of one conversation with these additional fields."""
    return {"conversations": [HELLO | conversation]}
