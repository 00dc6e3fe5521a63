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
        return _stopped(profile, course, of_drug, fact), False
    own = _goes_on_with(profile, of_drug, fact)
    if own is not None and own.source == fact.source:
        return _with_more(_replaced(course, own, _continued(own, fact)), own.dose, fact), False
    made = _continued(Administration(fact.drug, fact.source, fact.administration_id, dose.event_id, fact.at), fact)
    twin = own or next((one for one in reversed(of_drug) if _is_same_elsewhere(profile, one, fact)), None)
    if twin is not None:
        made = made._replace(dose=twin.dose, is_first=False)
        if own is None:
            course = course._replace(dose_twice_at=fact.at, dose_twice=twin.dose)
    course = course._replace(administrations=(*course.administrations, made)[-ADMINISTRATIONS_KEPT:])
    return (course, True) if twin is None else (_with_more(course, twin.dose, fact), False)


def _goes_on_with(profile: Profile, of_drug: list[Administration], fact: MedicationFact) -> Administration | None:
    """The administration that a line goes on with, by its id or after a pause; None: by these it begins another."""
    newest_first = of_drug[::-1]
    if fact.administration_id is not None:
        # An id is of the record's line or the order, whoever says it.
        same = next((one for one in newest_first if one.administration_id == fact.administration_id), None)
        if same is not None:
            return None if _is_next(profile, same, fact) else same
    if fact.action == "given":
        return None
    for one in newest_first:
        is_paused = one.stopped_at is not None and fact.at <= one.stopped_at + profile.pause_within_dose
        if is_paused and None in (one.administration_id, fact.administration_id):
            return one
    if fact.action == "rate_changed" and fact.administration_id is None:
        return next((one for one in newest_first if one.started_at is not None and one.stopped_at is None), None)
    return None


def _is_next(profile: Profile, one: Administration, fact: MedicationFact) -> bool:
    """Whether a line of the same id is of the next dose: many sites give the order's id to each of its doses."""
    if one.started_at is None or (one.given_at is not None and one.given_at >= one.started_at):
        return fact.at > (one.given_at or one.at) + profile.same_given_within
    if fact.action != "given" and one.stopped_at is not None:
        return fact.at > one.stopped_at + profile.pause_within_dose
    return fact.action != "rate_changed" and fact.at > one.started_at + profile.same_start_within


def _is_same_elsewhere(profile: Profile, one: Administration, fact: MedicationFact) -> bool:
    """Whether a line of another source speaks of this administration, held against who charted its dose first.

    An infusion whose stop nobody charted is taken to run as long as a start of the same id counts for the same.
    """
    if not one.is_first or one.source == fact.source or not _may_be_equal(one.dose_mg, fact.dose_mg):
        return False
    times = (one.at, one.given_at, one.started_at)
    if any(at is not None and abs(fact.at - at) <= profile.other_source_within for at in times):
        return True
    if one.started_at is not None and one.stopped_at is not None:
        return fact.at <= one.stopped_at + profile.pause_within_dose
    longest = profile.same_start_within + profile.pause_within_dose
    return one.started_at is not None and fact.at <= one.started_at + longest


def _may_be_equal(one: float | None, other: float | None) -> bool:
    return one is None or other is None or round(one, 2) == round(other, 2)


def _continued(one: Administration, fact: MedicationFact) -> Administration:
    dose_mg = fact.dose_mg if one.dose_mg is None else one.dose_mg
    if fact.action == "given":
        return one._replace(given_at=fact.at, dose_mg=dose_mg)
    # A start says when it ran last; a changed rate only that it runs.
    started_at = fact.at if fact.action == "started" or one.started_at is None else one.started_at
    return one._replace(started_at=started_at, stopped_at=None, dose_mg=dose_mg)


def _stopped(profile: Profile, course: Course, of_drug: list[Administration], fact: MedicationFact) -> Course:
    """The course after a stop: of its id, else of what has none; without an id of the drug."""
    longest = profile.same_start_within + profile.pause_within_dose
    mine = [
        one
        for one in of_drug
        if one.stopped_at is None
        and (one.started_at is not None or (one.given_at is not None and fact.at <= one.given_at + longest))
    ]
    if fact.administration_id is not None:
        of_id = [one for one in mine if one.administration_id == fact.administration_id]
        mine = of_id or [one for one in mine if one.administration_id is None and one.source == fact.source]
    for one in mine:
        course = _replaced(course, one, one._replace(stopped_at=fact.at))
    return course


def _replaced(course: Course, before: Administration, after: Administration) -> Course:
    kept = tuple(after if one is before else one for one in course.administrations)
    return course._replace(administrations=kept)


def _with_more(course: Course, event_id: str, fact: MedicationFact) -> Course:
    """The course with what only a further line says of a dose: its amount, what it was given for."""
    doses = tuple(
        d._replace(
            dose_mg=fact.dose_mg if d.dose_mg is None else d.dose_mg,
            indication=d.indication or fact.indication,
        )
        if (d.event_id, d.drug) == (event_id, fact.drug)
        else d
        for d in course.doses
    )
    known = tuple(
        one._replace(dose_mg=fact.dose_mg) if one.dose == event_id and one.dose_mg is None else one
        for one in course.administrations
    )
    return course._replace(doses=doses, administrations=known)
