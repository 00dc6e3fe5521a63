"""What a replay came to, for people at a terminal: counts, grades, alerts, and the patients who were worst off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.replay.statistics import DISCLAIMER, GRADES, Statistics, Stay
from schemas.alert_kinds import ALERT_KINDS
from schemas.state import SCALES

PATIENTS_SHOWN = 15
NAMES_SHOWN = 5
WIDTH_OFF_TERMINAL = 100


def console_for(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: ids and names come from outside, and may look like markup or an emoji code.

    Lines are not cut to 80 columns where there is no terminal.
    """
    as_it_is = partial(Console, stderr=stderr, highlight=False, markup=False, emoji=False)
    console = as_it_is()
    return console if console.is_terminal else as_it_is(width=WIDTH_OFF_TERMINAL)


def summary(tally: Statistics, unmapped: Counter[str] | None = None) -> RenderableType:
    """The whole summary. `unmapped`: values of the feed without a counterpart in the contract."""
    parts: list[RenderableType] = [facts(tally, unmapped or Counter()), grades(tally), alerts(tally)]
    if tally.stays:
        parts.append(patients(tally))
    return Group(*parts, Text(DISCLAIMER, style="italic"))


def facts(tally: Statistics, unmapped: Counter[str]) -> Table:
    """What came in."""
    table = Table.grid(padding=(0, 2))
    events = {kind: count for kind, count in sorted(tally.events.items()) if kind not in ("tick", "recorded tick")}
    by_kind = ", ".join(f"{count:,} {kind}" for kind, count in events.items())
    table.add_row("patients", f"{len(tally.stays):,} ({tally.patient_days:,.1f} patient-days)")
    table.add_row("events", f"{sum(events.values()):,}" + (f" ({by_kind})" if by_kind else ""))
    table.add_row("profile", Text(f"{tally.guideline.profile.name} {tally.guideline.profile.version}"))
    raised = sum(tally.raised().values())
    table.add_row("alerts", f"{raised:,} raised, {tally.per_day(raised)} a patient-day; {tally.flaps} flapping")
    for name, counted in (
        ("dead letters", tally.dead_letters),
        ("unknown fields", tally.unknown_fields),
        ("not mapped", unmapped),
    ):
        if counted:
            table.add_row(name, Text(f"{sum(counted.values()):,} ({most(counted)})"))
    if tally.beyond:
        table.add_row("left out", f"{tally.beyond:,} events that came after --until")
    return table


def grades(tally: Statistics) -> Table:
    """Patients by the highest grade that they reached."""
    table = Table("highest grade", *(str(grade) for grade in GRADES), box=SIMPLE_HEAD, title="Patients by grade")
    for title, counts in tally.reached().items():
        table.add_row(title, *(number(counts[grade]) for grade in GRADES))
    return table


def alerts(tally: Statistics) -> Table:
    """Alerts raised, by kind."""
    table = Table("kind", box=SIMPLE_HEAD, title="Alerts raised")
    for heading in ("alerts", "patients", "a patient-day"):
        table.add_column(heading, justify="right")
    raised = tally.raised()
    for kind in ALERT_KINDS:
        if raised[kind]:
            having = sum(kind in stay.raised for stay in tally.stays.values())
            table.add_row(kind, f"{raised[kind]:,}", f"{having:,}", tally.per_day(raised[kind]))
    table.add_row("all", f"{sum(raised.values()):,}", "", tally.per_day(sum(raised.values())), style="bold")
    return table


def patients(tally: Statistics) -> Table:
    """Those who were worst off, and a line for the others."""
    worst = sorted(tally.stays.items(), key=lambda one: badness(one[1]), reverse=True)
    table = Table("patient", box=SIMPLE_HEAD, title="Patients, worst first")
    others = [scale.short for scale in SCALES[1:]]
    for heading in ("days", "episodes", "peak grade", *others, "alerts"):
        table.add_column(heading, justify="right")
    for patient_id, stay in worst[:PATIENTS_SHOWN]:
        table.add_row(Text(patient_id), *cells(stay))
    if len(worst) > PATIENTS_SHOWN:
        table.add_row(f"and {len(worst) - PATIENTS_SHOWN} more", *[""] * (4 + len(others)), style="dim")
    return table


def badness(stay: Stay) -> tuple[list[int], int, float]:
    """By what patients are put in order."""
    return list(stay.peaks.values()), sum(stay.raised.values()), stay.days


def cells(stay: Stay) -> Iterator[str]:
    """A patient's row."""
    yield f"{stay.days:.1f}"
    yield number(stay.episodes)
    yield from map(number, stay.peaks.values())
    yield number(sum(stay.raised.values()))


def number(count: int) -> str:
    """A count; nothing at all is a point."""
    return f"{count:,}" if count else "·"


def most(counted: Counter[str]) -> str:
    """The most frequent names."""
    named = ", ".join(f"{count:,} {name}" for name, count in counted.most_common(NAMES_SHOWN))
    return named + (f", {len(counted) - NAMES_SHOWN} other kinds" if len(counted) > NAMES_SHOWN else "")
