"""A state: all the content of a sandbox in a form that people read and write (`docs/state.md`).

What is read is a dictionary like the document, with its defaults, and with each `Moment` still
relative. Uids lead somewhere in it, so that it can be stored as it is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from marshmallow import ValidationError, post_load
from marshmallow.validate import Length

from conversations.messages import display_name
from database.statements import Row
from field_types.state_fields import (
    MOST_MISTAKES,
    Boolean,
    Choice,
    Count,
    Items,
    JsonObject,
    Moment,
    Part,
    StateSchema,
    Text,
    Time,
    TimeZone,
    Token,
    Uid,
    name_paths,
)
from models import Access, FollowUpState

FIRST_YEAR, LAST_YEAR = 1900, 9000  # of a clock
OUT_OF_RANGE = f"It must lie between the years {FIRST_YEAR} and {LAST_YEAR}."
CLIENT = "client"  # the `from` of a message that no staff member sent
LONGEST_NAME = 500  # characters of a part of a name
Mistake = tuple[str, str]  # the path of a field, and what is wrong with it


class StaffMemberState(StateSchema):
    """A staff member, with the tokens to call as them."""

    uid = Uid(required=True)
    full_name = Text(LONGEST_NAME, required=True, empty=False)
    display_name = Text(LONGEST_NAME)
    email = Text(load_default="")
    access = Choice(Access, load_default=Access.ALL)
    tokens = Items(Token(), load_default=list)


class ClientState(StateSchema):
    """A client of a business."""

    uid = Uid(required=True)
    first_name = Text(LONGEST_NAME, required=True, empty=False)
    last_name = Text(LONGEST_NAME, load_default="")
    email = Text(required=True)
    phone = Text(load_default="")
    spam = Boolean(load_default=False)
    created_at = Time(load_default=Moment)


class CollaboratorState(StateSchema):
    """A staff member on a conversation, with their follow-up."""

    staff = Text(required=True)
    follow_up_state = Choice(FollowUpState, load_default=FollowUpState.NONE)
    follow_up_date = Time(load_default=None, allow_none=True)
    follow_up_message = Text(load_default="")
    unread = Boolean(load_default=False)


class MessageState(StateSchema):
    """A message of a conversation."""

    sender = Text(data_key="from", required=True)
    text = Text(required=True, validate=Length(min=1, error="It must not be empty."))
    internal = Boolean(load_default=False)
    at = Time(load_default=Moment)
    uid = Uid()
    title = Text()
    channels = Items(Text(limit=255))
    mail_read = Boolean()
    was_read = Boolean()


class MatterState(StateSchema):
    """What a conversation is about."""

    uid = Uid(required=True)
    title = Text(required=True)


class ConversationState(StateSchema):
    """A conversation with its messages, and the staff members on it."""

    uid = Uid(required=True)
    client = Text(LONGEST_NAME, required=True, empty=False)
    staff = Text()
    title = Text()
    archived = Boolean()
    business_unread = Boolean()
    client_unread = Boolean()
    spam = Boolean()
    deleted = Boolean(load_only=True)  # a short way to write `deleted_at`
    deleted_at = Time(allow_none=True)
    mobile = Boolean()
    campaign = Text(255, allow_none=True)
    source = Text(allow_none=True)
    source_data = JsonObject()
    source_type = Text(255, allow_none=True)
    sourceable_type = Text(allow_none=True)
    sourceable_id = Text(allow_none=True)
    matter = Part(MatterState, allow_none=True)
    matter_searchable = Boolean()
    channel_uid = Uid()
    merged_into = Text(load_default=None, allow_none=True)
    message_count = Count()
    sent = Boolean()
    received = Boolean()
    last_user_action_at = Time(allow_none=True)
    last_client_action_at = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()
    collaborators = Items(Part(CollaboratorState), load_default=list)
    messages = Items(Part(MessageState), load_default=list)

    @post_load
    def read_deleted(self, loaded: Row, **_options: Any) -> Row:
        """Load `deleted` as a time, now."""
        if "deleted" in loaded and "deleted_at" in loaded:
            raise ValidationError('Send either "deleted" or "deleted_at".', "deleted")
        if loaded.pop("deleted", False):
            loaded["deleted_at"] = Moment()
        return loaded


class BusinessState(StateSchema):
    """A business with all that belongs to it."""

    uid = Uid(required=True)
    name = Text(LONGEST_NAME, required=True, empty=False)
    time_zone = TimeZone(required=True)
    staff = Items(Part(StaffMemberState), required=True)
    clients = Items(Part(ClientState), load_default=list)
    conversations = Items(Part(ConversationState), load_default=list)


class SandboxState(StateSchema):
    """A state: businesses, or the conversations of the demo's first business alone."""

    now = Time(allow_none=True)
    businesses = Items(Part(BusinessState))
    conversations = Items(Part(ConversationState))


STATE = SandboxState()


def read_state(document: Any, demo: Row | None = None) -> Row:
    """Return the state that a document describes, with all of its businesses.

    `demo` is a state that was read, whose first business gets the conversations of a short one.
    Raises ValidationError with the paths of all fields that are wrong.
    """
    try:
        state: Row = STATE.load(document)
    except ValidationError as error:
        raise _error_of(name_paths(error.messages)) from None
    mistakes = list(_find_mistakes(state, is_short_allowed=demo is not None))
    if not mistakes and "conversations" in state and demo:
        first, *others = demo["businesses"]
        first = first | {"clients": [*first["clients"]], "conversations": state["conversations"]}
        state = state | {"businesses": [first, *others]}
        _complete(first)
        mistakes += _check_business(first, "")
    elif not mistakes:
        for index, business in enumerate(state["businesses"]):
            _complete(business)
            mistakes += _check_business(business, f"businesses[{index}].")
    if mistakes:
        raise _error_of({path: [message] for path, message in mistakes})
    return state


def _error_of(messages: dict[str, list[str]]) -> ValidationError:
    """Return the error that has the first of the messages, by the paths of their fields."""
    return ValidationError(dict(islice(messages.items(), MOST_MISTAKES)))


def is_on_clock(time: datetime) -> bool:
    """Say whether a clock may show a time."""
    return FIRST_YEAR <= time.year <= LAST_YEAR


def check_clock(time: datetime, field: str) -> None:
    """Raise ValidationError for a time that a clock may not show."""
    if not is_on_clock(time):
        raise ValidationError({field: [OUT_OF_RANGE]})


def fixed_uid(*parts: str) -> str:
    """Return a uid that is always the same for the same thing."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _find_mistakes(state: Row, *, is_short_allowed: bool) -> Iterator[Mistake]:
    """Yield what is wrong with the businesses of a state, and between them."""
    if now := state.get("now"):
        if now.absolute is None:
            yield "now", "It must be an absolute time: it is what other times are relative to."
        elif not is_on_clock(now.absolute):
            yield "now", OUT_OF_RANGE
    if "conversations" in state:
        if "businesses" in state or not is_short_allowed:
            yield "conversations", 'Put them inside a business, or send "conversations" alone.'
        yield from _find_twins(state["conversations"], "conversations")
        return
    if "businesses" not in state:
        yield "businesses", 'Send "businesses", or "conversations" alone.'
        return
    yield from _find_twins(state["businesses"], "businesses")
    tokens: set[str] = set()
    for index, business in enumerate(state["businesses"]):
        path = f"businesses[{index}]."
        for name in ("staff", "clients", "conversations"):
            yield from _find_twins(business[name], f"{path}{name}")
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


def _find_twins(items: Iterable[Row], path: str) -> Iterator[Mistake]:
    """Yield the uids that an earlier item has, too."""
    known: set[str] = set()
    for index, each in enumerate(items):
        if each["uid"] in known:
            yield f"{path}[{index}].uid", "Another one has this uid."
        known.add(each["uid"])


def _check_business(business: Row, path: str) -> Iterator[Mistake]:
    """Yield the uids of a business that lead nowhere, and what else breaks its rules."""
    staff = [each["uid"] for each in business["staff"]]
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
            if message["sender"] not in (CLIENT, *staff):
                yield f"{there}.from", f'It must be "{CLIENT}" or the uid of a staff member.'
            elif message["internal"] and message["sender"] == CLIENT:
                yield f"{there}.from", "An internal message must come from a staff member."


def _check_collaborators(
    collaborators: list[Row], staff: list[str], path: str
) -> Iterator[Mistake]:
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


def _complete(business: Row) -> None:
    """Add to a business what its conversations leave out: clients, staff and uids of messages."""
    first_staff_uid = next((each["uid"] for each in business["staff"]), None)
    uids = {client["uid"] for client in business["clients"]}
    by_name: dict[str, str] = {}
    for client in business["clients"]:
        by_name.setdefault(display_name(client), client["uid"])
    for each in business["conversations"]:
        each.setdefault("staff", first_staff_uid)
        for number, message in enumerate(each["messages"]):
            message.setdefault("uid", fixed_uid("message", each["uid"], str(number)))
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
    uid = fixed_uid("client", business_uid, name)
    fields = {"uid": uid, "first_name": first_name, "last_name": last_name.strip(), "email": ""}
    client: Row = ClientState().load(fields)
    return client
