"""What entries do to the course by themselves: which doses are kept, which drug masks, what runs, what a context is."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.course import entries
from monitor.fact_types import ContextFact, InfusionFact, MedicationFact, StatementFact
from monitor.guidelines.in_force import load
from monitor.model import Context, Course, Dose, Episode, Reading
from monitor.units import HOUR, LONG_AGO, NEVER
from tests.monitor.bed import START

PROFILE = load().profile


def dose(number: int, role: str = "antipyretic", drug: str = "acetaminophen") -> Dose:
    """The number orders it in time."""
    return Dose(START + number, f"e{number:03d}", drug, role, 650.0, None)


def full(*others: Dose, role: str = "antipyretic") -> Course:
    """As many doses as are kept."""
    rest = [dose(number, role) for number in range(100, 100 + entries.DOSES_KEPT - len(others))]
    course = Course(doses=tuple(sorted((*others, *rest))))
    assert len(course.doses) == entries.DOSES_KEPT
    return course


def dropped(course: Course, new: Dose) -> list[str]:
    after = entries.with_dose(course, new)
    assert len(after.doses) <= entries.DOSES_KEPT
    return sorted({d.event_id for d in (*course.doses, new)} - {d.event_id for d in after.doses})


def test_a_dose_is_counted_once_and_stands_at_its_time() -> None:
    course = Course(doses=(dose(1), dose(3)))
    assert entries.with_dose(course, dose(3)) is course
    assert [d.event_id for d in entries.with_dose(course, dose(2)).doses] == ["e001", "e002", "e003"]


def test_one_event_may_be_two_drugs() -> None:
    both = entries.with_dose(Course(doses=(dose(1),)), dose(1, "steroid", "dexamethasone"))
    assert [d.drug for d in both.doses] == ["acetaminophen", "dexamethasone"]


def test_as_many_doses_as_fit_are_kept() -> None:
    course = full()
    before = course._replace(doses=course.doses[1:])
    assert dropped(before, course.doses[0]) == []


@pytest.mark.parametrize(
    ("others", "rest", "gone"),
    [
        ((), "antipyretic", "e100"),  # the oldest
        ((dose(1, "tocilizumab"), dose(2, "antibiotic"), dose(3, "antifungal")), "antipyretic", "e100"),
        ((dose(1, "tocilizumab"), dose(2, "antibiotic")), "antibiotic", "e002"),
        ((dose(1, "tocilizumab"), dose(2, "antifungal")), "antibiotic", "e002"),
        ((dose(1, "tocilizumab"), dose(2, "antibiotic")), "antifungal", "e002"),
        ((dose(1, "steroid"), dose(2, "tocilizumab"), dose(300, "antibiotic")), "steroid", "e300"),
        (
            (dose(1, "steroid"), dose(2, "tocilizumab"), dose(3, "steroid")),
            "steroid",
            "e003",
        ),  # the first steroid stays
        ((dose(1, "tocilizumab"), dose(2, "steroid")), "tocilizumab", "e001"),
        ((dose(1, "tocilizumab"), dose(2, "ruxolitinib")), "tocilizumab", "e002"),
        ((dose(1, "ruxolitinib"), dose(300, "anakinra")), "tocilizumab", "e001"),
    ],
)
def test_of_too_many_doses_the_one_that_matters_least_goes(others: tuple[Dose, ...], rest: str, gone: str) -> None:
    assert dropped(full(*others, role=rest), dose(200, "tocilizumab")) == [gone]


def medication(role: str, action: Any = "given", indication: Any = None) -> MedicationFact:
    return MedicationFact(START, "e1", role, role, action, 10.0, None, None, indication)


OPEN = Course(episode=Episode(1, open=True, onset_at=START - HOUR))


@pytest.mark.parametrize("action", ["given", "started"])
def test_a_drug_that_masks_fever_masks_from_its_first_dose_in_the_episode(action: Any) -> None:
    first = entries.with_medication(PROFILE, OPEN, medication("antipyretic", action))
    assert (first.episode.masked_at, first.episode.masked_by) == (START, "antipyretic")
    again = medication("steroid", action)
    assert entries.with_medication(PROFILE, first, again).episode == first.episode, "at the same instant"
    assert entries.with_medication(PROFILE, first, again._replace(at=START + 1)).episode == first.episode
    assert entries.with_medication(PROFILE, first, again._replace(at=START - 1)).episode.masked_at == START - 1


@pytest.mark.parametrize(
    ("course", "fact"),
    [
        (Course(), medication("antipyretic")),  # no episode
        (OPEN, medication("antibiotic")),
        (OPEN, medication("antipyretic", "stopped")),
    ],
)
def test_other_drugs_actions_and_times_mask_nothing(course: Course, fact: MedicationFact) -> None:
    assert entries.with_medication(PROFILE, course, fact).episode.masked_at is None


def test_a_depressant_of_the_nervous_system_is_remembered_and_no_other_drug() -> None:
    given = entries.with_medication(PROFILE, OPEN, medication("cns_depressant"))
    assert given.depressant is not None
    assert given.doses == ()
    assert entries.with_medication(PROFILE, OPEN, medication("fluid")).depressant is None
    assert entries.with_medication(PROFILE, OPEN, medication("cns_depressant", "stopped")).depressant is None


@pytest.mark.parametrize(
    ("role", "action", "indication", "treats"),
    [
        ("fluid", "given", "hypotension", True),
        ("vasopressor", "given", "hypotension", True),
        ("fluid", "given", None, False),
        ("antibiotic", "given", "hypotension", False),
        ("vasopressor", "started", "hypotension", False),
    ],
)
def test_a_bolus_for_low_pressure_treats_it(role: str, action: Any, indication: Any, treats: bool) -> None:
    after = entries.with_medication(PROFILE, OPEN, medication(role, action, indication=indication))
    assert (after.treated is not None) is treats


def running(*drugs: str) -> Course:
    course = Course()
    for drug in drugs:
        fact = MedicationFact(START, "e0", drug, "vasopressor", "started", None, 5.0, "mcg/min", None)
        course = entries.with_medication(PROFILE, course, fact)
    return course


def test_an_infusion_runs_from_its_start_until_it_is_stopped() -> None:
    fact = MedicationFact(START + HOUR, "e1", "dopamine", "vasopressor", "rate_changed", None, 8.0, "mcg/min", None)
    changed = entries.with_medication(PROFILE, running("norepinephrine", "dopamine"), fact).infusions
    assert [(i.drug, i.since, i.charted_at, i.rate) for i in changed] == [
        ("dopamine", START, START + HOUR, 8.0),
        ("norepinephrine", START, START, 5.0),
    ]
    stopped = entries.with_medication(PROFILE, running("norepinephrine", "dopamine"), fact._replace(action="stopped"))
    assert [i.drug for i in stopped.infusions] == ["norepinephrine"]
    other = fact._replace(role="antibiotic")
    assert entries.with_medication(PROFILE, running(), other).infusions == ()


# ---- the context ---------------------------------------------------------------------------------------------------


def context(at: int = START, **changes: Any) -> ContextFact:
    return ContextFact(at, "e1", tuple(changes.items()))


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("died", "discharged", "died"),  # a record is closed after a death, too
        ("died", "admitted", "admitted"),
        ("admitted", "discharged", "discharged"),
        (None, "discharged", "discharged"),
    ],
)
def test_a_discharge_after_a_death_leaves_the_death(before: Any, change: Any, after: str) -> None:
    course = Course(context=Context(status=before))
    assert entries.with_context(PROFILE, course, context(status=change, bed="7")).context.status == after
    assert entries.with_context(PROFILE, course, context(status=change, bed="7")).context.bed == "7"


def test_a_patient_is_known_since_the_first_entry() -> None:
    first = entries.with_context(PROFILE, Course(), context(bed="7"))
    assert first.context.since == START
    assert entries.with_context(PROFILE, first, context(START + HOUR, bed="8")).context.since == START


def test_limits_follow_the_patient() -> None:
    adult = entries.with_context(PROFILE, Course(), context(age_years=40.0))
    assert (adult.sbp_below, adult.map_below) == (90, 65)
    known = entries.with_context(PROFILE, adult, context(baseline_systolic_mmhg=150.0))
    assert known.sbp_below > 90


def test_a_reading_between_the_old_and_the_new_limit_counts_anew() -> None:
    course = entries.with_context(PROFILE, Course(), context(age_years=40.0))
    reading = Reading(95, START, "e2")
    known = course._replace(sbp=course.sbp._replace(counted=reading, since=START))
    later = entries.with_context(PROFILE, known, context(START + HOUR, baseline_systolic_mmhg=150.0))
    assert later.sbp_below > 95
    assert later.sbp.since == START + HOUR, "low only since the limit is known"


def test_a_mean_pressure_between_the_old_and_the_new_limit_counts_anew() -> None:
    child = entries.with_context(PROFILE, Course(), context(age_years=17.0))
    known = child._replace(map=child.map._replace(counted=Reading(60, START, "e2"), since=START))
    assert known.map_below == 0
    adult = entries.with_context(PROFILE, known, context(START + HOUR, age_years=18.0))
    assert (adult.map_below, adult.map.since) == (65, START + HOUR)


# ---- a new treatment -------------------------------------------------------------------------------------------------


def treated(course: Course, charted: int, infused: int) -> Course:
    """The course after a treatment's start was charted, both in hours."""
    return entries.with_treatment(course, InfusionFact(START + charted * HOUR, f"e{charted}", START + infused * HOUR))


def in_force(course: Course) -> float | None:
    """The hour of the treatment in force."""
    infused_at = course.context.infused_at
    return None if infused_at is None else (infused_at - START) / HOUR


def test_the_same_infusion_charted_again_changes_nothing_but_the_list() -> None:
    course = treated(Course(), 0, 0)
    assert treated(course, 1, 0)._replace(treatments=course.treatments) == course


def test_the_latest_treatment_that_has_begun_is_in_force() -> None:
    course = treated(Course(), 0, 0)
    assert in_force(treated(course, 9, 8)) == 8
    assert in_force(treated(course, 9, -5)) == 0, "an older one is charted late"
    assert in_force(treated(course, 9, 10)) == 0, "a plan"
    assert in_force(entries.with_treatment_in_force(treated(course, 9, 10), START + 10 * HOUR - 1)) == 0
    assert in_force(entries.with_treatment_in_force(treated(course, 9, 10), START + 10 * HOUR)) == 10
    assert in_force(treated(Course(), 0, 10)) == 10, "before the first one nothing is CRS"


@pytest.mark.parametrize(("now", "expected"), [(9, 10), (10, 12), (12, NEVER)])
def test_the_next_plan_is_a_timer(now: int, expected: int) -> None:
    course = treated(treated(Course(), 0, 10), 1, 12)
    found = entries.next_treatment(course, START + now * HOUR)
    assert found == (NEVER if expected == NEVER else START + expected * HOUR)


def test_a_treatment_touches_no_episode_that_is_open() -> None:
    ill = Course(episode=Episode(1, open=True, onset_at=START), fever=Reading(390, START, "e1"))
    after = treated(ill, 9, 8)
    assert (after.episode, after.fever) == (ill.episode._replace(infusion_known=True), ill.fever)


def test_after_an_episode_a_treatment_begins_the_next_one() -> None:
    over = treated(Course(), 0, 0)
    over = over._replace(episode=over.episode._replace(number=1, ended_at=START + 9 * HOUR, counts_from=START))
    before, after = treated(over, 20, 8).episode, treated(over, 20, 9).episode
    assert (before.ended_at, before.counts_from) == (START + 9 * HOUR, START), "it can be reopened"
    assert (after.ended_at, after.counts_from) == (LONG_AGO, START + 9 * HOUR)


@pytest.mark.parametrize(("hours", "kept"), [(-1, False), (0, True), (1, True)])
def test_a_fever_before_the_infusion_is_not_its_crs(hours: int, kept: bool) -> None:
    course = Course(fever=Reading(390, START + hours * HOUR, "e1"))
    assert (treated(course, 2, 0).fever is not None) is kept


def test_only_so_many_treatments_and_contexts_are_kept() -> None:
    course = Course()
    for number in range(40):
        course = treated(course, number, number)
        changes = (("bed", f"{number}"), *([("unit", "ICU")] if not number else []))
        course = entries.with_context(PROFILE, course, ContextFact(START + number * HOUR, f"c{number}", changes))
    assert len(course.treatments) == entries.TREATMENTS_KEPT
    assert len(course.contexts) == entries.CONTEXTS_KEPT
    made_anew = entries.with_contexts(PROFILE, course, course.contexts)
    assert (made_anew.context.bed, made_anew.context.unit) == ("39", "ICU")
    assert made_anew.context == course.context


def test_a_statement_is_about_its_axis_or_the_work_up() -> None:
    course = entries.with_statement(Course(), StatementFact(START, "e1", "hypoxia", False, None))
    assert course.attributed == (None, None, False)
    tested = entries.with_statement(course, StatementFact(START, "e2", "infection_workup", None, "sent"))
    assert (tested.context.infection_workup, tested.context.workup_at) == ("sent", START)
    newer: Any = "of a newer build"
    assert entries.with_statement(course, StatementFact(START, "e3", newer, True, None)) is course
