"""The rules as a model of what is stored and shown, written apart from the code that has them.

A date in a request is here the time that it means, or a string that means none.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from support.constants import NEIGHBOURS, SHARED

Fields = dict[str, Any]

BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
STORED = ("archived", "spam", "deleted", "mobile", "campaign", "source_type")
FLAGS = {*STORED[:4], "business_unread", "follow_up", "complete_follow_up"}
SHOWN = (
    "archived spam deleted source_type business_unread message_count last_text last_user_action_at"
).split()


@dataclass
class FollowUp:
    state: str = "none"
    date: datetime | None = None
    message: str = ""
    unread: bool = False


@dataclass
class Conversation:
    client: dict[str, bool]  # whether it is spam; shared by the client's conversations
    fields: Fields
    follow_ups: dict[str, FollowUp] = field(default_factory=dict)  # by token

    def put(self, token: str, sent: Fields, now: datetime) -> None:
        """Do what a request without mistakes does."""
        before = deepcopy(self)
        sent = sent | {name: BOOLEANS[str(sent[name]).lower()] for name in sent if name in FLAGS}
        self.put_follow_up(token, sent)
        self.fields |= {name: sent[name] for name in STORED if name in sent}
        self.client["spam"] = sent.get("spam", self.client["spam"])
        if self != before:
            self.fields["last_user_action_at"] = show(now)
        if "business_unread" in sent:
            self.fields["business_unread"] = sent["business_unread"]
            if token in self.follow_ups:
                self.follow_ups[token].unread = sent["business_unread"]

    def put_follow_up(self, token: str, sent: Fields) -> None:
        """Go through the follow-up branch: the table, row by row."""
        mine = self.follow_ups.get(token, FollowUp())
        before = (mine.date, mine.message, self.fields["archived"])
        match sent.get("follow_up"), sent.get("archived", False), mine.state:
            case (None, _, _) | (False, _, "none" | "removed" | "completed"):
                return
            case (True, True, "none" | "completed"):
                return
            case (True, True, _) | (False, _, _):
                state = "completed" if sent.get("complete_follow_up") else "removed"
                self.follow_ups[token] = FollowUp(state, unread=mine.unread)
                return
            case (True, False, "none" | "removed" | "completed"):
                is_new = True
                mine.date, mine.message = None, ""
            case _:
                is_new = False
        mine.state = "active"
        mine.date = sent.get("follow_up_date", mine.date)
        mine.message = sent.get("follow_up_message", mine.message) or ""
        self.follow_ups[token] = mine
        self.fields["archived"] = False
        is_repeated = before == (mine.date, mine.message, False) and not is_new
        if sent.get("follow_up_message") and not sent.get("follow_up_date") and not is_repeated:
            self.fields["message_count"] += 1
            self.fields["last_text"] = mine.message

    def view(self, token: str) -> Fields:
        """Return what a staff member is shown, as far as it is modelled."""
        mine = self.follow_ups.get(token, FollowUp())
        is_active = mine.state == "active"
        return {name: self.fields[name] for name in SHOWN} | {
            "client_spam": self.client["spam"],
            "follow_up": is_active,
            "follow_up_date": show(mine.date) if is_active and mine.date else None,
            "follow_up_message": mine.message if is_active else "",
        }


def find_closed(token: str, uid: str) -> int | None:
    """Return the status that keeps a staff member from a conversation, if one does."""
    if (uid == NEIGHBOURS) != (token == "demo-neighbour"):
        return 404
    return 403 if token == "demo-assigned" and uid != SHARED else None


def has_wrong_date(sent: Fields, now: datetime) -> bool:
    """Return True if a request uses a date that is none, or has passed."""
    date = sent.get("follow_up_date")
    sets, archives = (str(sent.get(name, 0)).lower() for name in ("follow_up", "archived"))
    is_used = BOOLEANS[sets] and not BOOLEANS[archives]
    return bool(date and is_used and (isinstance(date, str) or date <= now))


def show(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def flatten(shown: Fields) -> Fields:
    """Return a response with what is modelled of its inner objects under names of their own."""
    last_message = shown["last_message"] or {"text": None}
    return shown | {"last_text": last_message["text"], "client_spam": shown["client"]["spam"]}
