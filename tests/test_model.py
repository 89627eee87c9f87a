"""Random requests of several staff, against a model of the rules.

MODEL_EXAMPLES in the environment sets how many sequences of requests are tried, and makes them new
ones each time; without it they are few and always the same.
"""

import os
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import or_
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from conftest import NOW, Caller, Stored, open_app
from databases import ENGINE

Keys = dict[str, Any]
Place = tuple[str, str]  # a token and a uid

STAFF = {
    "demo-owner": "Ram Almog",
    "demo-colleague": "Noa Levi",
    "demo-assigned": "Tom Peretz",
    "demo-neighbour": "Dana Rimon",
}
UID = "89m2pnabgozdvd9f"
FOLLOWED = "followup00000001"  # by the owner
SHARED = "shared0000000001"  # with Tom Peretz, who has no follow-up there
NEIGHBOURS = "neighbour0000001"
TARGETS = {uid: uid for uid in (UID, FOLLOWED, SHARED, NEIGHBOURS, "archived00000001")} | {
    "merged0000000002": UID,
    "sibling000000001": "sibling000000001",  # with the same client as the first
}

# The model: a body's date is the time that it means here, or a text that means none.

FLAGS = {"true": True, "1": True, "false": False, "0": False}
OWN_FLAGS = ("archived", "spam", "deleted", "mobile")
FLAG_KEYS = {*OWN_FLAGS, "business_unread", "follow_up", "complete_follow_up"}
SHOWN_AS_THEY_ARE = ("message_count", "last_text", "last_user_action_at", "business_unread")
LIMITS = {"campaign": 255, "source_type": 255, "follow_up_message": 10_000}


@dataclass
class Collaborator:
    state: str = "none"
    date: datetime | None = None
    message: str = ""
    unread: bool = False


@dataclass
class Conversation:
    client: dict[str, bool]
    flags: dict[str, bool]
    texts: dict[str, str | None]
    message_count: int
    last_text: str | None
    last_user_action_at: str | None
    business_unread: bool
    collaborators: dict[str, Collaborator] = field(default_factory=dict)

    def put(self, token: str, keys: Keys, now: datetime) -> None:
        """Do what a right request does."""
        before = deepcopy(self)
        flags = {key: FLAGS[str(keys[key]).lower()] for key in keys if key in FLAG_KEYS}
        self.put_follow_up(token, keys, flags)
        self.flags |= {key: flags[key] for key in OWN_FLAGS if key in flags}
        self.client["spam"] = flags.get("spam", self.client["spam"])
        self.texts |= {key: keys[key] for key in self.texts if key in keys}
        if self != before:
            self.last_user_action_at = show(now)
        if "business_unread" in flags:
            self.business_unread = flags["business_unread"]
            if token in self.collaborators:
                self.collaborators[token].unread = flags["business_unread"]

    def put_follow_up(self, token: str, keys: Keys, flags: dict[str, bool]) -> None:
        """Go through the follow-up branch: the table, row by row."""
        mine = self.collaborators.get(token, Collaborator())
        before = (mine.date, mine.message, self.flags["archived"])
        match flags.get("follow_up"), flags.get("archived", False), mine.state:
            case (None, _, _) | (False, _, "none" | "removed" | "completed"):
                return
            case (True, True, "none" | "completed"):
                return
            case (True, True, _) | (False, _, _):
                state = "completed" if flags.get("complete_follow_up") else "removed"
                self.collaborators[token] = Collaborator(state, unread=mine.unread)
                return
            case (True, False, "none" | "removed" | "completed"):
                mine.date, mine.message = None, ""
                is_new = True
            case _:
                is_new = False
        mine.state = "active"
        mine.date = keys.get("follow_up_date", mine.date)
        mine.message = keys.get("follow_up_message", mine.message) or ""
        self.collaborators[token] = mine
        self.flags["archived"] = False
        is_repeated = before == (mine.date, mine.message, False) and not is_new
        if keys.get("follow_up_message") and not keys.get("follow_up_date") and not is_repeated:
            self.message_count += 1
            self.last_text = mine.message

    def view(self, token: str) -> Keys:
        """Return what a staff is shown, as far as it is modelled."""
        mine = self.collaborators.get(token, Collaborator())
        is_active = mine.state == "active"
        return {
            "follow_up": is_active,
            "follow_up_date": show(mine.date) if is_active and mine.date else None,
            "follow_up_message": mine.message if is_active else "",
            **{key: self.flags[key] for key in ("archived", "spam", "deleted")},
            **{key: getattr(self, key) for key in SHOWN_AS_THEY_ARE},
            "client_spam": self.client["spam"],
            "source_type": self.texts["source_type"],
        }


def find_refusal(token: str, uid: str) -> int | None:
    """Return the status that keeps a staff from a conversation, if there is one."""
    if (uid == NEIGHBOURS) != (token == "demo-neighbour"):
        return 404
    return 403 if token == "demo-assigned" and uid != SHARED else None


def find_faults(keys: Keys, now: datetime) -> set[str]:
    """Return the keys whose values are wrong."""
    faults = {key for key in keys if key in FLAG_KEYS and str(keys[key]).lower() not in FLAGS}
    for key, limit in LIMITS.items():
        value = "" if keys.get(key) is None else keys[key]
        if not isinstance(value, str) or len(value) > limit or "\0" in value:
            faults.add(key)
    date = keys.get("follow_up_date")
    if not isinstance(date, str | datetime | None):
        faults.add("follow_up_date")
    if faults or date is None or (isinstance(date, datetime) and date > now):
        return faults
    starts, archives = (FLAGS[str(keys.get(key, 0)).lower()] for key in ("follow_up", "archived"))
    return {"follow_up_date"} if starts and not archives else set()


def show(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


UTC_FORMS = [("%Y-%m-%dT%H:%M:%SZ", 0), ("%Y-%m-%d %H:%M:%S", 0)]
FORMS = st.sampled_from([*UTC_FORMS, ("%a %b %d %Y %H:%M:%S GMT+0300", 3)])  # with the hours ahead
BOOLEANS = st.sampled_from([True, False, 1, 0, "1", "0", "true", "false", "TRUE", "False"])
TEXTS = st.sampled_from([None, "", "x", "y", "é" * 255])
DATES = st.sampled_from(
    [timedelta(seconds=seconds) for seconds in (1, 2, 60, 3_600, 86_400, 10**8, 0, -1)]
    + [None, None, None, "soon"]
)
FOLLOW_UP_KEYS = {
    "archived": BOOLEANS,
    "business_unread": BOOLEANS,
    "complete_follow_up": BOOLEANS,
    "follow_up_date": DATES,
    "follow_up_message": st.sampled_from(["call", "ring", "", None]),
}
OTHER_KEYS = {"campaign": TEXTS, "source_type": TEXTS, "unknown": TEXTS} | {
    key: BOOLEANS for key in ("spam", "deleted", "mobile", "follow_up")
}
FLAG_MISTAKES: tuple[Any, ...] = (None, 1.0, 2, "yes", [])
TEXT_MISTAKES: tuple[Any, ...] = (1, False, {}, "a\0b", "x" * 256)
MISTAKES: list[Keys] = [
    *({key: value} for key in sorted(FLAG_KEYS) for value in FLAG_MISTAKES),
    *({key: value} for key in (*LIMITS, "follow_up_date") for value in TEXT_MISTAKES),
]
FEW_MISTAKES = st.sampled_from([{}] * 400 + MISTAKES)
COMMON_BODIES = st.sampled_from(
    [{"follow_up": True} | more for more in ({}, {"follow_up_message": "call"}, {"archived": True})]
    + [{"follow_up": False, "complete_follow_up": True}, {"archived": True}]
)
BODIES = st.one_of(
    COMMON_BODIES,
    st.builds(or_, COMMON_BODIES, st.fixed_dictionaries({}, optional=FOLLOW_UP_KEYS)),
    st.fixed_dictionaries({}, optional=FOLLOW_UP_KEYS | OTHER_KEYS),
)
PLACES = [(token, uid) for token in STAFF for uid in TARGETS]
OPEN_PLACES = [(token, uid) for token, uid in PLACES if not find_refusal(token, TARGETS[uid])]
PAUSES = st.sampled_from([timedelta(seconds=seconds) for seconds in (0, 1, 3_600, 86_400, 10**7)])


class Requests(RuleBasedStateMachine):
    """The server and the model, told the same."""

    def __init__(self, seeded_database: Path, directory: Path) -> None:
        super().__init__()
        self.resources = ExitStack()
        path = Path(self.resources.enter_context(TemporaryDirectory(dir=directory)))
        self.stored = Stored(path / "conversations.db")
        ENGINE.copy(seeded_database, self.stored.path)
        self.resources.callback(ENGINE.drop, self.stored.path)
        self.stored.copy_conversation(UID, "sibling000000001")
        app = self.resources.enter_context(open_app(self.stored.path, TESTING=True))
        self.callers = {token: Caller(app, token) for token in STAFF}
        self.now = NOW
        self.last_place = OPEN_PLACES[0]
        self.sent: list[tuple[Place, Keys, Keys]] = []
        self.model = self.read_seeds()

    def read_seeds(self) -> dict[str, Conversation]:
        """Return the model of what is stored at first."""
        model = {}
        clients: dict[str, dict[str, bool]] = {}
        for uid in set(TARGETS.values()):
            token = "demo-neighbour" if uid == NEIGHBOURS else "demo-owner"
            [row] = self.stored.rows("SELECT campaign, mobile FROM conversation WHERE uid = ?", uid)
            shown = flatten(self.get(token, uid).json) | row
            model[uid] = Conversation(
                clients.setdefault(shown["client"]["uid"], {"spam": shown["client_spam"]}),
                {key: shown[key] for key in OWN_FLAGS},
                {key: shown[key] for key in ("campaign", "source_type")},
                *(shown[key] for key in SHOWN_AS_THEY_ARE),
            )
        shown = self.get("demo-owner", FOLLOWED).json
        model[FOLLOWED].collaborators["demo-owner"] = Collaborator(
            "active", datetime.fromisoformat(shown["follow_up_date"]), shown["follow_up_message"]
        )
        model[SHARED].collaborators["demo-assigned"] = Collaborator()
        return model

    def get(self, token: str, uid: str) -> Any:
        return self.callers[token].get(f"/v2/conversations/{uid}?full_client=true")

    @initialize(ends=st.sampled_from([None, False, True]))
    def begin_with_a_follow_up_that_ended(self, ends: bool | None) -> None:
        for keys in ({"follow_up": True}, {"follow_up": False, "complete_follow_up": ends}):
            if ends is not None:
                self.send(self.last_place, keys, keys, timedelta())

    @rule(
        place=st.one_of(st.none(), st.sampled_from(OPEN_PLACES * 3 + PLACES)),
        body=st.builds(or_, BODIES, FEW_MISTAKES),
        form=FORMS,
        pause=PAUSES,
        again=st.sampled_from([0, 0, 0, 0, 1, 2]),
    )
    def put(
        self, place: Place | None, body: Keys, form: tuple[str, int], pause: timedelta, again: int
    ) -> None:
        """Send a body, by default where the last went, or send again what was sent before."""
        if 0 < again <= len(self.sent):
            return self.send(*self.sent[-again], pause)
        keys = sent = body
        if isinstance(after := body.get("follow_up_date"), timedelta):
            date = self.now + pause + after
            keys = body | {"follow_up_date": date}
            sent = body | {"follow_up_date": f"{date + timedelta(hours=form[1]):{form[0]}}"}
        self.send(place or self.last_place, keys, sent, pause)

    def send(self, place: Place, keys: Keys, sent: Keys, pause: timedelta) -> None:
        """Let the clock move; send a body, and tell it the model."""
        self.now += pause
        self.sent.append((place, keys, sent))
        self.last_place = token, uid = place
        self.stored.rows("UPDATE business SET frozen_at = ?", f"{self.now:%Y-%m-%d %H:%M:%S.%f}")
        answer = self.callers[token].put(f"{uid}?full_client=1", sent)
        refusal = find_refusal(token, TARGETS[uid])
        faults = find_faults(keys, self.now)
        assert answer.status_code == (refusal or (422 if faults else 200))
        if answer.status_code == 200:
            self.model[TARGETS[uid]].put(token, keys, self.now)
            self.check(token, uid, answer)
        elif answer.status_code == 422:
            assert {error["field"] for error in answer.json["errors"]} == faults

    def check(self, token: str, uid: str, answer: Any) -> None:
        """Compare an answer with the model."""
        expected = {"uid": TARGETS[uid]} | self.model[TARGETS[uid]].view(token)
        assert answer.status_code == 200
        shown = flatten(answer.json)
        assert {key: shown[key] for key in expected} == expected

    @invariant()
    def each_staff_is_shown_what_the_model_has(self) -> None:
        for token, uid in OPEN_PLACES:
            self.check(token, uid, self.get(token, uid))

    @invariant()
    def each_staff_is_refused_what_is_closed(self) -> None:
        _, uid = self.last_place
        for token in STAFF:
            if refusal := find_refusal(token, TARGETS[uid]):
                assert self.get(token, uid).status_code == refusal

    @invariant()
    def what_is_not_shown_is_stored(self) -> None:
        for row in self.stored.rows("SELECT uid, campaign, mobile FROM conversation"):
            if model := self.model.get(row["uid"]):
                assert row["campaign"] == model.texts["campaign"]
                assert row["mobile"] == model.flags["mobile"]
        rows = self.stored.rows(
            """SELECT conversation.uid, full_name, follow_up_state, follow_up_message, unread,
                   follow_up_date IS NOT NULL AS has_date
               FROM collaborator JOIN conversation ON conversation.id = conversation_id
               JOIN staff ON staff.id = collaborator.staff_id"""
        )
        assert {tuple(row.values()) for row in rows if row["uid"] in self.model} == {
            (uid, STAFF[token], mine.state, mine.message, mine.unread, mine.date is not None)
            for uid, conversation in self.model.items()
            for token, mine in conversation.collaborators.items()
        }

    def teardown(self) -> None:
        self.resources.close()


def flatten(shown: Keys) -> Keys:
    """Return an answer with what is modelled of its inner objects under keys of their own."""
    last_message = shown["last_message"] or {"text": None}
    return shown | {"last_text": last_message["text"], "client_spam": shown["client"]["spam"]}


def test_every_staff_sees_what_the_model_says(seeded_database: Path, tmp_path: Path) -> None:
    examples = os.environ.get("MODEL_EXAMPLES")

    class RequestsHere(Requests):
        def __init__(self) -> None:
            super().__init__(seeded_database, tmp_path)

    run_state_machine_as_test(
        RequestsHere,
        settings=settings(
            max_examples=int(examples or 25),
            stateful_step_count=30,
            derandomize=examples is None,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
