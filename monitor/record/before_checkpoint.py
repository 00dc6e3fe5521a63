"""Events from before the checkpoint, more than a day late: which still count, and what a correction removes there.

Events that come late by less are put into their place by late_events.py.
"""

from __future__ import annotations

from collections.abc import Callable

from monitor.course import entries, fold, infusions
from monitor.course.episodes import MASKING
from monitor.fact_types import ContextFact, Fact, InfusionFact, MedicationFact, StatementFact
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, Dose


def add_before_checkpoint(guideline: Guideline, base: Course, fact: Fact) -> Course | None:
    """The checkpoint with one more fact from before it; None when it is too late for that fact.

    A dose always counts, and so does context, in its place. A clinician's statement counts unless a newer one is known.
    An observation or an infusion of more than a day ago does not: newer ones have replaced it.
    """
    if isinstance(fact, MedicationFact) and fact.role in entries.DOSE_ROLES:
        return _add_dose(base, fact)
    if isinstance(fact, ContextFact):
        contexts = sorted((*base.contexts, fact), key=lambda one: (one.at, one.event_id))
        changed = entries.with_contexts(guideline.profile, base, contexts)
        return None if changed.context == base.context else changed
    if isinstance(fact, StatementFact) and fact.subject != "infection_workup":
        known_statement = base.attributed._asdict().get(fact.subject, False)  # False: an axis of a newer build
        return entries.with_statement(base, fact) if known_statement is None else None
    return None


def taken_back(
    guideline: Guideline, base: Course, event_type: str, is_out: Callable[[str], bool]
) -> tuple[Course, tuple[Fact, ...]]:
    """The checkpoint without what events of a type left in it, and what of it can stand again. `is_out`: of a key."""
    if event_type == "medication":
        return _without_medication(guideline, base, is_out)
    if event_type == "patient":
        return _without_context(guideline, base, is_out)
    if event_type != "vitals":
        return base, ()
    changed = base._replace(
        oxygen=None if base.oxygen is not None and is_out(base.oxygen.event_id) else base.oxygen,
        fever=None if base.fever is not None and is_out(base.fever.event_id) else base.fever,
    )
    return (base if changed == base else fold.judge(guideline, changed, base.at)), ()


def _without_medication(
    guideline: Guideline, base: Course, is_out: Callable[[str], bool]
) -> tuple[Course, tuple[Fact, ...]]:
    gone = tuple(dose for dose in base.doses if is_out(dose.event_id))
    doses = tuple(dose for dose in base.doses if dose not in gone)
    changed = base._replace(
        doses=doses,
        administrations=tuple(one for one in base.administrations if not is_out(one.dose)),
        treated=None if base.treated is not None and is_out(base.treated.event_id) else base.treated,
    )
    changed = infusions.without_events(changed, [i.event_id for i in base.infusion_lines if is_out(i.event_id)])
    if changed == base:
        return base, ()
    episode = changed.episode
    if episode.masked_at is not None and gone:
        first = next((d for d in doses if d.role in MASKING and d.at >= episode.onset_at), None)
        masked = (None, None) if first is None else (first.at, first.drug)
        changed = changed._replace(episode=episode._replace(masked_at=masked[0], masked_by=masked[1]))
    lines = tuple(
        MedicationFact(d.at, d.event_id, d.drug, d.role, "given", d.dose_mg, None, None, d.indication, d.content)
        for d in gone
    )
    return fold.judge(guideline, changed, base.at), lines


def _without_context(
    guideline: Guideline, base: Course, is_out: Callable[[str], bool]
) -> tuple[Course, tuple[Fact, ...]]:
    entries_kept: tuple[ContextFact | InfusionFact, ...] = (*base.contexts, *base.treatments)
    gone = tuple(one for one in entries_kept if is_out(one.event_id))
    if not gone:
        return base, ()
    contexts = [one for one in base.contexts if one not in gone]
    changed = entries.with_contexts(guideline.profile, base, contexts)
    treatments = tuple(one for one in base.treatments if one not in gone)
    changed = entries.with_treatment_in_force(changed._replace(treatments=treatments), base.at)
    return fold.judge(guideline, changed, base.at), gone


def _add_dose(base: Course, fact: MedicationFact) -> Course:
    """A dose from before the checkpoint."""
    if fact.action not in ("given", "started"):
        return base
    at, event_id, drug, role, _, dose_mg, _, _, indication, content, _ = fact
    dose = Dose(at, event_id, drug, role, dose_mg, indication, base.held.grade, None, content)
    base = entries.with_dose(base, dose)
    episode = base.episode
    if fact.role in MASKING and episode.open and episode.masked_at is None and fact.at >= episode.onset_at:
        base = base._replace(episode=episode._replace(masked_at=fact.at, masked_by=fact.drug))
    return base
