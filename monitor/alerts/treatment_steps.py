"""The treatment steps of the guideline beside tocilizumab: when each is due, and when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from monitor.alerts.candidate import RecheckAt
from monitor.alerts.tocilizumab import counts_toward_limit, doses_so_far
from monitor.course import episodes
from monitor.guidelines.model import Profile
from monitor.model import Course, Dose
from monitor.units import DAY, hours

CLINICAL_SIGNS = episodes.CLINICAL_SIGNS
STEROID_CAUTION = "Steroids may weaken the cell therapy; in severe CRS their benefit prevails."


class StepDue(NamedTuple):
    """One step that is due now."""

    kind: Literal["step", "no_improvement", "refractory"]
    rule_id: str
    effective_at: int
    title: str
    message: str
    action: str
    drug: str | None = None
    dose_mg: float | None = None
    dose_basis: str | None = None
    rests_on: tuple[Dose, ...] = ()  # doses that make it due, apart from the signs
    context: tuple[str, ...] = ()  # fields of the context that make it due


def table(profile: Profile, course: Course, grade: int, at: int) -> Iterator[StepDue | RecheckAt]:
    """The steps that are due at an instant (ms), and when others may be. `grade`: the one that was reported."""
    if course.episode.open:
        yield from _work_up(profile, course)
        yield from _persistent_hypotension(profile, course, grade, at)
        yield from _by_grade(profile, course, grade)
        yield from _no_improvement(profile, course, grade, at)
        yield from _refractory(profile, course, grade, at)
        yield from _alternatives(profile, course, grade, at)
        yield from _antifungal(course)
    yield from _antibiotics(profile, course, at)


def _work_up(profile: Profile, course: Course) -> Iterator[StepDue]:
    # A work-up for an earlier episode does not count for this one.
    if course.context.workup_at < course.episode.onset_at - profile.quiet_for:
        yield StepDue(
            "step",
            "step-work-up",
            course.episode.onset_at,
            "Work-up for CRS and infection",
            "Send blood count, metabolic panel, magnesium, phosphate, CRP, LDH, urate, fibrinogen, PT/PTT and "
            "ferritin; blood and urine cultures and a chest film. Treatment does not wait for the results.",
            "send the work-up",
        )


def _persistent_hypotension(profile: Profile, course: Course, grade: int, at: int) -> Iterator[StepDue | RecheckAt]:
    if grade != 2 or (course.hypotension.grade or 1) < CLINICAL_SIGNS or course.attributed.hypotension is False:
        return
    first = next(iter(_tocilizumab(course)), None)
    if first is None:
        return
    due = first.at + profile.persistent_after
    if at < due:
        yield RecheckAt(due)
    elif not _given(course, ("dexamethasone", "methylprednisolone"), due - profile.dexamethasone_grade_2_every):
        every = hours(profile.dexamethasone_grade_2_every)
        yield StepDue(
            "step",
            "step-dexamethasone-q12h",
            max(due, course.hypotension.since),
            "Add dexamethasone: hypotension persists after tocilizumab",
            f"Hypotension is still present {hours(profile.persistent_after)} after tocilizumab. "
            f"Add dexamethasone {profile.dexamethasone_mg:g} mg IV every {every}.",
            f"give dexamethasone IV every {every}",
            "dexamethasone",
            profile.dexamethasone_mg,
            f"fixed dose, every {every}",
            rests_on=(first,),
        )


def _by_grade(profile: Profile, course: Course, grade: int) -> Iterator[StepDue]:
    since = course.held.since
    dexamethasone, methylprednisolone = profile.dexamethasone_grade_3_every, profile.methylprednisolone_every
    if grade >= 2:
        yield StepDue(
            "step",
            "step-telemetry",
            since,
            "Continuous telemetry and pulse oximetry",
            "From grade 2 on: continuous cardiac telemetry and pulse oximetry.",
            "monitor continuously",
        )
    if grade == 3 and not _given(course, ("dexamethasone", "methylprednisolone"), since - dexamethasone):
        every = hours(dexamethasone)
        yield StepDue(
            "step",
            "step-grade-3",
            since,
            "Grade 3: dexamethasone, intensive care, echocardiogram",
            f"Give dexamethasone {profile.dexamethasone_mg:g} mg IV every {every}. Transfer to intensive care; "
            f"echocardiogram and haemodynamic monitoring; vasopressors as needed. {STEROID_CAUTION}",
            f"give dexamethasone IV every {every}; transfer to intensive care; echocardiogram; haemodynamic monitoring",
            "dexamethasone",
            profile.dexamethasone_mg,
            f"fixed dose, every {every}",
        )
    if grade == 4 and not _given(course, ("methylprednisolone",), since - methylprednisolone):
        low, high = profile.methylprednisolone_mg
        course_of = f"every {hours(methylprednisolone)} for {profile.methylprednisolone_for // DAY} days"
        yield StepDue(
            "step",
            "step-grade-4",
            since,
            "Grade 4: high-dose methylprednisolone",
            f"Give methylprednisolone {low:g}–{high:g} mg IV {course_of}, then taper. Intensive care, ventilation "
            f"and vasopressors as needed. {STEROID_CAUTION}",
            f"give methylprednisolone IV {course_of}, then taper",
            "methylprednisolone",
            low,
            f"{low:g}–{high:g} mg, {course_of}",
        )


def _no_improvement(profile: Profile, course: Course, grade: int, at: int) -> Iterator[StepDue | RecheckAt]:
    if grade != 2:
        return
    due = course.held.since + profile.no_improvement_after
    if at < due:
        yield RecheckAt(due)
        return
    yield StepDue(
        "no_improvement",
        "no-improvement-grade-2",
        due,
        f"Grade 2 without improvement for {hours(profile.no_improvement_after)}: manage as grade 3",
        f"Grade 2 has not improved for {hours(profile.no_improvement_after)}. Manage as grade 3: dexamethasone every "
        f"{hours(profile.dexamethasone_grade_3_every)}, intensive care, echocardiogram and haemodynamic monitoring.",
        "manage as grade 3",
    )


def _refractory(profile: Profile, course: Course, grade: int, at: int) -> Iterator[StepDue | RecheckAt]:
    doses, steroid = _tocilizumab(course), _first_steroid(course)
    if grade != 3 or not doses or steroid is None:
        return
    later = max(doses[0], steroid, key=lambda d: d.at)
    if grade < (later.grade or 0):
        return
    due = max(later.at + profile.refractory_after, course.held.since)
    if at < due:
        yield RecheckAt(due)
        return
    yield StepDue(
        "refractory",
        "refractory-grade-3",
        due,
        "Grade 3 refractory: manage as grade 4",
        f"No improvement {hours(profile.refractory_after)} after tocilizumab and a steroid. Manage as grade 4: "
        "high-dose methylprednisolone.",
        "manage as grade 4",
        rests_on=(doses[0], steroid),
    )


def _alternatives(profile: Profile, course: Course, grade: int, at: int) -> Iterator[StepDue | RecheckAt]:
    doses, steroid = _tocilizumab(course), _first_steroid(course)
    if grade < 3 or steroid is None or not doses:
        return
    so_far = doses_so_far(profile, course, at)
    enough = len(doses) >= profile.alternatives_doses or so_far.blocked_by in ("limit_24h", "limit_total")
    if not enough or grade < max(doses[-1].grade or 0, steroid.grade or 0):
        return
    due = max(steroid.at + profile.alternatives_after, course.held.since)
    if at < due:
        yield RecheckAt(due)
        return
    yield StepDue(
        "refractory",
        "refractory-alternatives",
        due,
        "No response to tocilizumab and steroids: consider alternatives",
        "Consider anakinra, siltuximab, ruxolitinib or another immunosuppressant; renal replacement therapy for "
        "cytokine removal in severe cases.",
        "consider anakinra, siltuximab or ruxolitinib; renal replacement therapy in severe cases",
        rests_on=(*doses, steroid),
    )


def _antifungal(course: Course) -> Iterator[StepDue]:
    steroid = _first_steroid(course)
    if steroid is not None and not _given(course, None, course.episode.onset_at, role="antifungal"):
        yield StepDue(
            "step",
            "step-antifungal",
            steroid.at,
            "Antifungal prophylaxis with steroids",
            "A steroid was given for CRS: strongly consider antifungal prophylaxis.",
            "consider antifungal prophylaxis",
            rests_on=(steroid,),
        )


def _antibiotics(profile: Profile, course: Course, at: int) -> Iterator[StepDue]:
    neutrophils = course.context.neutrophils_per_ul
    if neutrophils is None or neutrophils >= profile.neutropenia_below or course.fever is None:
        return
    fever = episodes.fever_holds(profile, course, at)
    if fever and not _given(course, None, course.fever.at - profile.antibiotics_cover, role="antibiotic"):
        yield StepDue(
            "step",
            "step-antibiotics",
            course.episode.onset_at if course.episode.open else course.fever.at,
            "Fever in neutropenia: empiric antibiotics",
            f"Fever with neutrophils below {profile.neutropenia_below}/µl: consider empiric broad-spectrum "
            "antibiotics.",
            "consider empiric broad-spectrum antibiotics",
            context=("neutrophils_per_ul",),
        )


def _tocilizumab(course: Course) -> tuple[Dose, ...]:
    return tuple(d for d in course.doses if d.role == "tocilizumab" and counts_toward_limit(course, d))


def _first_steroid(course: Course) -> Dose | None:
    """The first steroid given for CRS in this episode."""
    return next(
        (
            d
            for d in course.doses
            if d.role == "steroid" and d.at >= course.episode.onset_at and d.indication in (None, "crs")
        ),
        None,
    )


def _given(course: Course, drugs: tuple[str, ...] | None, since: int, role: str = "steroid") -> bool:
    return any(d.role == role and d.at >= since and (drugs is None or d.drug in drugs) for d in course.doses)
