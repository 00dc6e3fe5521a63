"""The clinical course: a fold of the facts, instant by instant, with the timers that fall between them.

Only bedside times occur here. The course is the same for any order of arrival, because the facts are always given in
bedside order: when one comes late, the course is folded anew from an instant before it (record/late_events).
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.course import age, axes, entries, episodes, fast_path, observations
from monitor.course.scales import falls, with_grades
from monitor.fact_types import FactsAt
from monitor.guidelines.in_force import Guideline
from monitor.guidelines.model import Profile
from monitor.model import Course, Finding
from monitor.units import NEVER


def begin(profile: Profile) -> Course:
    """The course of a patient nothing is known about."""
    course = Course()
    systolic, mean = axes.pressure_limits(profile, course.context)
    return course._replace(sbp_below=systolic, map_below=mean)


def fold(guideline: Guideline, course: Course, groups: Iterable[FactsAt]) -> Course:
    """The course after these facts."""
    profile = guideline.profile
    for group in groups:
        vitals, *others = group.facts
        moved = (
            fast_path.advance_within_bands(profile, course, vitals[0]) if len(vitals) == 1 and not any(others) else None
        )
        course = apply(guideline, course, group) if moved is None else moved
    return course


def advance(guideline: Guideline, course: Course, to: int) -> Course:
    """The course at an instant with no new fact: every timer up to and including it has run."""
    while course.timer <= to:
        at = course.timer
        course = judge(guideline, _at(guideline.profile, course, at), at)
    return course


def _at(profile: Profile, course: Course, at: int) -> Course:
    """The course at an instant before its facts: what time alone changes in the signals and the patient's age."""
    if course.context.birth_date is not None:
        course = entries.with_birthday(profile, course, at)
    if course.treatments and course.treatments[-1].infused_at != course.context.infused_at:
        course = entries.with_treatment_in_force(course, at)
    return observations.confirm_due(profile, course, at)


def apply(guideline: Guideline, course: Course, group: FactsAt) -> Course:
    """The course after all facts of one instant."""
    profile = guideline.profile
    at, facts = group
    for fact in facts.vitals:
        if fact.gap_since:
            course = observations.contradict_pending(profile, course, fact)
    # What time alone brings at this very instant is judged together with the facts: a fever may follow on a fever.
    course = _at(profile, advance(guideline, course, at - 1), at)
    for infusion in facts.infusions:
        course = entries.with_treatment(course, infusion)
    for context in facts.contexts:
        course = entries.with_context(profile, course, context)
    if facts.statements:
        course = episodes.with_fever(profile, course, at)
    for statement in facts.statements:
        course = entries.with_statement(course, statement)
    if facts.vitals:
        course = observations.with_vitals(profile, course, facts.vitals, at)
    for medication in facts.medications:
        course = entries.with_medication(profile, course, medication)
    return judge(guideline, course, at)


def judge(guideline: Guideline, course: Course, at: int) -> Course:
    """The findings, the episode and the grades at an instant, and when time alone changes them next."""
    profile = guideline.profile
    low_since = _low_since(course) if not course.treated else None
    hypotension = _finding(course.hypotension, axes.hypotension(profile, course, at), low_since, at)
    hypoxia = _finding(course.hypoxia, axes.hypoxia(profile, course), None, at)
    course = episodes.judge(profile, course._replace(hypotension=hypotension, hypoxia=hypoxia), at)
    course = with_grades(guideline, course, at)
    if any(d.grade is None and d.at == at for d in course.doses):
        course = course._replace(
            doses=tuple(
                d._replace(grade=course.held.grade) if d.grade is None and d.at == at else d for d in course.doses
            )
        )
    return course._replace(timer=_next_timer(profile, course, at))


def _finding(before: Finding, now: tuple[int | None, tuple[str, ...]], low_since: int | None, at: int) -> Finding:
    """The finding of an axis, and since when its grade has been so."""
    grade, unknown = now
    if grade == before.grade:
        return Finding(grade, before.since, unknown)
    began = (before.grade or 1) <= 1 and (grade or 1) > 1
    return Finding(grade, low_since if began and low_since is not None else at, unknown)


def _low_since(course: Course) -> int | None:
    """Since when a pressure has been low, if nothing else makes the axis."""
    if course.infusions:
        return None
    lows = [
        s.since
        for s, below in ((course.sbp, course.sbp_below), (course.map, course.map_below))
        if axes.is_low(s, below)
    ]
    return min(lows, default=None)


def _next_timer(profile: Profile, course: Course, at: int) -> int:
    times = [s.pending.at + profile.confirm_after for s in (course.sbp, course.map, course.spo2) if s.pending]
    if course.treated:
        times.append(course.treated.at + profile.treated_for)
    if course.fever:
        times.append(course.fever.at + profile.fever_holds)
    times.extend(falls(profile, course))
    times.extend(episodes.timers(profile, course))
    if course.treatments and course.treatments[-1].infused_at > at:
        times.append(entries.next_treatment(course, at))
    if course.context.birth_date is not None:
        times.append(age.next_birthday(course.context, at))
    return min((t for t in times if t > at), default=NEVER)
