"""Running infusions: the lines of each source and id, and what they come to for each drug.

Rates of one drug under several ids of one source add up. Of two sources, or without ids, the newer counts.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.fact_types import MedicationFact
from monitor.guidelines.model import Profile
from monitor.model import Course, Infusion, InfusionLine

LINES_KEPT = 32
ENDED = 0.0  # the rate of a line that was stopped: it still says that its source is the newer one


def with_line(profile: Profile, course: Course, fact: MedicationFact) -> Course:
    """The course after a line about a drug that runs."""
    others = tuple(line for line in course.infusion_lines if line.drug != fact.drug)
    of_drug = tuple(line for line in course.infusion_lines if line.drug == fact.drug)
    of_drug = _stopped(profile, of_drug, fact) if fact.action == "stopped" else _running(of_drug, fact)
    lines = tuple(sorted((*others, *of_drug), key=lambda line: line.charted_at)[-LINES_KEPT:])
    return course._replace(infusion_lines=lines, infusions=in_sum(lines))


def without_events(course: Course, gone: Iterable[str]) -> Course:
    """The course without the lines that some events made."""
    keys = set(gone)
    lines = tuple(line for line in course.infusion_lines if line.event_id not in keys)
    if len(lines) == len(course.infusion_lines):
        return course
    return course._replace(infusion_lines=lines, infusions=in_sum(lines))


def in_sum(lines: tuple[InfusionLine, ...]) -> tuple[Infusion, ...]:
    """What runs, each drug once, in the order of their names."""
    drugs = sorted({line.drug for line in lines})
    found = (_of_drug([line for line in lines if line.drug == drug]) for drug in drugs)
    return tuple(infusion for infusion in found if infusion is not None)


def _of_drug(lines: list[InfusionLine]) -> Infusion | None:
    newest = max(lines, key=lambda line: (line.charted_at, line.rate != ENDED, line.event_id))
    counted = [line for line in lines if line.source == newest.source and line.rate != ENDED]
    if newest.administration_id is None:
        counted = [line for line in counted if line.administration_id is None]
    else:
        counted = [line for line in counted if line.administration_id is not None]
    if not counted:
        return None
    rates = [line.rate for line in counted if line.rate is not None and line.rate_unit == counted[0].rate_unit]
    rate = sum(rates) if len(rates) == len(counted) else None
    last = max(counted, key=lambda line: (line.charted_at, line.event_id))
    since = min(line.since for line in counted)
    return Infusion(last.drug, last.role, rate, last.rate_unit, since, last.charted_at, last.event_id)


def _running(of_drug: tuple[InfusionLine, ...], fact: MedicationFact) -> tuple[InfusionLine, ...]:
    place = (fact.source, fact.administration_id)
    before = next((line for line in of_drug if (line.source, line.administration_id) == place), None)
    runs = before is not None and before.rate != ENDED
    since = before.since if before is not None and runs else fact.at
    started_at = before.started_at if before is not None and runs and fact.action != "started" else fact.at
    now = InfusionLine(
        fact.drug, fact.role, *place, fact.rate, fact.rate_unit, since, started_at, fact.at, fact.event_id
    )
    return (*(line for line in of_drug if line is not before), now)


def _stopped(profile: Profile, of_drug: tuple[InfusionLine, ...], fact: MedicationFact) -> tuple[InfusionLine, ...]:
    """The lines after a stop: that of its id; without one all, but for a bag that was just hung for an older one."""
    running = [line for line in of_drug if line.rate != ENDED]
    stopped = running
    if fact.administration_id is not None:
        stopped = [line for line in running if line.administration_id == fact.administration_id]
        stopped = stopped or [line for line in running if line.source == fact.source and line.administration_id is None]
    elif any(fact.at - line.since > profile.bag_change_within for line in running):
        stopped = [line for line in running if fact.at - line.started_at > profile.bag_change_within]
        stopped = stopped if len(stopped) < len(running) else running
    ended = tuple(line._replace(rate=ENDED, charted_at=fact.at) if line in stopped else line for line in of_drug)
    if any(line.source == fact.source for line in ended):
        return ended
    place = (fact.source, fact.administration_id)
    tombstone = InfusionLine(fact.drug, fact.role, *place, ENDED, None, fact.at, fact.at, fact.at, fact.event_id)
    return (*ended, tombstone)
