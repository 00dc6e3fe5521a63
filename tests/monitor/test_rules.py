"""Rules by themselves: for whom they hold, when an alert is new, since when, on what it rests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from monitor.alerts import rules
from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext
from monitor.guidelines.in_force import load
from monitor.model import AlertBook, Context, Course, Episode, Finding, HeldGrade, OpenAlert, Reading, Signal, fresh
from monitor.units import HOUR
from tests.monitor.bed import START

GUIDELINE = load()
OPEN = Episode(1, open=True, onset_at=START, documented=True)


def context(grade: int, reported: int = 0, open_alerts: tuple[OpenAlert, ...] = (), **course: Any) -> RuleContext:
    """A course that came to this grade at START + 1 h; `reported`: the grade that was reported last."""
    held = course.pop("held", HeldGrade(grade, START + HOUR, grade=grade, since=START + HOUR))
    known = Course(at=START + 2 * HOUR, sbp_below=90, map_below=65, grades=(held, held), **{"episode": OPEN} | course)
    state = fresh("p-1")._replace(course=known, alerts=AlertBook(open_alerts, reported_grade=reported))
    return RuleContext(GUIDELINE, state, known, START + 2 * HOUR, (grade, grade))


def only(found: Iterable[Any]) -> AlertCandidate:
    (one,) = found
    assert isinstance(one, AlertCandidate)
    return one


def open_alert(episode: int, kind: Any = "onset") -> OpenAlert:
    return OpenAlert(kind, "", "a1", 1, "raised", "low", "CRS", kind, episode, START, START)


# ---- for whom a rule holds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "episode", "expected"),
    [
        ("admitted", OPEN, [1, 2, 3]),
        ("admitted", Episode(), [2, 3]),
        ("discharged", OPEN, [3]),
        ("died", OPEN, [3]),
    ],
)
def test_after_a_discharge_only_what_holds_always(
    monkeypatch: pytest.MonkeyPatch, status: Any, episode: Episode, expected: list[int]
) -> None:
    table = tuple(
        rules.AlertRule(lambda _, number=number: [RecheckAt(number)], holds)  # type: ignore
        for number, holds in enumerate(("in an episode", "until discharge", "always"), start=1)
    )
    monkeypatch.setattr(rules, "ALERT_RULES", table)
    asked = rules.desired_alerts(context(2, context=Context(status=status), episode=episode))
    assert [one.at for one in asked if isinstance(one, RecheckAt)] == expected


# ---- escalation ------------------------------------------------------------------------------------------------------


def rose_to(grade: int, *, rose: bool = True) -> HeldGrade:
    return HeldGrade(grade, START + HOUR, grade=grade, since=START + HOUR, rose=rose)


@pytest.mark.parametrize(
    ("reported", "held", "is_new"),
    [
        (2, rose_to(3, rose=False), True),  # higher than what was reported
        (3, rose_to(3, rose=False), False),  # it has fallen to it
        (3, rose_to(3), True),  # it has risen to it again
        (3, rose_to(4), False),  # what rose is a grade that is not reported: the signs no longer support it
    ],
)
def test_an_escalation_is_new_when_the_grade_rose(reported: int, held: HeldGrade, is_new: bool) -> None:
    assert only(rules._escalation(context(3, reported, held=held))).raise_if_new is is_new


@pytest.mark.parametrize(("grade", "alerts"), [(1, 0), (2, 1), (4, 1), (5, 0)])
def test_an_escalation_is_of_grade_2_to_4(grade: int, alerts: int) -> None:
    assert len(list(rules._escalation(context(grade)))) == alerts


# ---- masked fever ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tenths", "alerts"), [(379, 1), (380, 0), (381, 0)])
def test_a_patient_who_is_hot_now_is_not_masked(tenths: int, alerts: int) -> None:
    assert GUIDELINE.profile.fever_tenths == 380
    found = rules._masked(context(2, basis="masked", temperature=Reading(tenths, START, "e1")))
    assert len(list(found)) == alerts


def test_masked_signs_that_the_profile_does_not_grade_count_for_the_priority() -> None:
    severe: dict[str, Any] = {"hypotension": Finding(3, START)}
    assert only(rules._masked(context(1, masked_signs_at=START, **severe))).priority == "high"
    assert only(rules._masked(context(1, masked_signs_at=START, hypotension=Finding(2, START)))).priority == "medium"
    assert only(rules._masked(context(2, basis="masked", **severe))).priority == "medium", "graded as 2"


@pytest.mark.parametrize(
    ("grade", "basis", "signs_at", "since"),
    [
        (1, "none", START, START),
        (2, "masked", None, START + HOUR),
        (2, "masked", START, START + HOUR),
    ],
)
def test_a_masked_fever_holds_since_its_signs_or_its_grade(
    grade: int, basis: Any, signs_at: int | None, since: int
) -> None:
    found = context(grade, basis=basis, masked_signs_at=signs_at, hypotension=Finding(2, START))
    assert only(rules._masked(found)).effective_at == since


# ---- review, recovery ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_open", "alerts"), [(True, 1), (False, 0)])
def test_a_reopened_episode_is_reviewed_while_it_is_open(is_open: bool, alerts: int) -> None:
    episode = OPEN._replace(open=is_open, reopened_at=START + HOUR)
    assert len(list(rules._reviews(context(1, episode=episode)))) == alerts


@pytest.mark.parametrize(
    ("alert", "ended"),
    [
        (open_alert(1), True),
        (open_alert(2), False),  # by a late entry the second episode never began
        (open_alert(1, "neuro"), False),
        (None, False),
    ],
)
def test_an_episode_has_ended_only_where_its_onset_stands(alert: OpenAlert | None, ended: bool) -> None:
    closed = Episode(1, open=False, onset_at=START, ended_at=START + 2 * HOUR)
    found = rules.recovery(context(0, open_alerts=() if alert is None else (alert,), episode=closed))
    assert (found is not None) is ended
    if found is not None:
        assert (found.key, found.effective_at) == ("ended", START + 2 * HOUR)


# ---- evidence --------------------------------------------------------------------------------------------------------


def evidence_of_work_up(found: RuleContext) -> list[str | None]:
    steps = [one for one in rules._treatment_steps(found) if isinstance(one, AlertCandidate)]
    return [each.event_id for each in only(one for one in steps if one.rule_id == "step-work-up").evidence()]


def test_a_step_rests_on_the_signs_and_at_grade_1_on_the_fever() -> None:
    fever = Reading(389, START, "e-fever")
    low = Signal(Reading(84, START, "e-low"), START)
    at_1 = context(1, fever=fever, temperature=fever, hypotension=Finding(1), hypoxia=Finding(1))
    assert evidence_of_work_up(at_1)[:1] == ["e-fever"]
    at_2 = context(2, fever=fever, temperature=fever, sbp=low, hypotension=Finding(2, START), hypoxia=Finding(1))
    assert "e-low" in evidence_of_work_up(at_2)


def test_a_step_of_a_mask_that_is_no_more_on_record_rests_on_an_earlier_fever() -> None:
    fever = Reading(389, START, "e-fever")
    found = context(1, basis="masked_unconfirmed", fever=fever, hypotension=Finding(1), hypoxia=Finding(1))
    assert evidence_of_work_up(found)[:1] == ["e-fever"]
