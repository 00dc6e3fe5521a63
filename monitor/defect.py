"""When judging an event fails: this patient gets the alert `unmonitored`, and no other patient is affected."""

from __future__ import annotations

from monitor.alerts import lifecycle
from monitor.alerts.candidate import RuleContext, find_open_alert
from monitor.course.fold import begin
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, State
from monitor.step import Rejected, Step
from monitor.units import MINUTE, to_ms, whole_second
from monitor.verdicts import Verdict
from schemas.events import JudgedEvent, Tick
from schemas.state import SCALES


def step_on_defect(guideline: Guideline, state: State, event: JudgedEvent, at: int | None = None) -> Step:
    """The step of an event on which `step` raised: state as it was, alert `unmonitored`, the event a dead letter.

    Reads as little of the state as possible: it may be what is broken. `at`: log time of the event, ms.
    """
    known_at = to_ms(getattr(event, "received_at", None) or event.effective_at) if at is None else at
    log_at = max(state.clock, known_at)
    event_id = "tick" if isinstance(event, Tick) else event.event_id
    rejected = () if isinstance(event, Tick) else (Rejected(None, "defect", "could not be judged", event_id),)
    # The patient's timers go on; a state that cannot be judged is tried again once a minute, not at every tick.
    marked = state._replace(clock=log_at, defect_at=log_at, due_at=whole_second(log_at + MINUTE))
    if find_open_alert(state, "unmonitored", "") is not None:
        return Step(marked, (), (Verdict("defect"),), rejected)
    course: Course = begin(guideline.profile)
    context = RuleContext(guideline, marked._replace(course=course), course, log_at, (0,) * len(SCALES))
    outcome = lifecycle.reconcile(context, 0, retracting=False)
    raised = [a for a in outcome.book.open if a.kind == "unmonitored"]
    messages = tuple(a for a in outcome.alerts if a.kind == "unmonitored")
    book = state.alerts._replace(open=(*state.alerts.open, *raised), raised=outcome.book.raised)
    return Step(marked._replace(alerts=book), messages, (Verdict("defect"), Verdict("raised", "unmonitored")), rejected)
