"""One administration is one dose: which lines of the medication record speak of the same one.

Lines of one source belong together by their administration id, or because an infusion goes on after a pause. A line of
another source about the same time, with the same amount or without one, speaks of the same dose.
"""

from __future__ import annotations

from monitor.fact_types import MedicationFact
from monitor.guidelines.model import Profile
from monitor.model import Administration, Course, Dose

ADMINISTRATIONS_KEPT = 32


def with_line(profile: Profile, course: Course, fact: MedicationFact, dose: Dose) -> tuple[Course, bool]:
    """The course after a line about a drug whose doses count, and whether `dose`, its own, is a new one."""
    of_drug = [one for one in course.administrations if one.drug == fact.drug]
    if fact.action == "stopped":
        return _stopped(course, of_drug, fact), False
    own = _of_own_source(profile, of_drug, fact)
    if own is not None:
        course = _replaced(course, own, _continued(own, fact))
        return _with_amount(course, own.dose, fact), False
    twin = next((one for one in reversed(of_drug) if _is_same_elsewhere(profile, one, fact)), None)
    made = _continued(Administration(fact.drug, fact.source, fact.administration_id, dose.event_id, fact.at), fact)
    if twin is not None:
        course = course._replace(dose_twice_at=fact.at, dose_twice=twin.dose)
        made = made._replace(dose=twin.dose)
    kept = (*course.administrations, made)[-ADMINISTRATIONS_KEPT:]
    course = course._replace(administrations=kept)
    return (course, True) if twin is None else (_with_amount(course, twin.dose, fact), False)


def _of_own_source(profile: Profile, of_drug: list[Administration], fact: MedicationFact) -> Administration | None:
    """The administration of the same source that the line goes on with; None: it begins another."""
    mine = [one for one in reversed(of_drug) if one.source == fact.source]
    if fact.administration_id is not None:
        same = next((one for one in mine if one.administration_id == fact.administration_id), None)
        if same is not None:
            return None if _is_next(profile, same, fact) else same
        mine = [one for one in mine if one.administration_id is None]
    if fact.action == "given" or not mine:
        return None
    last = mine[0]
    if last.stopped_at is not None:
        return last if fact.at <= last.stopped_at + profile.pause_within_dose else None
    return last if fact.action == "rate_changed" and last.started_at is not None else None


def _is_next(profile: Profile, one: Administration, fact: MedicationFact) -> bool:
    """Whether a line of the same id is of the next dose: many sites give the order's id to each of its doses."""
    began_at = max(one.at, one.started_at or one.at)
    if fact.action == "given":
        again = one.given_at is not None and fact.at > one.given_at + profile.same_given_within
        return again or (one.started_at is not None and fact.at > one.started_at + profile.same_start_within)
    if one.stopped_at is not None:
        return fact.at > one.stopped_at + profile.pause_within_dose
    return fact.action == "started" and fact.at > began_at + profile.same_start_within


def _is_same_elsewhere(profile: Profile, one: Administration, fact: MedicationFact) -> bool:
    """Whether a line of another source speaks of this administration.

    An infusion whose stop nobody charted runs no longer than a start of the same id is taken for the same.
    """
    if one.source == fact.source or not _may_be_equal(one.dose_mg, fact.dose_mg):
        return False
    times = (one.at, one.given_at, one.started_at)
    if any(at is not None and abs(fact.at - at) <= profile.other_source_within for at in times):
        return True
    if one.stopped_at is not None:
        return fact.at <= one.stopped_at + profile.pause_within_dose
    return one.started_at is not None and fact.at <= one.started_at + profile.same_start_within


def _may_be_equal(one: float | None, other: float | None) -> bool:
    return one is None or other is None or round(one, 2) == round(other, 2)


def _continued(one: Administration, fact: MedicationFact) -> Administration:
    dose_mg = fact.dose_mg if one.dose_mg is None else one.dose_mg
    if fact.action == "given":
        return one._replace(given_at=fact.at, dose_mg=dose_mg)
    # A start says when it ran last; a changed rate only that it runs.
    started_at = fact.at if fact.action == "started" or one.started_at is None else one.started_at
    return one._replace(started_at=started_at, stopped_at=None, dose_mg=dose_mg)


def _stopped(course: Course, of_drug: list[Administration], fact: MedicationFact) -> Course:
    """The course after a stop: of its id, or of the drug where it has none."""
    mine = [one for one in of_drug if one.source == fact.source and one.started_at is not None]
    if fact.administration_id is not None:
        mine = [one for one in mine if one.administration_id in (fact.administration_id, None)]
    for one in mine:
        if one.stopped_at is None:
            course = _replaced(course, one, one._replace(stopped_at=fact.at))
    return course


def _replaced(course: Course, before: Administration, after: Administration) -> Course:
    kept = tuple(after if one is before else one for one in course.administrations)
    return course._replace(administrations=kept)


def _with_amount(course: Course, event_id: str, fact: MedicationFact) -> Course:
    """The course with the amount of a dose that only a further line says."""
    if fact.dose_mg is None or not any(d.event_id == event_id and d.dose_mg is None for d in course.doses):
        return course
    return course._replace(
        doses=tuple(
            d._replace(dose_mg=fact.dose_mg) if d.event_id == event_id and d.drug == fact.drug else d
            for d in course.doses
        )
    )
