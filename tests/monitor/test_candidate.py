"""What an alert should say: when a new version is worth a message, how grades are written, which priority it has."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.alerts import candidate
from monitor.alerts.candidate import AlertCandidate, RuleContext
from monitor.guidelines.in_force import load
from monitor.model import Course, OpenAlert, fresh
from schemas.state import SCALES
from tests.monitor.bed import START

GUIDELINE = load()
CANDIDATE = AlertCandidate(
    "dose_indicated", "", "medium", "dose-first", START, "Tocilizumab indicated", "Give it.", tuple, dose_mg=560.0
)
SHOWN = OpenAlert(
    "dose_indicated", "", "a1", 1, "raised", "medium", "Tocilizumab indicated", "dose-first", 1, START, START, 560.0
)


def context(*grades: int) -> RuleContext:
    return RuleContext(GUIDELINE, fresh("p-1"), Course(), START, grades)


def test_the_same_is_no_new_version() -> None:
    assert CANDIDATE.same_content(SHOWN)
    assert CANDIDATE._replace(message="Give it now.", effective_at=START + 1).same_content(SHOWN)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Tocilizumab indicated: not given for 1 h 00 min"},
        {"priority": "high"},
        {"rule_id": "dose-delay"},
        {"dose_mg": 640.0},
        {"dose_mg": None},
        {"not_before": START},
    ],
)
def test_a_change_that_people_act_on_is_worth_a_message(change: dict[str, Any]) -> None:
    assert not CANDIDATE._replace(**change).same_content(SHOWN)


def test_another_scale_of_crs_is_named_where_it_differs() -> None:
    assert context(2, 2).grade_text == "grade 2"
    assert context(2, 3).grade_text == "grade 2; ASTCT 2019: grade 3"


def test_a_scale_of_something_else_is_no_grade_of_crs(monkeypatch: pytest.MonkeyPatch) -> None:
    neurotoxicity = SCALES[1]._replace(title="of nerves", grades_crs=False)
    monkeypatch.setattr(candidate, "SCALES", (*SCALES, neurotoxicity))
    assert context(2, 2, 4).grade_text == "grade 2"
    assert context(2, 2, 4).priority("escalation") == "medium"


@pytest.mark.parametrize(
    ("grades", "ungraded", "priority"),
    [
        ((2, 2), 0, "medium"),
        ((3, 2), 0, "high"),
        ((2, 3), 0, "high"),
        ((1, 1), 2, "medium"),
        ((1, 1), 3, "high"),
    ],
)
def test_from_grade_3_on_by_any_scale_or_sign_it_is_high(grades: tuple[int, ...], ungraded: int, priority: str) -> None:
    assert context(*grades).priority("masked_fever", ungraded) == priority
    assert context(*grades).priority("neuro", ungraded) == "high", "whatever the grade"


def test_without_signs_that_are_not_graded_the_grade_decides() -> None:
    assert context(2, 2).priority("escalation") == "medium"
    assert context(3, 3).priority("escalation") == "high"
