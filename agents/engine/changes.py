"""What a judgement changed: the event's disposition, whether it matters clinically, and how long alerts stood open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agents.engine.patients import Judged
from monitor.model import Oxygen
from monitor.step import SAME
from monitor.verdicts import Reason

Disposition = Literal["applied", "duplicate", "late", "forwarded", "dead_letter", "tick", "skipped"]
# The verdicts that decide the disposition of an event; with none of them it was applied.
DISPOSITIONS: Mapping[Reason, Disposition] = {
    "duplicate": "duplicate",
    "late": "late",
    "too_late": "late",
    "forwarded": "forwarded",
    "merged": "forwarded",
    "from_the_future": "dead_letter",
    "defect": "dead_letter",
}


def disposition(judged: Judged) -> Disposition:
    """The disposition of an event, by the first of its verdicts that decides one."""
    if judged.step.verdicts is SAME:
        return "applied"
    for verdict in judged.step.verdicts:
        if verdict.reason in DISPOSITIONS:
            return DISPOSITIONS[verdict.reason]
    return "applied"


def clinically_changed(judged: Judged) -> bool:
    """Whether the patient's state should be published at once: an alert, or a change beyond another like reading."""
    if judged.step.alerts:
        return True
    before, after = judged.before.course, judged.step.state.course
    return not (
        before.held is after.held
        and (
            before.episode is after.episode
            or before.episode == after.episode._replace(fever_at=before.episode.fever_at)
        )
        and before.doses is after.doses
        and before.infusions is after.infusions
        and (before.oxygen is after.oxygen or support(before.oxygen) == support(after.oxygen))
        and before.hypotension is after.hypotension
        and before.hypoxia is after.hypoxia
        and before.context is after.context
    )


def support(oxygen: Oxygen | None) -> tuple[object, ...]:
    """The patient's oxygen support, without the time at which it was charted."""
    return () if oxygen is None else (oxygen.device, oxygen.flow, oxygen.fio2)


def alert_delays(judged: Judged) -> tuple[list[int], list[tuple[str, int]]]:
    """ms from raising to acknowledgement, and (kind, ms) from raising to resolution, of alerts that got there now."""
    open_before = {alert.alert_id: alert for alert in judged.before.alerts.open}
    at = judged.step.state.clock
    acknowledged: list[int] = []
    resolved: list[tuple[str, int]] = []
    for alert in judged.step.alerts:
        before = open_before.get(alert.alert_id)
        if before is None:
            continue
        if alert.status == "resolved":
            resolved.append((before.kind, at - before.raised_at))
        elif alert.acknowledged_at is not None and before.acknowledged_at is None:
            acknowledged.append(at - before.raised_at)
    return acknowledged, resolved
