"""Events from before the checkpoint, more than a day late: which still count, and what a correction removes there.

Events that come late by less are put into their place by late_events.py.
"""

from __future__ import annotations

from monitor.course import entries, fold
from monitor.course.episodes import MASKING
from monitor.guidelines.in_force import Guideline
from monitor.model import ContextFact, Course, Dose, Fact, MedicationFact, StatementFact


def add_before_checkpoint(guideline: Guideline, base: Course, fact: Fact) -> Course | None:
    """The checkpoint with one more fact from before it; None when it is too late for that fact.

    A dose always counts. A weight or a clinician's statement counts unless a newer one is known. An observation or an
    infusion of more than a day ago does not: newer ones have replaced it.
    """
    if isinstance(fact, MedicationFact) and fact.role in entries.DOSE_ROLES:
        return _add_dose(base, fact)
    if isinstance(fact, ContextFact):
        known = base.context._asdict()
        if known["age_years"] is not None:
            known["birth_date"] = known["age_years"]  # the age is known, however it was told
        changes = tuple((name, value) for name, value in fact.changes if known.get(name, value) is None)
        return (
            entries.with_context(guideline.profile, base, fact._replace(at=base.at, changes=changes))
            if changes
            else None
        )
    if isinstance(fact, StatementFact) and fact.subject != "infection_workup":
        known_statement = base.attributed._asdict().get(fact.subject, False)  # False: an axis of a newer build
        return entries.with_statement(base, fact) if known_statement is None else None
    return None


def remove_from_checkpoint(guideline: Guideline, base: Course, event_id: str) -> Course:
    """The checkpoint without what an event left in it, as far as its id is still known there."""
    doses = tuple(d for d in base.doses if d.event_id != event_id)
    infusions = tuple(i for i in base.infusions if i.event_id != event_id)
    changed = base._replace(
        doses=doses,
        infusions=infusions,
        oxygen=None if base.oxygen is not None and base.oxygen.event_id == event_id else base.oxygen,
        treated=None if base.treated is not None and base.treated.event_id == event_id else base.treated,
        fever=None if base.fever is not None and base.fever.event_id == event_id else base.fever,
    )
    if changed == base:
        return base
    episode = changed.episode
    if episode.masked_at is not None and len(doses) < len(base.doses):
        first = next((d for d in doses if d.role in MASKING and d.at >= episode.onset_at), None)
        masked = (None, None) if first is None else (first.at, first.drug)
        changed = changed._replace(episode=episode._replace(masked_at=masked[0], masked_by=masked[1]))
    return fold.judge(guideline, changed, base.at)


def _add_dose(base: Course, fact: MedicationFact) -> Course:
    """A dose from before the checkpoint."""
    if fact.action not in ("given", "started"):
        return base
    dose = Dose(fact.at, fact.event_id, fact.drug, fact.role, fact.dose_mg, fact.indication, base.held.grade)
    base = entries.with_dose(base, dose)
    episode = base.episode
    if fact.role in MASKING and episode.open and episode.masked_at is None and fact.at >= episode.onset_at:
        base = base._replace(episode=episode._replace(masked_at=fact.at, masked_by=fact.drug))
    return base
