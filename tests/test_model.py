"""Random requests of several staff members, against a model of the rules.

MODEL_EXAMPLES in the environment sets how many sequences of requests are tried, and makes them new
ones each time; without it they are few and always the same.
"""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta
from operator import or_
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from support import model as rules
from support.apps import Caller, open_app
from support.constants import ARCHIVED, FOLLOWED, MERGED_TWICE, NEIGHBOURS, NOW, SHARED, STAFF, UID
from support.databases import ENGINE
from support.differences import check_same
from support.stored import Stored

EXAMPLES = os.environ.get("MODEL_EXAMPLES")
FEW_AND_MANY = [int(EXAMPLES)] if EXAMPLES else [15, pytest.param(100, marks=pytest.mark.long)]

Fields = rules.Fields
Place = tuple[str, str]  # a token and a uid
SIBLING = "sibling000000001"  # with the same client as UID
TARGETS = {uid: uid for uid in (UID, SIBLING, FOLLOWED, SHARED, NEIGHBOURS, ARCHIVED)}
TARGETS[MERGED_TWICE] = UID

# The requests

SECONDS = (1, 2, 60, 3_600, 86_400, 10**8, 0, -1)
FORMS = st.sampled_from(  # of a date, with the hours that it is ahead of UTC
    [("%Y-%m-%dT%H:%M:%SZ", 0), ("%Y-%m-%d %H:%M:%S", 0), ("%a %b %d %Y %H:%M:%S GMT+0300", 3)]
)
FLAG = st.sampled_from([True, False, 1, 0, "1", "0", "true", "false", "TRUE", "False"])
TEXT = st.sampled_from([None, "", "x", "y", "é" * 255])
DATE = st.sampled_from([timedelta(seconds=s) for s in SECONDS] + [None, None, None, "soon"])
FOLLOW_UP_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("archived", "business_unread", "complete_follow_up"), FLAG),
    "follow_up_date": DATE,
    "follow_up_message": st.sampled_from(["call", "ring", "", None]),
}
OTHER_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("spam", "deleted", "mobile", "follow_up"), FLAG),
    **dict.fromkeys(("campaign", "source_type", "unknown"), TEXT),
}
COMMON = st.sampled_from(
    [{"follow_up": True} | more for more in ({}, {"follow_up_message": "call"}, {"archived": True})]
    + [{"follow_up": False, "complete_follow_up": True}, {"archived": True}]
)
BODIES = st.one_of(
    COMMON,
    st.builds(or_, COMMON, st.fixed_dictionaries({}, optional=FOLLOW_UP_FIELDS)),
    st.fixed_dictionaries({}, optional=FOLLOW_UP_FIELDS | OTHER_FIELDS),
)
PLACES = [(token, uid) for token in STAFF for uid in TARGETS]
OPEN_PLACES = [(token, uid) for token, uid in PLACES if not rules.find_closed(token, TARGETS[uid])]
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
        self.stored.copy_conversation(UID, SIBLING)
        app = self.resources.enter_context(open_app(self.stored.path, TESTING=True))
        self.callers = {token: Caller(app, token) for token in STAFF}
        self.now = NOW
        self.last_place = OPEN_PLACES[0]
        self.sent: list[tuple[Place, Fields, Fields]] = []
        self.model = {uid: self.read_seed(uid) for uid in TARGETS if TARGETS[uid] == uid}
        self.model[SIBLING].client = self.model[UID].client
        shown = self.get("demo-owner", FOLLOWED).json
        date = datetime.fromisoformat(shown["follow_up_date"])
        current = rules.FollowUp("active", date, shown["follow_up_message"])
        self.model[FOLLOWED].follow_ups["demo-owner"] = current
        self.model[SHARED].follow_ups["demo-assigned"] = rules.FollowUp()

    def read_seed(self, uid: str) -> rules.Conversation:
        """Return the model of a conversation as it is at first."""
        token = "demo-neighbour" if uid == NEIGHBOURS else "demo-owner"
        shown = self.stored.conversation(uid) | rules.flatten(self.get(token, uid).json)
        fields = {name: shown[name] for name in (*rules.SHOWN, "campaign", "mobile")}
        return rules.Conversation({"spam": shown["client_spam"]}, fields)

    def get(self, token: str, uid: str) -> Any:
        return self.callers[token].get(f"/v2/conversations/{uid}?full_client=true")

    @initialize(ends=st.sampled_from([None, False, True]))
    def begin_with_a_follow_up_that_ended(self, ends: bool | None) -> None:
        for sent in ({"follow_up": True}, {"follow_up": False, "complete_follow_up": ends}):
            if ends is not None:
                self.send(self.last_place, sent, sent, timedelta())

    @rule(
        place=st.one_of(st.none(), st.sampled_from(OPEN_PLACES * 3 + PLACES)),
        body=BODIES,
        form=FORMS,
        pause=PAUSES,
        again=st.sampled_from([0, 0, 0, 1, 2]),
    )
    def put(
        self, place: Place | None, body: Fields, form: tuple[str, int], pause: timedelta, again: int
    ) -> None:
        """Send a body, by default where the last went, or send again what was sent before."""
        if 0 < again <= len(self.sent):
            return self.send(*self.sent[-again], pause)
        meant = sent = body
        if isinstance(after := body.get("follow_up_date"), timedelta):
            date = self.now + pause + after
            meant = body | {"follow_up_date": date}
            sent = body | {"follow_up_date": f"{date + timedelta(hours=form[1]):{form[0]}}"}
        self.send(place or self.last_place, meant, sent, pause)

    def send(self, place: Place, meant: Fields, sent: Fields, pause: timedelta) -> None:
        """Advance the clock, send a body, and apply it to the model."""
        self.now += pause
        self.sent.append((place, meant, sent))
        self.last_place = token, uid = place
        self.stored.freeze(f"{self.now:%Y-%m-%d %H:%M:%S}")
        response = self.callers[token].put(f"{uid}?full_client=1", sent)
        is_wrong = rules.has_wrong_date(meant, self.now)
        expected = rules.find_closed(token, TARGETS[uid]) or (422 if is_wrong else 200)
        assert response.status_code == expected
        if expected == 200:
            self.model[TARGETS[uid]].put(token, meant, self.now)
            self.check(token, uid, response)

    def check(self, token: str, uid: str, response: Any) -> None:
        """Compare a response with the model."""
        expected = {"uid": TARGETS[uid]} | self.model[TARGETS[uid]].view(token)
        assert response.status_code == 200
        shown = rules.flatten(response.json)
        check_same({name: shown[name] for name in expected}, expected, f"{token} {uid}")

    def check_all(self, uids: Iterable[str]) -> None:
        """Compare what each staff member is shown with the model."""
        for token, uid in PLACES:
            if uid in uids:
                response = self.get(token, uid)
                if status := rules.find_closed(token, TARGETS[uid]):
                    assert response.status_code == status
                else:
                    self.check(token, uid, response)

    @invariant()
    def each_staff_member_is_shown_what_the_model_has(self) -> None:
        self.check_all({TARGETS[self.last_place[1]], SIBLING})

    @invariant()
    def all_rows_are_what_the_model_has(self) -> None:
        rows = self.stored.rows("SELECT uid, campaign, mobile FROM conversation")
        for uid, conversation in self.model.items():
            fields = {name: conversation.fields[name] for name in ("campaign", "mobile")}
            assert {"uid": uid} | fields in rows
        rows = self.stored.rows(
            """SELECT conversation.uid, full_name, follow_up_state, follow_up_message, unread,
                   follow_up_date IS NOT NULL AS has_date
               FROM collaborator JOIN conversation ON conversation.id = conversation_id
               JOIN staff ON staff.id = collaborator.staff_id"""
        )
        assert {tuple(row.values()) for row in rows if row["uid"] in self.model} == {
            (uid, STAFF[token], mine.state, mine.message, mine.unread, mine.date is not None)
            for uid, conversation in self.model.items()
            for token, mine in conversation.follow_ups.items()
        }

    def teardown(self) -> None:
        with self.resources:
            self.check_all(TARGETS)


@pytest.mark.parametrize("examples", FEW_AND_MANY)
def test_every_staff_member_sees_the_state_of_the_model(
    seeded_database: Path, tmp_path: Path, examples: int
) -> None:
    class RequestsHere(Requests):
        def __init__(self) -> None:
            super().__init__(seeded_database, tmp_path)

    run_machine(
        RequestsHere,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            derandomize=EXAMPLES is None,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
