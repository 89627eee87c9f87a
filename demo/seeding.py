"""The demo data, and the sandboxes that are created with it."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import click
import sqlalchemy as sa
from flask import current_app
from marshmallow import ValidationError

from conversations.callers import hash_token
from database.connections import transaction
from database.statements import Row
from models import DEFAULT_SANDBOX, AccessToken
from sandboxes import lifecycle
from states.parsing import parse_state
from states.storage import INSERT, prepare_state

INBOX = Path(__file__).with_name("inbox.json")
CREATION_LOCK = -2  # of the writers that create sandboxes
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


class InvalidStateFile(click.ClickException):
    """A file holds no state; the message says why."""


@cache
def read_demo() -> Row:
    """Return the state of the demo data."""
    state = parse_state(json.loads(INBOX.read_text()))
    prepare_state(state, None)
    return state


@cache  # forked processes share what is read at the start
def read_state_file(path: str | Path) -> Row:
    """Return the state in a file, which is read once; raise InvalidStateFile."""
    try:
        document = current_app.json.loads(Path(path).read_bytes())
        state = parse_state(document, read_demo())
        prepare_state(state, None)
        return state
    except OSError as error:
        raise InvalidStateFile(f"The file {path} can't be read: {error.strerror}.") from None
    except ValidationError as error:
        lines = (f"  {field}: {' '.join(each)}" for field, each in error.messages_dict.items())
        raise InvalidStateFile("\n".join([f"The file {path} is not a state:", *lines])) from None
    except ValueError as error:
        raise InvalidStateFile(f"The file {path} is not JSON: {error}.") from None


def seed_state_for(sandbox: str) -> Row:
    """Return the demo data, or the state in the file that STATE names for the default sandbox."""
    path = current_app.config["STATE"]
    return read_state_file(path) if path and sandbox == DEFAULT_SANDBOX else read_demo()


def seed_sandbox(connection: sa.Connection, sandbox: Row, frozen_at: datetime | None = None) -> Row:
    """Reset a sandbox to its first content; its clock is frozen at a time, or else as seeded."""
    state = seed_state_for(sandbox["name"])
    now = {} if frozen_at is None else {"now": frozen_at}
    cleared = lifecycle.clear_journal(connection, sandbox, frozen_at=None, fault_rules=[])
    seeded = lifecycle.load_state(connection, cleared, state | now)
    if state is read_demo():
        _add_invalid_tokens(connection, sandbox["id"])
    return seeded


def create_demo_sandbox(name: str, limit: int) -> None:
    """Create the sandbox with a name, unless there is one; raise TooManySandboxes."""
    for lock in (CREATION_LOCK, None):  # evicting one, no other writer may use it
        with transaction(lock) as connection:
            if lifecycle.find_sandbox(connection, name) is not None:
                return
            if lock is None:
                lifecycle.evict_sandbox(connection, limit)
            elif lifecycle.is_full(connection, limit):
                continue
            seed_sandbox(connection, lifecycle.create_sandbox(connection, name))
            return


def _add_invalid_tokens(connection: sa.Connection, sandbox_id: int) -> None:
    """Add the tokens of the demo that are always refused."""
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    directory = {"sandbox_id": sandbox_id, "digest": hash_token("demo-directory")}
    expired = {"digest": hash_token("demo-expired"), "expires_at": an_hour_ago}
    INSERT[AccessToken].run_many(connection, [directory, directory | expired])
