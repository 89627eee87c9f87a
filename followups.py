"""The follow-up rule: what a PUT does to the calling staff member's follow-up on a conversation.

| `follow_up` | `archived`        | the follow-up now        | what happens |
|-------------|-------------------|--------------------------|--------------|
| absent      | any               | any                      | nothing      |
| `true`      | absent or `false` | none, removed, completed | create       |
| `true`      | absent or `false` | active                   | update       |
| `true`      | `true`            | any                      | remove       |
| `false`     | any               | active                   | remove       |
| `false`     | any               | none, removed, completed | nothing      |

The table is vcita's; `docs/rules.md` explains how we read its open questions.
A staff member who does not collaborate on the conversation has a follow-up in the state none.
"""

from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, NamedTuple

from marshmallow import ValidationError

from models import FollowUpState
from ruby_time.times import parse_time

Fields = dict[str, Any]  # the loaded fields of a request by name


class FollowUp(NamedTuple):
    """A staff member's reminder on one conversation."""

    state: FollowUpState = FollowUpState.NONE
    date: datetime | None = None
    message: str = ""

    @property
    def is_active(self) -> bool:
        """Return True if the follow-up was created and not removed since."""
        return self.state is FollowUpState.ACTIVE


class Action(StrEnum):
    """A value of the table's last column."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"


def choose_action(current: FollowUp, sent: Fields) -> Action:
    """Return the action in the table for the current follow-up and the fields sent."""
    if "follow_up" not in sent:
        return Action.NOTHING
    if sets_follow_up(sent):
        return Action.UPDATE if current.is_active else Action.CREATE
    return Action.REMOVE if sent["follow_up"] or current.is_active else Action.NOTHING


def sets_follow_up(sent: Fields) -> bool:
    """Return True if a request creates or updates a follow-up, which also unarchives."""
    return bool(sent.get("follow_up")) and not sent.get("archived")


def change_follow_up(current: FollowUp, sent: Fields) -> FollowUp:
    """Return the follow-up that results from the current one and the fields sent."""
    match choose_action(current, sent):
        case Action.CREATE:
            return FollowUp(
                FollowUpState.ACTIVE, sent.get("follow_up_date"), sent.get("follow_up_message", "")
            )
        case Action.UPDATE:
            return current._replace(
                date=sent.get("follow_up_date", current.date),
                message=sent.get("follow_up_message", current.message),
            )
        case Action.REMOVE:
            return FollowUp(_state_after_removal(current.state, sent))
    return current


def _state_after_removal(state: FollowUpState, sent: Fields) -> FollowUpState:
    """Return the state after a removal; none and completed do not change."""
    if state in (FollowUpState.NONE, FollowUpState.COMPLETED):
        return state
    return FollowUpState.COMPLETED if sent.get("complete_follow_up") else FollowUpState.REMOVED


def find_internal_message(
    current: FollowUp, result: FollowUp, sent: Fields, *, was_archived: bool
) -> str | None:
    """Return the text of the internal message that a request adds to the conversation, or None.

    A follow-up message without a date is also an internal message, unless it is a repetition.
    """
    if not sets_follow_up(sent) or sent.get("follow_up_date") is not None:
        return None
    is_repeated = result == current and not was_archived
    return None if is_repeated else sent.get("follow_up_message") or None


def find_unused_fields(sent: Fields) -> tuple[str, tuple[str, ...]]:
    """Return a condition for a message, and the follow-up fields that have no effect under it."""
    if "follow_up" not in sent:
        fields = ("follow_up_date", "follow_up_message", "complete_follow_up")
        return 'without "follow_up"', fields
    if sets_follow_up(sent):
        return "when a follow-up is created or updated", ("complete_follow_up",)
    return "when a follow-up is removed", ("follow_up_date", "follow_up_message")


def parse_date(sent: Fields, now: datetime, zone: tzinfo) -> Fields:
    """Return the fields sent, with `follow_up_date` as a UTC time if the request uses it."""
    text = sent.get("follow_up_date")
    if text is None or not sets_follow_up(sent):
        return sent
    try:
        date = parse_time(text, now)
        date.astimezone(zone)
    except (ValueError, OverflowError):
        raise ValidationError({"follow_up_date": ["Invalid time."]}) from None
    if date <= now:
        raise ValidationError({"follow_up_date": ["Time has already passed."]})
    return sent | {"follow_up_date": date}
