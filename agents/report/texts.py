"""Formats doses, alerts, evidence and times as plain text. The template escapes them; `alert` escapes by itself."""

from __future__ import annotations

from datetime import datetime
from html import escape
from textwrap import wrap

from agents.replay.injected_doses import INJECTED, is_injected
from agents.report.chart import AlertLife, GivenDose, Graded, InfusionState, OxygenSupport
from monitor.units import to_datetime
from schemas.alerts import Evidence
from schemas.wording import BASES, amount, name_of, number, observed

LINE_LENGTH = 64
EVIDENCE_SHOWN = 8


def at(when: datetime | int) -> str:
    """A time (or ms) with year and zone."""
    moment = to_datetime(when) if isinstance(when, int) else when
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def dose(given: GivenDose) -> str:
    """A dose in one line."""
    injected = f" ({INJECTED})" if given.injected else ""
    return f"{given.drug} {amount(given.dose_mg)}, {at(given.at)}{injected}"


def oxygen_support(one: OxygenSupport) -> str:
    """Oxygen support in one line; unknown parts are named as unknown."""
    device = name_of(one.device) if one.device else "device unknown"
    if one.device == "room_air":
        return device
    flow = "flow unknown" if one.flow_l_per_min is None else f"{one.flow_l_per_min:g} L/min"
    if one.fio2_fraction is None:
        return f"{device}, {flow}"
    share = f"FiO2 {one.fio2_fraction * 100:.0f} %"
    return f"{device}, {share}" if one.flow_l_per_min is None else f"{device}, {flow}, {share}"


def infusion(drug: str, one: InfusionState) -> str:
    """An infusion in one line."""
    return f"{drug}, rate unknown" if one.rate is None else f"{drug} {number(one.rate)} {one.unit or ''}".strip()


def graded(one: Graded) -> str:
    """A grade in one line; a floor when something is unknown."""
    if not one.unknown:
        return f"grade {one.grade} ({BASES[one.basis]})" if one.grade else "grade 0: no CRS"
    missing = ", ".join(name_of(name) for name in one.unknown)
    return f"grade at least {one.grade}: a floor, unknown: {missing}"


def evidence(one: Evidence) -> str:
    """One piece of evidence in one line, with its time if it has one."""
    injected = f" ({INJECTED})" if is_injected(one.event_id) else ""
    when = "" if one.effective_at is None else f", {at(one.effective_at)}"
    return f"{observed(one)}{when}{injected}"


def alert(life: AlertLife) -> str:
    """An alert for the hover text of its mark, in the subset of HTML that Plotly allows."""
    first = life.first
    lines = [
        f"<b>{escape(first.title)}</b>",
        f"{first.kind.replace('_', ' ')} · {first.priority} · raised {at(first.raised_at)}",
        *(escape(line) for line in wrap(first.message, LINE_LENGTH)),
    ]
    if first.evidence:
        lines.append("<b>Rests on</b>")
        lines += [escape(evidence(one)) for one in first.evidence[:EVIDENCE_SHOWN]]
    if first.unknown:
        lines.append("<b>Unknown</b>: " + escape(", ".join(name_of(name) for name in first.unknown)))
    lines.append(escape(f"Rule {first.rule.id} ({first.rule.profile} {first.rule.profile_version})"))
    if life.ended is not None:
        lines += [escape(line) for line in wrap(f"{ended(life)} {ended_at(life)}", LINE_LENGTH)]
    return "<br>".join(lines)


def ended(life: AlertLife) -> str:
    """How an alert ended."""
    if life.ended is None:
        return "open at the end"
    return f"{life.ended.status}: {life.ended.reason or 'no reason given'}"


def ended_at(life: AlertLife) -> str:
    """When an alert ended."""
    return "" if life.ended is None else at(life.ended.raised_at)
