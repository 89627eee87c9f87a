"""The follow-up branch: what PUT does to the calling staff's reminder on one conversation.

| `follow_up` | `archived`      | state now                | what happens           |
|-------------|-----------------|--------------------------|------------------------|
| absent      | any             | any                      | nothing                |
| `true`      | absent, `false` | none, removed, completed | create                 |
| `true`      | absent, `false` | active                   | update                 |
| `true`      | `true`          | any                      | remove                 |
| `false`     | any             | active                   | remove                 |
| `false`     | any             | none, removed, completed | nothing                |

The vendor's reference has the table; where it is silent, the README's decisions say why.
"""

from marshmallow import ValidationError

from conversations.staff_conversation import Changes, Thread
from models import Business, Collaborator, FollowUpState
from ruby_time import parse_time


def read_date(changes: Changes, business: Business) -> Changes:
    """Return the changes with `follow_up_date` as the time it means, where it will be used.

    Raises marshmallow.ValidationError for a text that is no time (`ruby_time`), for a time that
    the business's zone can't hold, and for one that isn't after the business's now.
    """
    text = changes.get("follow_up_date")
    if text is None or not _sets_follow_up(changes):
        return changes
    now = business.now()
    try:
        date = parse_time(text, now)
        date.astimezone(business.zone)
    except (ValueError, OverflowError):
        raise ValidationError({"follow_up_date": ["Invalid time."]}) from None
    if date <= now:
        raise ValidationError({"follow_up_date": ["Time has already passed."]})
    return changes | {"follow_up_date": date}


def change_follow_up(thread: Thread, changes: Changes) -> None:
    """Create, update or remove the staff's follow-up, as the keys of one request say.

    Call before the other keys are set: whether the conversation was archived matters.
    """
    if "follow_up" not in changes:
        return
    collaborator = thread.collaborator
    if _sets_follow_up(changes):
        if collaborator and collaborator.has_follow_up:
            update(thread, collaborator, changes)
        else:
            create(thread, collaborator or thread.add_collaborator(), changes)
    elif collaborator and (changes["follow_up"] or collaborator.has_follow_up):
        remove(collaborator, completed=changes.get("complete_follow_up", False))


def create(thread: Thread, collaborator: Collaborator, changes: Changes) -> None:
    """Start a follow-up with the date and the message sent, and with no others."""
    collaborator.follow_up_state = FollowUpState.ACTIVE
    collaborator.follow_up_date = changes.get("follow_up_date")
    collaborator.follow_up_message = changes.get("follow_up_message", "")
    thread.conversation.archived = False
    _note_message_without_date(thread, changes)


def update(thread: Thread, collaborator: Collaborator, changes: Changes) -> None:
    """Replace what was sent of an active follow-up; a repeated request is without effect."""
    before = (
        collaborator.follow_up_date,
        collaborator.follow_up_message,
        thread.conversation.archived,
    )
    collaborator.follow_up_date, collaborator.follow_up_message = after = (
        changes.get("follow_up_date", collaborator.follow_up_date),
        changes.get("follow_up_message", collaborator.follow_up_message),
    )
    thread.conversation.archived = False
    if before != (*after, False):
        _note_message_without_date(thread, changes)


def remove(collaborator: Collaborator, *, completed: bool) -> None:
    """Dismiss or complete a follow-up; one that never was, or is completed, stays so."""
    collaborator.follow_up_date = None
    collaborator.follow_up_message = ""
    if collaborator.follow_up_state in (FollowUpState.ACTIVE, FollowUpState.REMOVED):
        collaborator.follow_up_state = (
            FollowUpState.COMPLETED if completed else FollowUpState.REMOVED
        )


def _sets_follow_up(changes: Changes) -> bool:
    """Say whether a follow-up is created or updated, and not removed."""
    return bool(changes.get("follow_up")) and not changes.get("archived")


def _note_message_without_date(thread: Thread, changes: Changes) -> None:
    """Keep a message that was sent without a date as an internal message, too."""
    message = changes.get("follow_up_message")
    if message and changes.get("follow_up_date") is None:
        thread.add_internal_message(message)
