"""Parsing and validating a state (`docs/state.md`).

A parsed state is a dictionary like the document, with defaults and with relative `TimeSpec`s. All
uids in it resolve, so it can be stored as is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from marshmallow import ValidationError

from conversations.messages import display_name
from database.statements import Row
from field_types.texts import MAX_ERRORS, flatten_errors
from models import FollowUpState
from states.schema import CLIENT, ClientState, SandboxState

FIRST_YEAR, LAST_YEAR = 1900, 9000  # of a clock
MAX_BYTES = 16 * 2**20  # of a state in JSON
TOO_MANY = "A sandbox can have at most {:,} {}."
TOO_LARGE = f"A sandbox's state can have at most {MAX_BYTES // 2**20} MiB, as GET shows it."
LIMITS = {  # the maximum number of each in a sandbox, and their parents in a state
    "businesses": (1_000, [""]),
    "staff": (1_000, ["businesses"]),
    "clients": (2_000, ["businesses"]),
    "conversations": (2_000, ["", "businesses"]),
    "messages": (20_000, ["conversations"]),
    "collaborators": (80_000, ["conversations"]),
}
OUT_OF_RANGE = f"It must be between the years {FIRST_YEAR} and {LAST_YEAR}."
Problem = tuple[str, str]  # the path of a field, and the error message
Part = tuple[str, Any]  # the prefix of its fields' paths, and the object
STATE = SandboxState()
NEW_CLIENT = ClientState()


def parse_state(document: Any, demo: Row | None = None) -> Row:
    """Return the parsed state of a document; raise ValidationError with the invalid fields.

    A short state replaces the conversations of the first business of `demo`, a parsed state.
    """
    state: Row = {}
    errors = {path: [message] for path, message in _find_excess(document)}
    if not errors:
        try:
            state = STATE.load(document)
        except ValidationError as error:
            errors = flatten_errors(error)
        if isinstance(document, dict):
            for path, name, explain in islice(STATE.find_ignored(document, state), MAX_ERRORS):
                errors[f"{path}{name}"] = [explain()]
    for find in (partial(_find_problems, demo=demo), _find_excess):
        if not errors:
            errors = {path: [message] for path, message in islice(find(state), MAX_ERRORS)}
    if errors:
        raise ValidationError(dict(islice(errors.items(), MAX_ERRORS)))
    if state.get("now"):
        state["now"] = state["now"].absolute
    return state


def check_range(time: datetime, field: str) -> None:
    """Raise ValidationError for a time that a clock can't show."""
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValidationError({field: [OUT_OF_RANGE]})


def deterministic_uid(*parts: str) -> str:
    """Return a uid derived from texts."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _find_excess(document: Any) -> Iterator[Problem]:
    """Yield the first item beyond each limit of a state, or of an unchecked document."""
    found: dict[str, list[Part]] = {"": [("", document)]}
    for name, (limit, parents) in LIMITS.items():
        holders = [part for parent in parents for part in found[parent]]
        found[name] = _list_parts(holders, name, limit + 1)
        if len(found[name]) > limit:
            yield found[name][limit][0][:-1], TOO_MANY.format(limit, name)


def _find_problems(state: Row, demo: Row | None) -> Iterator[Problem]:
    """Add the businesses and defaults of a state; yield its errors."""
    if now := state.get("now"):
        if now.absolute is None:
            yield "now", "It must be an absolute time, as relative times are based on it."
        elif not FIRST_YEAR <= now.absolute.year <= LAST_YEAR:
            yield "now", OUT_OF_RANGE
    if "conversations" in state:
        if "businesses" in state or demo is None:
            yield "conversations", 'Put them inside a business, or send "conversations" alone.'
            return
        first, *others = demo["businesses"]
        first = first | {
            "clients": [*first["clients"]],
            "conversations": state.pop("conversations"),
        }
        state["businesses"] = [first, *others]
        yield from _check_business("", first)
        return
    if "businesses" not in state:
        yield "businesses", 'Send "businesses", or "conversations" alone.'
        return
    businesses = _list_parts([("", state)], "businesses")
    yield from _find_duplicates(businesses, "uid", "Another business has this uid.")
    for path, business in businesses:
        yield from _check_business(path, business)
    tokens: set[str] = set()
    for path, staff_member in _list_parts(businesses, "staff"):
        for index, digest in enumerate(staff_member["tokens"]):
            if digest in tokens:
                yield f"{path}tokens[{index}]", "Another staff member has this token."
            tokens.add(digest)
    if not tokens:
        yield "businesses", "At least one staff member must have a token."


def _check_business(path: str, business: Row) -> Iterator[Problem]:
    """Add the defaults of a business; yield its unknown uids and other errors."""
    here = [(path, business)]
    staff, conversations = _list_parts(here, "staff"), _list_parts(here, "conversations")
    if conversations and not staff:
        yield f"{path}staff", "A business with conversations must have a staff member."
        return
    _fill_defaults(business)
    collaborators = _list_parts(conversations, "collaborators")
    messages = _list_parts(conversations, "messages")
    for parts in (staff, _list_parts(here, "clients"), conversations):
        yield from _find_duplicates(parts, "uid", "It must be unique; an earlier one has this uid.")
    yield from _find_duplicates(messages, "uid", "Another message has this uid.")
    staff_uids = {each["uid"] for _, each in staff}
    uids = {each["uid"] for _, each in conversations}
    for path, each in conversations:
        on_it = _list_parts([(path, each)], "collaborators")
        yield from _find_duplicates(
            on_it, "staff", "This staff member is already on the conversation."
        )
        if each["merged_into"] is not None and each["merged_into"] not in uids:
            yield f"{path}merged_into", "No conversation of this business has this uid."
    for path, each in collaborators:
        for name in ("follow_up_date", "follow_up_message"):
            if each[name] and each["follow_up_state"] is not FollowUpState.ACTIVE:
                yield f"{path}{name}", "It is allowed only for an active follow-up."
    for path, each in conversations + collaborators:
        if each["staff"] not in staff_uids:
            yield f"{path}staff", "No staff member of this business has this uid."
    for path, each in messages:
        if each["sender"] == CLIENT:
            if each["internal"]:
                yield f"{path}from", "An internal message must come from a staff member."
        elif each["sender"] not in staff_uids:
            yield f"{path}from", f'It must be "{CLIENT}" or the uid of a staff member.'


def _list_parts(parents: Iterable[Part], name: str, limit: int | None = None) -> list[Part]:
    """Return the items of an array of each parent, with the prefix of their fields' paths."""
    parts = (
        (f"{path}{name}[{index}].", each)
        for path, parent in parents
        if isinstance(parent, dict) and isinstance(parent.get(name), list)
        for index, each in enumerate(parent[name])
    )
    return [*islice(parts, limit)]


def _find_duplicates(parts: Iterable[Part], name: str, message: str) -> Iterator[Problem]:
    known: set[str] = set()
    for path, each in parts:
        if each[name] in known:
            yield f"{path}{name}", message
        known.add(each[name])


def _fill_defaults(business: Row) -> None:
    """Add a business's omitted display names, clients, and fields of its conversations."""
    for staff_member in business["staff"]:
        staff_member.setdefault("display_name", staff_member["full_name"])
    names = {client["uid"]: display_name(client) for client in business["clients"]}
    uids = {name: uid for uid, name in reversed(names.items())}  # the first client of each name
    for each in business["conversations"]:
        if each["client"] not in names:
            name = each["client"].strip()
            uid = uids.get(name) or deterministic_uid("client", business["uid"], name)
            if uid not in names:  # an earlier state may have renamed this client
                first_name, _, last_name = name.partition(" ")
                fields = {"uid": uid, "first_name": first_name, "last_name": last_name.strip()}
                client: Row = NEW_CLIENT.load(fields | {"email": ""})
                business["clients"].append(client)
                names[uid] = display_name(client)
            each["client"] = uids[name] = uid
        each.setdefault("title", names[each["client"]])
        each.setdefault("staff", business["staff"][0]["uid"])
        for number, message in enumerate(each["messages"]):
            message.setdefault("uid", deterministic_uid("message", each["uid"], str(number)))
