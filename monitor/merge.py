"""Two records, one patient: the story of one id continues under another, as if it had been one all along."""

from __future__ import annotations

from base64 import b64decode, b64encode

from monitor import course as courses
from monitor import history, row
from monitor.guideline import Guideline
from monitor.instant import LONG_AGO
from monitor.state import Book, Course, Facts, Latest, State
from schemas.events import Patient


def handover(state: State, event: Patient, into: str, path: tuple[str, ...]) -> Patient:
    """The event that carries a patient's story to the id under which it continues."""
    story = state._replace(book=Book(), due_at=None)
    packed = row.encode(row.Row(row.VERSION, -1, row.EMPTY_DIGEST, story))
    return Patient(
        event_id=f"{event.event_id[:100]}>{len(path)}",
        patient_id=into,
        effective_at=event.effective_at,
        received_at=event.received_at,
        merged_from=(*path, state.patient_id),
        story=b64encode(packed).decode("ascii"),
    )


def unpack(story: str) -> State:
    """The state in a handover. Raises RowError when it is none."""
    return row.decode(b64decode(story, validate=True)).state


def joined(guideline: Guideline, ours: State, theirs: State) -> State:
    """One state from two stories: all facts in bedside order on the checkpoint that reaches further back."""
    base = _base(guideline, ours.base, theirs.base)
    facts = Facts()
    for kind in (*ours.facts, *theirs.facts):
        for fact in kind:
            if fact.event_id not in (known.event_id for known in getattr(facts, history.kind_of(fact))):
                facts = history.insert(facts, fact if fact.at >= base.at else fact._replace(at=base.at))
    replaced = tuple(dict.fromkeys((*theirs.replaced, *ours.replaced)))
    for event_id in replaced:
        facts = history.without(facts, event_id)
    newest: dict[str, Latest] = dict(theirs.latest)
    for name, latest in ours.latest:
        if name not in newest or latest.at >= newest[name].at:
            newest[name] = latest
    watch = max(ours.watch, theirs.watch, key=lambda w: w.vitals_at)
    return ours._replace(
        clock=max(ours.clock, theirs.clock),
        base=base,
        course=courses.fold(guideline, base, history.groups(facts)),
        facts=facts,
        replaced=replaced[-64:],
        latest=tuple(sorted(newest.items())),
        watch=watch,
    )


def _base(guideline: Guideline, ours: Course, theirs: Course) -> Course:
    """The checkpoint of both: where one is empty the other; else the later one with the doses and context of both."""
    if theirs.at == LONG_AGO:
        return ours
    if ours.at == LONG_AGO:
        return theirs
    later, earlier = (ours, theirs) if ours.at >= theirs.at else (theirs, ours)
    if not later.episode.open and earlier.episode.open:
        later = later._replace(episode=earlier.episode, basis=earlier.basis, fever=earlier.fever)
    for dose in earlier.doses:
        later = courses.with_dose(later, dose)
    known = earlier.context._asdict() | {k: v for k, v in later.context._asdict().items() if v is not None}
    return courses.judge(guideline, later._replace(context=type(later.context)(**known)), later.at)
