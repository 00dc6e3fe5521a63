"""Someone acknowledges or snoozes an alert: what that makes of it, and what people are told."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alerts import lifecycle, messages
from monitor.alerts.candidate import RuleContext
from monitor.course import fold
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, OpenAlert, State
from monitor.units.instants import clock, to_ms
from monitor.verdicts import Verdict
from schemas.alerts import Alert
from schemas.events import Acknowledge, Snooze

MAX_ACK_EVENT_IDS = 8


class AckResult(NamedTuple):
    """The book after an answer, the message about it, and the verdict."""

    book: AlertBook
    message: Alert | None
    verdict: Verdict


def apply(guideline: Guideline, state: State, event: Acknowledge | Snooze) -> AckResult:
    """The alert as it is after the answer; the same book when the answer changes nothing."""
    book = state.alerts
    index = next((i for i, a in enumerate(book.open) if a.alert_id == event.alert_id), None)
    if index is None or event.status == "entered_in_error":
        return AckResult(book, None, Verdict("no_such_alert"))
    alert = book.open[index]
    if event.event_id in alert.ack_event_ids:
        # Seen is what was seen then: a repeat must not quieten what has worsened since.
        return AckResult(book, None, Verdict("duplicate", alert.kind))
    alert = alert._replace(ack_event_ids=(*alert.ack_event_ids, event.event_id)[-MAX_ACK_EVENT_IDS:])
    others = (*book.open[:index], *book.open[index + 1 :])
    at = state.clock
    scene, _ = lifecycle.rule_context(guideline, state, fold.advance(guideline, state.course, at), at)
    if isinstance(event, Acknowledge):
        return _acknowledged(scene, others, alert, event)
    return _snoozed(scene, others, alert, event)


def _acknowledged(scene: RuleContext, others: tuple[OpenAlert, ...], alert: OpenAlert, event: Acknowledge) -> AckResult:
    book = scene.state.alerts
    if alert.acknowledged_at is not None:
        return AckResult(book, None, Verdict("duplicate", alert.kind))
    seen_by = "acknowledged" if event.by is None else f"acknowledged by {event.by}"
    verdict = Verdict("acknowledged", alert.kind)
    if alert.kind in lifecycle.UNTIL_ACKNOWLEDGED:
        message = messages.closing_message(scene, alert, "resolved", seen_by, scene.grade)
        closed = (*book.closed, f"{alert.kind}:{alert.key}")
        return AckResult(book._replace(open=others, closed=closed), message, verdict)
    seen = alert._replace(version=alert.version + 1, status="updated", acknowledged_at=scene.at)
    return AckResult(book._replace(open=(*others, seen)), messages.status_message(scene, seen, seen_by), verdict)


def _snoozed(scene: RuleContext, others: tuple[OpenAlert, ...], alert: OpenAlert, event: Snooze) -> AckResult:
    book = scene.state.alerts
    longest = to_ms(event.effective_at) + scene.guideline.profile.snooze_at_most
    until = min(to_ms(event.until), longest)
    if alert.snoozed_until == until:
        return AckResult(book, None, Verdict("duplicate", alert.kind))
    if until <= scene.at:
        return AckResult(book, None, Verdict("snooze_ended", alert.kind))
    quiet = alert._replace(version=alert.version + 1, status="updated", snoozed_until=until)
    message = messages.status_message(scene, quiet, f"snoozed until {clock(until)}")
    return AckResult(book._replace(open=(*others, quiet)), message, Verdict("snoozed", alert.kind))
