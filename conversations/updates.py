"""The changes of a PUT to a conversation, its client, and the caller's follow-up."""

import sqlalchemy as sa

from conversations.messages import conversation_changes, new_message
from conversations.staff_conversation import NO_COLLABORATOR, StaffConversation
from database.statements import Row, save_row
from followups import Fields, FollowUp, change_follow_up, find_internal_message, sets_follow_up
from models import Client, Collaborator, Conversation, Direction, FollowUpState, Message, new_row

DIRECT_FIELDS = set(Conversation.__table__.columns.keys())  # stored by a field of the same name


def apply_update(
    connection: sa.Connection, found: StaffConversation, sent: Fields
) -> tuple[StaffConversation, list[str]]:
    """Update a conversation; return it, and the changes (`find_changes`)."""
    now = found.caller.now
    follow_up = change_follow_up(found.follow_up, sent)
    text = find_internal_message(
        found.follow_up, follow_up, sent, was_archived=found.conversation["archived"]
    )
    conversation = _with_fields(found, sent)
    client = found.client | ({"spam": sent["spam"]} if "spam" in sent else {})
    collaborator = _with_follow_up(found, follow_up, sent)
    last_message = found.last_message
    if text:
        conversation |= conversation_changes(conversation, Direction.INTERNAL, now)
        last_message = new_message(
            conversation, Direction.INTERNAL, text, now, staff_id=found.caller.staff["id"]
        )
    updated = StaffConversation(
        found.caller, conversation, client, found.staff, collaborator, last_message
    )
    changed = find_changes(found, updated, sent)
    if set(changed) - {"business_unread"}:  # which is no action of the business
        conversation["last_user_action_at"] = now
    if conversation != found.conversation:
        conversation["updated_at"] = now

    save_row(connection, Conversation, found.conversation, conversation)
    save_row(connection, Client, found.client, client)
    if collaborator:
        save_row(connection, Collaborator, found.collaborator, collaborator)
    if text and last_message:
        save_row(connection, Message, None, last_message)
    return updated, changed


def find_changes(before: StaffConversation, after: StaffConversation, sent: Fields) -> list[str]:
    """Return the names of the changed fields, and `message` for a new message."""
    old, new = _read_fields(before, sent), _read_fields(after, sent)
    changed = [name for name in new if new[name] != old[name]]
    if "complete_follow_up" in changed and not new["complete_follow_up"]:
        changed.remove("complete_follow_up")  # a new one was created
    return changed


def _read_fields(found: StaffConversation, sent: Fields) -> Row:
    conversation, mine = found.conversation, found.collaborator or NO_COLLABORATOR
    stored = {name: conversation[name] for name in ("archived", *sent) if name in DIRECT_FIELDS}
    return stored | {
        "business_unread": (conversation["business_unread"], mine["unread"]),
        "spam": (conversation["spam"], found.client["spam"]),
        "deleted": conversation["deleted_at"],
        "follow_up": mine["follow_up_state"] is FollowUpState.ACTIVE,
        "follow_up_date": mine["follow_up_date"],
        "follow_up_message": mine["follow_up_message"],
        "complete_follow_up": mine["follow_up_state"] is FollowUpState.COMPLETED,
        "message": found.last_message,
    }


def _with_fields(found: StaffConversation, sent: Fields) -> Row:
    """Return the conversation with the fields sent, unarchived if a follow-up is set."""
    direct = {name: value for name, value in sent.items() if name in DIRECT_FIELDS}
    conversation = found.conversation | direct
    if sets_follow_up(sent):
        conversation["archived"] = False
    if "deleted" in sent:
        first_deleted_at = found.conversation["deleted_at"] or found.caller.now
        conversation["deleted_at"] = first_deleted_at if sent["deleted"] else None
    return conversation


def _with_follow_up(found: StaffConversation, follow_up: FollowUp, sent: Fields) -> Row | None:
    """Return the caller's row with a follow-up, or None if there was and is none."""
    if found.collaborator is None and follow_up == found.follow_up:
        return None
    keys = {"conversation_id": found.conversation["id"], "staff_id": found.caller.staff["id"]}
    row = (found.collaborator or new_row(Collaborator, **keys)) | {
        "follow_up_state": follow_up.state,
        "follow_up_date": follow_up.date,
        "follow_up_message": follow_up.message,
    }
    return row | ({"unread": sent["business_unread"]} if "business_unread" in sent else {})
