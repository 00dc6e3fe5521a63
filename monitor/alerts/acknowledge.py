"""Somebody acknowledges or snoozes an alert: the alert afterwards, and the message about it."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alerts import messages
from monitor.alerts.candidate import RuleContext, rule_context
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, OpenAlert, State
from monitor.units import clock, to_ms
from monitor.verdicts import Verdict
from schemas.alert_kinds import closed_by
from schemas.alerts import Alert
from schemas.assessments import Acknowledge, Snooze

MAX_ACK_EVENT_IDS = 8


class AckResult(NamedTuple):
    """The open alerts afterwards, the message about it if there is one, and the verdict."""

    book: AlertBook
    message: Alert | None
    verdict: Verdict


def apply(guideline: Guideline, state: State, event: Acknowledge | Snooze) -> AckResult:
    """Apply an acknowledgement or a snooze; without effect the book stays the same object."""
    book = state.alerts
    index = next((i for i, a in enumerate(book.open) if a.alert_id == event.alert_id), None)
    if index is None:
        return AckResult(book, None, Verdict("no_such_alert"))
    alert = book.open[index]
    if event.event_id in alert.ack_event_ids:
        # It is about the alert as it was then: a repeat must not silence one that has become worse since.
        return AckResult(book, None, Verdict("duplicate", alert.kind))
    alert = alert._replace(ack_event_ids=(*alert.ack_event_ids, event.event_id)[-MAX_ACK_EVENT_IDS:])
    others = (*book.open[:index], *book.open[index + 1 :])
    context = rule_context(guideline, state, state.clock)
    if isinstance(event, Acknowledge):
        return _acknowledged(context, others, alert, event)
    return _snoozed(context, others, alert, event)


def _acknowledged(
    context: RuleContext, others: tuple[OpenAlert, ...], alert: OpenAlert, event: Acknowledge
) -> AckResult:
    book = context.state.alerts
    if alert.acknowledged_at is not None:
        return AckResult(book, None, Verdict("duplicate", alert.kind))
    reason = "acknowledged" if event.by is None else f"acknowledged by {event.by}"
    verdict = Verdict("acknowledged", alert.kind)
    if closed_by(alert.kind) == "acknowledgement":
        message = messages.closing_message(context, alert, "resolved", reason, context.grade)
        closed = (*book.closed, f"{alert.kind}:{alert.key}")
        return AckResult(book._replace(open=others, closed=closed), message, verdict)
    acknowledged = alert._replace(version=alert.version + 1, status="updated", acknowledged_at=context.at)
    message = messages.status_message(context, acknowledged, reason)
    return AckResult(book._replace(open=(*others, acknowledged)), message, verdict)


def _snoozed(context: RuleContext, others: tuple[OpenAlert, ...], alert: OpenAlert, event: Snooze) -> AckResult:
    book = context.state.alerts
    latest = to_ms(event.effective_at) + context.guideline.profile.snooze_at_most
    until = min(to_ms(event.until), latest)
    if alert.snoozed_until == until:
        return AckResult(book, None, Verdict("duplicate", alert.kind))
    if until <= context.at:
        return AckResult(book, None, Verdict("snooze_ended", alert.kind))
    snoozed = alert._replace(version=alert.version + 1, status="updated", snoozed_until=until)
    message = messages.status_message(context, snoozed, f"snoozed until {clock(until)}")
    return AckResult(book._replace(open=(*others, snoozed)), message, Verdict("snoozed", alert.kind))
