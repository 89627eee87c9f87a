"""A state: all the content of a sandbox in a form that people read and write (`docs/state.md`).

What is read is a dictionary like the document, with its defaults, and with each `TimeSpec` still
relative. Uids lead somewhere in it, so that it can be stored as it is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from marshmallow import ValidationError

from conversations.messages import display_name
from database.statements import Row
from field_types.error_texts import MAX_ERRORS, flatten_errors
from models import FollowUpState
from states.schema import ClientState, SandboxState

FIRST_YEAR, LAST_YEAR = 1900, 9000  # of a clock
OUT_OF_RANGE = f"It must lie between the years {FIRST_YEAR} and {LAST_YEAR}."
CLIENT = "client"  # the `from` of a message that no staff member sent
Problem = tuple[str, str]  # the path of a field, and what is wrong with it
STATE = SandboxState()
NEW_CLIENT = ClientState()


def parse_state(document: Any, demo: Row | None = None) -> Row:
    """Return the state that a document describes, with all of its businesses.

    `demo` is a state that was parsed, whose first business gets the conversations of a short one.
    Raises ValidationError with the paths of all fields that are wrong.
    """
    state = _load(document)
    problems = list(_find_problems(state, is_short_allowed=demo is not None))
    if not problems and "conversations" in state and demo:
        first, *others = demo["businesses"]
        first = first | {"clients": [*first["clients"]], "conversations": state["conversations"]}
        state = state | {"businesses": [first, *others]}
        _fill_defaults(first)
        problems += _check_business(first, "")
    elif not problems:
        for index, business in enumerate(state["businesses"]):
            _fill_defaults(business)
            problems += _check_business(business, f"businesses[{index}].")
    _raise_if_any({path: [message] for path, message in problems})
    return state


def _load(document: Any) -> Row:
    """Return the fields of a document. Raises ValidationError for wrong and unknown ones."""
    state: Row = {}
    errors: dict[str, list[str]] = {}
    try:
        state = STATE.load(document)
    except ValidationError as error:
        errors = flatten_errors(error)
    if isinstance(document, dict):
        for path, name, explain in islice(STATE.find_ignored(document, state), MAX_ERRORS):
            errors[f"{path}{name}"] = [explain()]
    _raise_if_any(errors)
    return state


def _raise_if_any(errors: dict[str, list[str]]) -> None:
    """Raise ValidationError with the first errors, by the paths of their fields."""
    if errors:
        raise ValidationError(dict(islice(errors.items(), MAX_ERRORS)))


def check_range(time: datetime, field: str) -> None:
    """Raise ValidationError for a time that a clock can't show."""
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValidationError({field: [OUT_OF_RANGE]})


def deterministic_uid(*parts: str) -> str:
    """Return a uid that is always the same for the same thing."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _find_problems(state: Row, *, is_short_allowed: bool) -> Iterator[Problem]:
    """Yield what is wrong with the businesses of a state, and between them."""
    if now := state.get("now"):
        if now.absolute is None:
            yield "now", "It must be an absolute time: it is what other times are relative to."
        elif not FIRST_YEAR <= now.absolute.year <= LAST_YEAR:
            yield "now", OUT_OF_RANGE
    if "conversations" in state:
        if "businesses" in state or not is_short_allowed:
            yield "conversations", 'Put them inside a business, or send "conversations" alone.'
        yield from _find_duplicates(state["conversations"], "conversations")
        return
    if "businesses" not in state:
        yield "businesses", 'Send "businesses", or "conversations" alone.'
        return
    yield from _find_duplicates(state["businesses"], "businesses")
    tokens: set[str] = set()
    for index, business in enumerate(state["businesses"]):
        path = f"businesses[{index}]."
        for name in ("staff", "clients", "conversations"):
            yield from _find_duplicates(business[name], f"{path}{name}")
        if business["conversations"] and not business["staff"]:
            yield f"{path}staff", "It must have a staff member, as there are conversations."
        for number, staff_member in enumerate(business["staff"]):
            if staff_member["uid"] == CLIENT:
                yield f"{path}staff[{number}].uid", f'It must not be "{CLIENT}".'
            for position, digest in enumerate(staff_member["tokens"]):
                if digest in tokens:
                    yield (
                        f"{path}staff[{number}].tokens[{position}]",
                        "Another staff member has this token.",
                    )
                tokens.add(digest)
    if not tokens:
        yield "businesses", "No staff member has a token, so nobody could call."


def _find_duplicates(items: Iterable[Row], path: str) -> Iterator[Problem]:
    """Yield the uids that an earlier item has, too."""
    known: set[str] = set()
    for index, each in enumerate(items):
        if each["uid"] in known:
            yield f"{path}[{index}].uid", "Another one has this uid."
        known.add(each["uid"])


def _check_business(business: Row, path: str) -> Iterator[Problem]:
    """Yield the uids of a business that lead nowhere, and what else breaks its rules."""
    staff = {each["uid"] for each in business["staff"]}
    uids = {each["uid"] for each in business["conversations"]}
    messages: set[str] = set()
    for index, each in enumerate(business["conversations"]):
        here = f"{path}conversations[{index}]"
        if each["staff"] not in staff:
            yield f"{here}.staff", "No staff member of this business has this uid."
        if each["merged_into"] is not None and each["merged_into"] not in uids:
            yield f"{here}.merged_into", "No conversation of this business has this uid."
        yield from _check_collaborators(each["collaborators"], staff, here)
        for number, message in enumerate(each["messages"]):
            there = f"{here}.messages[{number}]"
            if message["uid"] in messages:
                yield f"{there}.uid", "Another message has this uid."
            messages.add(message["uid"])
            if message["sender"] != CLIENT and message["sender"] not in staff:
                yield f"{there}.from", f'It must be "{CLIENT}" or the uid of a staff member.'
            elif message["internal"] and message["sender"] == CLIENT:
                yield f"{there}.from", "An internal message must come from a staff member."


def _check_collaborators(collaborators: list[Row], staff: set[str], path: str) -> Iterator[Problem]:
    """Yield what is wrong with the staff members on a conversation."""
    known: set[str] = set()
    for index, each in enumerate(collaborators):
        here = f"{path}.collaborators[{index}]"
        if each["staff"] not in staff:
            yield f"{here}.staff", "No staff member of this business has this uid."
        elif each["staff"] in known:
            yield f"{here}.staff", "This staff member is already on the conversation."
        known.add(each["staff"])
        if each["follow_up_state"] is not FollowUpState.ACTIVE:
            for name in ("follow_up_date", "follow_up_message"):
                if each[name]:
                    yield f"{here}.{name}", "Only an active follow-up has one."


def _fill_defaults(business: Row) -> None:
    """Add to a business what its conversations leave out: clients, staff and uids of messages."""
    first_staff_uid = next((each["uid"] for each in business["staff"]), None)
    uids = {client["uid"] for client in business["clients"]}
    by_name: dict[str, str] = {}
    for client in business["clients"]:
        by_name.setdefault(display_name(client), client["uid"])
    for each in business["conversations"]:
        each.setdefault("staff", first_staff_uid)
        for number, message in enumerate(each["messages"]):
            message.setdefault("uid", deterministic_uid("message", each["uid"], str(number)))
        if each["client"] in uids:
            continue
        name = each["client"].strip()
        if name not in by_name:
            client = _make_client(business["uid"], name)
            by_name[name] = client["uid"]
            if client["uid"] not in uids:  # who may have another name by now
                uids.add(client["uid"])
                business["clients"].append(client)
        each["client"] = by_name[name]


def _make_client(business_uid: str, name: str) -> Row:
    """Return a client of a name, who has the same uid each time."""
    first_name, _, last_name = name.partition(" ")
    uid = deterministic_uid("client", business_uid, name)
    fields = {"uid": uid, "first_name": first_name, "last_name": last_name.strip(), "email": ""}
    client: Row = NEW_CLIENT.load(fields)
    return client
