"""For random events and restarts: no page is sent twice, and every incident is opened and closed once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.dispatch.page import Page
from tests.dispatch.paging_story import DAY, DEFAULT, PagingStory

QUIET = replace(DEFAULT, heartbeat_within=None, flood_pages={})
GUARDED = replace(QUIET, flood_pages={"doctor": 3})
NAMES = ("A", "B", "C")
PRIORITIES = ("low", "medium", "high")

EVENTS = st.one_of(
    st.tuples(st.just("version"), st.sampled_from(NAMES), st.sampled_from(PRIORITIES), st.integers(1, 4)),
    st.tuples(st.just("ack"), st.sampled_from(NAMES)),
    st.tuples(st.just("snooze"), st.sampled_from(NAMES)),
    st.tuples(st.just("resolve"), st.sampled_from(NAMES)),
    st.tuples(st.just("repeat"), st.sampled_from(NAMES)),
    st.tuples(st.just("wait"), st.integers(1, 400)),
    st.tuples(st.just("dead"), st.sampled_from(("doctor", "senior", "desk"))),
    st.tuples(st.just("back"), st.sampled_from(("doctor", "senior", "desk"))),
)
STORIES = st.lists(st.tuples(EVENTS, st.booleans()), max_size=40)
Story = list[tuple[tuple[object, ...], bool]]


class RecordedStory(PagingStory):
    """Keeps every page that a destination accepted, in order."""

    accepted: list[Page]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.accepted = []

    def _deliver(self) -> None:
        for page in list(self.queue):
            if page in self.queue and page.destination not in self.dead:
                self.queue.remove(page)
                self.accepted.append(page)
                self.execute(self.paging.page_ended(page, "accepted", self.at))


def happens(state: RecordedStory, event: tuple[object, ...]) -> None:
    """One event, if it is possible now: an alert that is over stays over."""
    match event:
        case ("wait", int(seconds)):
            for _ in range(seconds // 10 + 1):
                state.at += timedelta(seconds=10)
                state.execute(state.paging.ticked(state.at))
        case ("dead" | "back", str(name)):
            state.happens([str(event[0]), name])
        case ("version", str(name), str(priority), int(grade)):
            known = state.latest.get(name)
            if known is None or not known.alert.over:
                state.happens(["raise" if known is None else "update", name, priority, "grade", str(grade)])
        case (str(what), str(name)):
            known = state.latest.get(name)
            if known is not None and (what == "repeat" or not known.alert.over):
                state.happens([what, name, *(["until", in_20_minutes(state.at)] if what == "snooze" else [])])


def in_20_minutes(at: datetime) -> str:
    """The time in the form that stories use."""
    since = at + timedelta(minutes=20) - DAY
    minutes, seconds = divmod(since.seconds, 60)
    return f"{since.days}d{minutes // 60}:{minutes % 60}:{seconds}"


def played(story: Story, *, restarts: bool, guarded: bool = False) -> RecordedStory:
    """The state after the story, when all destinations accept again and every alert is resolved."""
    state = RecordedStory(GUARDED if guarded else QUIET)
    for event, restart in story:
        happens(state, event)
        if restart and restarts:
            state.restart()
    for name in ("doctor", "senior", "desk"):
        state.happens(["back", name])
    for name in NAMES:
        happens(state, ("resolve", name))
    happens(state, ("wait", 1400))
    return state


def of_patients(state: RecordedStory) -> list[tuple[str, str, str, int, str]]:
    """Pages about patients, each once: destination, act, key, version, cause."""
    pages = dict.fromkeys(
        (p.destination, p.act, p.key, p.alert.version, p.cause) for p in state.accepted if p.key[0] in "ABC"
    )
    return list(pages)


@given(STORIES)
@settings(max_examples=300)
def test_restarts_change_no_page(story: Story) -> None:
    assert sorted(of_patients(played(story, restarts=True))) == sorted(of_patients(played(story, restarts=False)))


@given(STORIES)
@settings(max_examples=300)
def test_every_incident_opens_once_ends_once_and_nothing_follows_its_end(story: Story) -> None:
    state = played(story, restarts=True)
    assert state.queue == []
    assert state.paging.cases == {}
    by_incident: dict[tuple[str, str], list[str]] = {}
    for destination, act, key, *_ in of_patients(state):
        by_incident.setdefault((destination, key), []).append(act)
    for acts in by_incident.values():
        counts = Counter(acts)
        assert (counts["open"], counts["close"]) == (1, 1)
        assert (acts[0], acts[-1]) == ("open", "close")


@given(STORIES)
@settings(max_examples=300)
def test_versions_of_an_alert_arrive_in_order_at_every_destination(story: Story) -> None:
    latest: dict[tuple[str, str], int] = {}
    for destination, _, key, version, _ in of_patients(played(story, restarts=True)):
        alert = (destination, key.partition(":")[0])
        assert version >= latest.get(alert, 0)
        latest[alert] = version


@given(STORIES)
@settings(max_examples=200)
def test_the_flood_guard_holds_nothing_back_that_is_high_and_releases_everything(story: Story) -> None:
    state = played(story, restarts=True, guarded=True)
    free = played(story, restarts=True)
    high = {(p.destination, p.key, p.cause) for p in free.accepted if p.act == "open" and p.level == "high"}
    sent = {(p.destination, p.cause) for p in state.accepted if p.act == "open" and p.level == "high"}
    assert {(destination, cause) for destination, _, cause in high} == sent
    assert state.paging.cases == {}
    assert all(not flood.held for flood in state.paging.pages.flood_guards.values())
