"""Builds the report: one HTML page without external resources, the ward first, then each patient's timeline."""

from __future__ import annotations

from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs
from pydantic_core import to_json

from agents.platform.errors import UserError
from agents.replay.statistics import DISCLAIMER, GRADES, Statistics, Stay
from agents.report import colours, texts
from agents.report.chart import AlertLife, Chart
from agents.report.collect import Charts
from agents.report.narrative import Narrative
from agents.report.timeline import timeline
from monitor.units import MINUTE, duration
from schemas.alert_kinds import ALERT_KINDS, report_order
from schemas.state import SCALES

CLIF_SOURCE = "CLIF"
SHORT_LIFE_WORDS = "the same alert raised and resolved within 30 min, more than twice in a day"
LETTERS_NAMED = 8


class PageLine(NamedTuple):
    """A patient in the list of the ward and in the heading of the patient's section; `figure`: JSON for plotly.js."""

    chart: Chart
    stay: Stay
    figure: str

    @property
    def tocilizumab(self) -> int:
        """Number of doses of tocilizumab."""
        return sum(given.role == "tocilizumab" for given in self.chart.doses.values())

    @property
    def sort_value(self) -> float:
        """By what the list is sorted: the highest grade, then that on the next scale, and so on."""
        return sum(peak * 0.1**place for place, peak in enumerate(self.stay.peaks.values()))

    @property
    def injected(self) -> int:
        """Number of doses that the demonstration injected."""
        return sum(given.injected for given in self.chart.doses.values())

    @property
    def lives(self) -> list[AlertLife]:
        """Alerts in the order in which they were raised."""
        lives = self.chart.alerts.values()
        return sorted(lives, key=lambda life: (life.first.raised_at, report_order(life.first.kind)))

    @property
    def is_floor(self) -> bool:
        """Whether the last grade is a floor because something is unknown."""
        return bool(self.chart.unknown)


def write_page(path: Path, tally: Statistics, charts: Charts, source: str, story: Narrative | None = None) -> None:
    """Writes the page. `source`: CLIF_SOURCE, or where the events came from. Raises UserError if it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(tally, charts, source, story), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def page(tally: Statistics, charts: Charts, source: str, story: Narrative | None = None) -> str:
    """The page as HTML text."""
    template = environment().get_template("page.html.j2")
    return template.render(
        tally=tally,
        guideline=charts.guideline,
        lines=lines_of(tally, charts),
        reached=tally.reached(),
        scales=SCALES,
        kinds=kinds(tally),
        raised=sum(tally.raised().values()),
        events=sum(count for kind, count in tally.events.items() if kind not in ("tick", "recorded tick")),
        letters=named(tally.dead_letters),
        clif=source == CLIF_SOURCE,
        source=source,
        story=story,
        disclaimer=DISCLAIMER,
        flap=SHORT_LIFE_WORDS,
        style=asset("page.css"),
        script=asset("page.js"),
        plotly=get_plotlyjs(),
    )


def lines_of(tally: Statistics, charts: Charts) -> list[PageLine]:
    """All patients with at least one event, the worst first."""
    lines = [
        PageLine(chart, tally.stays[patient_id], inline(timeline(charts.guideline, chart)))
        for patient_id, chart in charts.by_patient.items()
        if patient_id in tally.stays
    ]
    fever = charts.guideline.profile.fever_tenths / 10
    return sorted(
        lines,
        key=lambda line: (
            *(-peak for peak in line.stay.peaks.values()),
            -((line.chart.highest_temperature_celsius or 0) >= fever),
            -sum(line.stay.raised.values()),
            line.chart.number,
        ),
    )


def inline(data: Any) -> str:
    """JSON that is safe inside a script element: no character of it can end the element."""
    return to_json(data).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def environment() -> Environment:
    """The template engine, with what the page's template calls."""
    made = Environment(
        loader=PackageLoader("agents.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.globals |= {
        "texts": texts,
        "colours": colours,
        "duration": lasted,
        "most_of": most_of,
        "levels": levels,
    }
    return made


def most_of(reached: dict[str, dict[int, int]]) -> int:
    """The largest number of patients at any grade of any scale."""
    return max(count for counts in reached.values() for count in counts.values())


def levels(reached: dict[str, dict[int, int]]) -> list[int]:
    """The grades that are listed; 5 only if a patient reached it."""
    return [grade for grade in GRADES if grade < 5 or any(counts[grade] for counts in reached.values())]


def kinds(tally: Statistics) -> list[tuple[str, int, int, str]]:
    """Rows of: kind of alert, number raised, number of patients, number for each patient-day."""
    raised = tally.raised()
    return [
        (kind, raised[kind], sum(kind in stay.raised for stay in tally.stays.values()), tally.per_day(raised[kind]))
        for kind in ALERT_KINDS
        if raised[kind]
    ]


def named(counted: Counter[str]) -> str:
    """The most frequent reasons with their counts, in one line."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counted.most_common(LETTERS_NAMED))


def lasted(days: float) -> str:
    """A length of stay as text."""
    return f"{days:.1f} days" if days >= 1 else duration(round(days * 24 * 60) * MINUTE)


def asset(name: str) -> str:
    """The text of a file in this package."""
    return (resources.files("agents.report") / name).read_text(encoding="utf-8")
