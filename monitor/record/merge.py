"""Merges two records of one patient: the state of one id continues under another, as if it had been one record."""

from __future__ import annotations

from base64 import b64decode, b64encode

from monitor.course import entries, fold, infusions
from monitor.fact_types import Fact, Facts
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, Course, Reading, State
from monitor.record import corrections, late_events, latest_vitals, row
from monitor.record import facts as kept_facts
from monitor.units import LONG_AGO
from schemas.events import Patient
from schemas.system_records import Story

# What fits into an event of the log, as base64 and with the rest of it around.
STORY_BYTES = 56 * 1024


def handover(guideline: Guideline, state: State, event: Patient, into: str) -> Story:
    """The event that carries a patient's whole state to the id under which it continues."""
    story = state._replace(alerts=AlertBook(), due_at=None, thinned_until=LONG_AGO, recent_courses=())
    packed = _packed(story)
    if len(packed) > STORY_BYTES:
        story = story._replace(merges=())  # those before this one cannot be undone then
        packed = _packed(story)
    while len(packed) > STORY_BYTES:
        # The log takes no larger event: the older half of the facts goes into the checkpoint, as it would have later.
        instants = sorted(group.at for group in kept_facts.by_instant(story.facts))
        story = late_events.checkpoint_at(guideline, story, instants[len(instants) // 2])
        packed = _packed(story)
    return Story(
        event_id=f"{event.event_id[:100]}>0",
        patient_id=into,
        effective_at=event.effective_at,
        received_at=event.received_at,
        path=(state.patient_id,),
        story=packed,
    )


def _packed(story: State) -> str:
    return b64encode(pack(story)).decode("ascii")


def pack(state: State) -> bytes:
    """A state as bytes, to be kept or handed over."""
    return row.encode(row.Row(row.VERSION, -1, row.EMPTY_DIGEST, state))


def unpack(story: str) -> State:
    """The state in a handover. Raises RowError when it is none."""
    return row.decode(b64decode(story, validate=True)).state


def joined(guideline: Guideline, ours: State, theirs: State) -> State:
    """One state from two: all facts in bedside order after one checkpoint."""
    until = max(ours.checkpoint.at, theirs.checkpoint.at)
    if until > LONG_AGO:
        # Both get the later checkpoint: facts of the other from before it are folded first.
        ours, theirs = (
            late_events.checkpoint_at(guideline, ours, until),
            late_events.checkpoint_at(guideline, theirs, until),
        )
    base = _base(guideline, ours.checkpoint, theirs.checkpoint)
    watch = max(ours.feed_health, theirs.feed_health, key=lambda w: w.vitals_at)
    both = corrections.united(
        guideline,
        ours._replace(
            clock=max(ours.clock, theirs.clock),
            checkpoint=base,
            facts=_united(ours.facts, theirs.facts),
            taken_back=_united(ours.taken_back, theirs.taken_back),
            thinned_until=LONG_AGO,
            recent_courses=(),
            latest=latest_vitals.merge(ours.latest, theirs.latest),
            feed_health=watch,
        ),
        theirs.corrections,
    )
    return both._replace(course=fold.fold(guideline, both.checkpoint, kept_facts.by_instant(both.facts)))


def _united(ours: Facts, theirs: Facts) -> Facts:
    """The facts of both, those of an event that both have once."""
    kinds: list[tuple[tuple[Fact, ...], tuple[Fact, ...]]] = list(zip(ours, theirs, strict=True))
    for known, kind in kinds:
        keys = {fact.event_id for fact in known}
        ours = kept_facts.with_facts(ours, [fact for fact in kind if fact.event_id not in keys])
    return ours


def _base(guideline: Guideline, ours: Course, theirs: Course) -> Course:
    """The checkpoint of both: where one is empty the other; else the later one, with what only the other knows."""
    if theirs.at == LONG_AGO:
        return ours
    if ours.at == LONG_AGO:
        return theirs
    later, earlier = (ours, theirs) if ours.at >= theirs.at else (theirs, ours)
    if earlier.episode.open and not (later.episode.open and later.episode.onset_at <= earlier.episode.onset_at):
        peak = max(earlier.episode.peak, later.episode.peak)
        later = later._replace(episode=earlier.episode._replace(peak=peak), basis=earlier.basis)
    lines = tuple(dict.fromkeys((*earlier.infusion_lines, *later.infusion_lines)))
    later = later._replace(
        fever=_newer(later.fever, earlier.fever),
        temperature=_newer(later.temperature, earlier.temperature),
        sbp=later.sbp if later.sbp.counted else earlier.sbp,
        map=later.map if later.map.counted else earlier.map,
        spo2=later.spo2 if later.spo2.counted else earlier.spo2,
        oxygen=later.oxygen or earlier.oxygen,
        infusion_lines=lines,
        infusions=infusions.in_sum(lines),
        administrations=tuple(dict.fromkeys((*earlier.administrations, *later.administrations))),
    )
    for dose in earlier.doses:
        later = entries.with_dose(later, dose)
    return fold.judge(guideline, _with_context_of_both(guideline, later, earlier), later.at)


def _with_context_of_both(guideline: Guideline, later: Course, earlier: Course) -> Course:
    contexts = {(c.at, c.event_id): c for c in (*earlier.contexts, *later.contexts)}
    later = entries.with_contexts(guideline.profile, later, [contexts[place] for place in sorted(contexts)])
    for treatment in earlier.treatments:
        if treatment not in later.treatments:
            later = entries.with_treatment(later, treatment)
    return entries.with_treatment_in_force(later, later.at)


def _newer(one: Reading | None, other: Reading | None) -> Reading | None:
    return max((r for r in (one, other) if r is not None), key=lambda r: r.at, default=None)
