"""The demo data, and the sandboxes that begin with it."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from flask import current_app
from marshmallow import ValidationError

from conversations.callers import digest_of
from database.connections import transaction
from database.statements import Row
from models import DEFAULT_SANDBOX
from sandboxes.lifecycle import (
    LOCK,
    NoRoom,
    find_sandbox,
    make_room,
    make_sandbox,
    reset_sandbox,
)
from states.parsing import parse_state
from states.storage import StoredToken

INBOX = Path(__file__).with_name("inbox.json")
OWNER = "5ya4gbwm2c3qoic8"
STAFF_TOKENS = {
    "demo-owner": "a staff member who may see and change every conversation",
    "demo-colleague": "another one",
    "demo-assigned": "one who may see and change what is assigned to them or shared with them",
    "demo-neighbour": "a staff member of another business",
}
TOKENS = STAFF_TOKENS | {
    "demo-directory": "valid, but not a staff token, so it is refused with 401",
    "demo-expired": "expired, so it is refused with 401",
}


class UnreadableState(Exception):
    """A file holds no state; the message says why."""


@cache
def read_demo() -> Row:
    """Return the state of the demo data."""
    return parse_state(json.loads(INBOX.read_text()))


def read_state_file(path: str | Path) -> Row:
    """Return the state in a file; raise UnreadableState."""
    try:
        document = current_app.json.loads(Path(path).read_bytes())
        return parse_state(document, read_demo())
    except OSError as error:
        raise UnreadableState(f"The file {path} can't be read: {error.strerror}.") from None
    except ValidationError as error:
        lines = (f"  {field}: {' '.join(each)}" for field, each in error.messages_dict.items())
        raise UnreadableState("\n".join([f"The file {path} is not a state:", *lines])) from None
    except ValueError as error:
        raise UnreadableState(f"The file {path} is not JSON: {error}.") from None


@cache
def read_default_state(path: str) -> Row:
    """Return the state in the file that STATE names, as it was when the server started.

    Processes that are forked later share it, whatever the file holds by then.
    """
    return read_state_file(path)


def find_seed(sandbox: str) -> Row:
    """Return the state that a sandbox begins with; STATE may name another for the default one."""
    path = current_app.config["STATE"]
    return read_default_state(path) if path and sandbox == DEFAULT_SANDBOX else read_demo()


def seed_sandbox(connection: sa.Connection, sandbox: Row, frozen_at: datetime | None = None) -> Row:
    """Make a sandbox as if it were new; its clock stands at a time, or runs."""
    state = find_seed(sandbox["name"])
    invalid_tokens = list_invalid_tokens() if state is read_demo() else []
    return reset_sandbox(connection, sandbox, state, invalid_tokens, frozen_at)


def make_demo_sandbox(name: str, most: int) -> None:
    """Make the sandbox of a name, unless there is one; raise TooManySandboxes."""
    with suppress(NoRoom):
        return _make_demo_sandbox(name, most, LOCK)
    return _make_demo_sandbox(name, most, None)  # while nobody uses the one that has to go


def _make_demo_sandbox(name: str, most: int, lock: int | None) -> None:
    with transaction(lock) as connection:
        if find_sandbox(connection, name) is None:
            make_room(connection, most, may_delete=lock is None)
            seed_sandbox(connection, make_sandbox(connection, name))


def list_invalid_tokens() -> list[StoredToken]:
    """Return the tokens of the demo that are always refused."""
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    return [
        (digest_of("demo-directory"), None, None),
        (digest_of("demo-expired"), OWNER, an_hour_ago),
    ]
