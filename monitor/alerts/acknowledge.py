"""Someone acknowledges or snoozes an alert: what that makes of it, and what people are told."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alerts import lifecycle, messages
from monitor.alerts.candidate import Scene
from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import Book, OpenAlert, State
from monitor.units.instants import clock, to_ms
from monitor.verdicts import Verdict
from schemas.alerts import Alert
from schemas.events import Acknowledge, Snooze

ANSWERS_KEPT = 8


class Answered(NamedTuple):
    """The book after an answer, the message about it, and the verdict."""

    book: Book
    message: Alert | None
    verdict: Verdict


def answered(guideline: Guideline, state: State, event: Acknowledge | Snooze) -> Answered:
    """The alert as it is after the answer; the same book when the answer changes nothing."""
    book = state.book
    index = next((i for i, a in enumerate(book.open) if a.alert_id == event.alert_id), None)
    if index is None or event.status == "entered_in_error":
        return Answered(book, None, Verdict("no_such_alert"))
    alert = book.open[index]
    if event.event_id in alert.answers:
        # Seen is what was seen then: a repeat must not quieten what has worsened since.
        return Answered(book, None, Verdict("duplicate", alert.kind))
    alert = alert._replace(answers=(*alert.answers, event.event_id)[-ANSWERS_KEPT:])
    others = (*book.open[:index], *book.open[index + 1 :])
    at = state.clock
    scene, _ = lifecycle.scene_of(guideline, state, fold.advance(guideline, state.course, at), at)
    if isinstance(event, Acknowledge):
        return _acknowledged(scene, others, alert, event)
    return _snoozed(scene, others, alert, event)


def _acknowledged(scene: Scene, others: tuple[OpenAlert, ...], alert: OpenAlert, event: Acknowledge) -> Answered:
    book = scene.state.book
    if alert.acknowledged_at is not None:
        return Answered(book, None, Verdict("duplicate", alert.kind))
    seen_by = "acknowledged" if event.by is None else f"acknowledged by {event.by}"
    verdict = Verdict("acknowledged", alert.kind)
    if alert.kind in lifecycle.UNTIL_SEEN:
        message = messages.closing(scene, alert, "resolved", seen_by, scene.grade)
        closed = (*book.closed, f"{alert.kind}:{alert.key}")
        return Answered(book._replace(open=others, closed=closed), message, verdict)
    seen = alert._replace(version=alert.version + 1, status="updated", acknowledged_at=scene.at)
    return Answered(book._replace(open=(*others, seen)), messages.marked(scene, seen, seen_by), verdict)


def _snoozed(scene: Scene, others: tuple[OpenAlert, ...], alert: OpenAlert, event: Snooze) -> Answered:
    book = scene.state.book
    longest = to_ms(event.effective_at) + scene.guideline.profile.snooze_at_most
    until = min(to_ms(event.until), longest)
    if alert.snoozed_until == until:
        return Answered(book, None, Verdict("duplicate", alert.kind))
    if until <= scene.at:
        return Answered(book, None, Verdict("snooze_ended", alert.kind))
    quiet = alert._replace(version=alert.version + 1, status="updated", snoozed_until=until)
    message = messages.marked(scene, quiet, f"snoozed until {clock(until)}")
    return Answered(book._replace(open=(*others, quiet)), message, Verdict("snoozed", alert.kind))
