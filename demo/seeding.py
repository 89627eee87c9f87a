"""The demo data, and the sandboxes that are created with it."""

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

INBOX = Path(__file__).with_name("inbox.json")  # the state of the demo data
CREATION_LOCK = -2  # the lock for creating sandboxes
STAFF_TOKENS = {
    "demo-owner": "a staff member who may see and change every conversation",
    "demo-colleague": "a second staff member with full access",
    "demo-assigned": "a staff member who may see and change only assigned and shared conversations",
    "demo-neighbour": "a staff member of another business",
}
TOKENS = STAFF_TOKENS | {
    "demo-directory": "not a staff token; rejected with 401",
    "demo-expired": "expired; rejected with 401",
}


class InvalidStateFile(click.ClickException):
    """A file is not a valid state file; the message has the reason."""


@cache  # forked processes share the states read at the start
def read_state_file(path: str | Path) -> Row:
    """Return the state in a file, read only once; raise InvalidStateFile."""
    try:
        document = current_app.json.loads(Path(path).read_bytes())
        state = parse_state(document, None if path is INBOX else read_state_file(INBOX))
        prepare_state(state, None)
        return state
    except OSError as error:
        raise InvalidStateFile(f"The file {path} can't be read: {error.strerror}.") from None
    except ValidationError as error:
        lines = [f"  {field}: {' '.join(each)}" for field, each in error.messages_dict.items()]
        lines.insert(0, f"The file {path} is not a valid state:")
        raise InvalidStateFile("\n".join(lines)) from None
    except ValueError as error:
        raise InvalidStateFile(f"The file {path} is not JSON: {error}.") from None


def seed_state_for(sandbox: str) -> Row:
    """Return the demo data or, for the default sandbox, the state in the file of STATE."""
    path = current_app.config["STATE"] if sandbox == DEFAULT_SANDBOX else None
    return read_state_file(path or INBOX)


def seed_sandbox(connection: sa.Connection, sandbox: Row, frozen_at: datetime | None = None) -> Row:
    """Reset a sandbox to its seed data, with its clock frozen at a time if one is given."""
    state = seed_state_for(sandbox["name"])
    now = {} if frozen_at is None else {"now": frozen_at}
    cleared = lifecycle.clear_journal(connection, sandbox, frozen_at=None, fault_rules=[])
    seeded = lifecycle.load_state(connection, cleared, state | now)
    if state is read_state_file(INBOX):
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
        token = {"sandbox_id": sandbox["id"], "staff_id": None}
        directory = {"digest": hash_token("demo-directory"), "expires_at": None}
        expired = {"digest": hash_token("demo-expired"), "expires_at": an_hour_ago}
        INSERT[AccessToken].run_many(connection, [token | directory, token | expired])
    return seeded


def create_demo_sandbox(name: str, limit: int) -> None:
    """Create the sandbox with a name, unless it exists; raise TooManySandboxes."""
    for lock in (CREATION_LOCK, None):  # an eviction excludes all other writers
        with transaction(lock) as connection:
            if lifecycle.find_sandbox(connection, name) is not None:
                return
            if lifecycle.COUNT_SANDBOXES.count(connection, {}) >= limit:
                if lock is not None:
                    continue
                lifecycle.evict_sandbox(connection)
            seed_sandbox(connection, lifecycle.create_sandbox(connection, name))
            return
