"""One patient's timeline: panels for grades, alerts, doses, vitals and supports over one time axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agents.platform.json_types import Json
from agents.replay.statistics import scale_titles
from agents.report import colours, texts
from agents.report.chart import AlertLife, Chart, GivenDose, Graded
from agents.report.panels import BAND, Panel, figure
from agents.report.series import Series, Span
from agents.report.support_panels import infusions, oxygen
from agents.report.traces import bars, curve
from monitor.guidelines.in_force import Guideline
from monitor.units import MINUTE, to_ms

LANE_BY_ROLE = {
    "tocilizumab": "tocilizumab",
    "siltuximab": "other agents",
    "anakinra": "other agents",
    "ruxolitinib": "other agents",
    "steroid": "steroids",
    "antipyretic": "antipyretics",
    "antibiotic": "antibiotics",
    "antifungal": "antifungals",
}
FIRST_LANE = "tocilizumab"
PRIORITIES = ("high", "medium", "low", "technical")


def timeline(guideline: Guideline, chart: Chart) -> Json:
    """The figure of a patient as JSON for plotly.js."""
    ends = max([chart.last_at, *(to_ms(life.first.raised_at) for life in chart.alerts.values())])
    begins = min(chart.first_at, ends)
    # Extended, so that the interval after the last event is visible.
    ends += max((ends - begins) // 60, 5 * MINUTE)
    panels = [
        grades(guideline, chart, ends),
        *alerts(chart, ends),
        *doses(chart),
        temperature(guideline, chart),
        pressure(chart),
        saturation(guideline, chart),
        *oxygen(chart, ends),
        *infusions(chart, ends),
    ]
    upright = [given.at for given in chart.doses.values() if given.role == "tocilizumab"]
    return figure(panels, begins, ends, upright)


def grades(guideline: Guideline, chart: Chart, ends: int) -> Panel:
    """A band for each scale, hatched where something is unknown and the grade is a floor."""
    names = {title: chart.grades[name] for name, title in scale_titles(guideline).items()}
    return Panel(
        "CRS grade (hatched: a floor, something is unknown)",
        BAND * len(names) + 6,
        {"type": "category", "categoryarray": list(reversed(names)), "showgrid": False},
        [band(name, graded.spans(ends), of_grade) for name, graded in names.items()],
    )


def of_grade(one: Graded) -> tuple[str, str, str, str, str]:
    """Colour, text colour, text, pattern and hover text of a grade."""
    text = "" if one.grade == 0 else f"≥ {one.grade}" if one.unknown else str(one.grade)
    pattern = "/" if one.unknown else ""
    return colours.GRADE[one.grade], colours.ON_GRADE[one.grade], text, pattern, texts.graded(one)


def band(lane: str, spans: list[Span[Graded]], look: Callable[[Graded], tuple[str, str, str, str, str]]) -> Json:
    """Spans in one lane, as horizontal bars."""
    looks = [look(span.value) for span in spans]
    return bars(lane, [(span.begins, span.ends) for span in spans], looks)


def alerts(chart: Chart, ends: int) -> Iterator[Panel]:
    """One lane for each priority: a mark where an alert was raised, a line for as long as it was open."""
    lanes = [name for name in PRIORITIES if any(life.first.priority == name for life in chart.alerts.values())]
    if not lanes:
        return
    traces = []
    for lane in lanes:
        lives = [life for life in chart.alerts.values() if life.first.priority == lane]
        traces += [open_lines(lane, lives, ends), raised(lane, lives)]
    axis = {"type": "category", "categoryarray": list(reversed(lanes)), "range": [-0.6, len(lanes) - 0.4]}
    yield Panel("Alerts (point at a mark for text and evidence)", BAND * len(lanes) + 6, axis, traces)


def open_lines(lane: str, lives: list[AlertLife], ends: int) -> Json:
    """Lines for as long as each alert was open."""
    x: list[int | None] = []
    for life in lives:
        over_at = ends if life.ended is None else min(to_ms(life.ended.raised_at), ends)
        x += [to_ms(life.first.raised_at), over_at, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [lane] * len(x),
        "line": {"color": colours.PRIORITY[lane], "width": 5},
        "opacity": 0.22,
        "hoverinfo": "skip",
    }


def raised(lane: str, lives: list[AlertLife]) -> Json:
    """Where each alert was raised."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [to_ms(life.first.raised_at) for life in lives],
        "y": [lane] * len(lives),
        "marker": {
            "symbol": colours.SYMBOL[lane],
            "color": colours.PRIORITY[lane],
            "size": 10,
            "line": {"color": "#ffffff", "width": 1},
        },
        "customdata": [texts.alert(life) for life in lives],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def doses(chart: Chart) -> Iterator[Panel]:
    """One lane a kind of drug; doses of the demonstration are hollow."""
    by_lane: dict[str, list[GivenDose]] = {}
    for given in sorted(chart.doses.values(), key=lambda given: given.at):
        by_lane.setdefault(LANE_BY_ROLE.get(given.role, "other agents"), []).append(given)
    if not by_lane:
        return
    lanes = sorted(by_lane, key=lambda lane: list(LANE_BY_ROLE.values()).index(lane))
    injected = any(given.injected for given in chart.doses.values())
    axis = {"type": "category", "categoryarray": list(reversed(lanes)), "range": [-0.6, len(lanes) - 0.4]}
    heading = "Doses" + (" (hollow: injected by the demonstration)" if injected else "")
    yield Panel(heading, BAND * len(lanes) + 6, axis, [given_in(lane, by_lane[lane]) for lane in lanes])


def given_in(lane: str, given: list[GivenDose]) -> Json:
    """The doses of one lane."""
    colour = colours.TOCILIZUMAB if lane == FIRST_LANE else colours.INK
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [one.at for one in given],
        "y": [lane] * len(given),
        "marker": {
            "symbol": ["diamond-tall-open" if one.injected else "diamond-tall" for one in given],
            "color": colour,
            "size": 12 if lane == FIRST_LANE else 9,
            "line": {"width": 2 if lane == FIRST_LANE else 1, "color": colour},
        },
        "customdata": [texts.dose(one) for one in given],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def temperature(guideline: Guideline, chart: Chart) -> Panel:
    """Temperature with the fever limit."""
    limit = guideline.profile.fever_tenths / 10
    points = chart.signals["temperature_celsius"]
    values = [value for _, value in points.points()] or [limit - 1]
    low, high = min([35.8, *values]) - 0.2, max([39.0, *values]) + 0.3
    return Panel(
        heading("Temperature, °C", points),
        110,
        {"range": [low, high]},
        [curve("temperature", points, colours.TEMPERATURE, "°C", ".1f")],
        [(limit, f"{limit:g}")],
        [(limit, high)],
    )


def pressure(chart: Chart) -> Panel:
    """Systolic and mean arterial pressure with this patient's limits."""
    systolic, mean = chart.signals["systolic_mmhg"], chart.signals["mean_arterial_mmhg"]
    values = [value for _, value in (*systolic.points(), *mean.points())] or [80]
    limits = [
        (float(limit), f"{name} {limit}")
        for name, limit in (("SBP", chart.sbp_below), ("MAP", chart.map_below))
        if limit
    ]
    return Panel(
        heading("Blood pressure, mmHg (dark: systolic, light: mean arterial)", systolic, mean),
        140,
        {"range": [min([45, *values]) - 5, max([140, *values]) + 5]},
        [
            curve("mean arterial", mean, colours.MEAN, "mmHg", ".0f"),
            curve("systolic", systolic, colours.SYSTOLIC, "mmHg", ".0f"),
        ],
        limits,
    )


def saturation(guideline: Guideline, chart: Chart) -> Panel:
    """Oxygen saturation with the limit on room air."""
    limit = guideline.profile.spo2_below
    points = chart.signals["spo2_percent"]
    low = min([85, *(value for _, value in points.points())]) - 2
    return Panel(
        heading("SpO2, %", points),
        100,
        {"range": [low, 101.5]},
        [curve("SpO2", points, colours.SATURATION, "%", ".0f")],
        [(limit, f"{limit}")],
        [(low, limit)],
    )


def heading(heading: str, *series: Series) -> str:
    """A heading; it says when a signal without readings is unknown."""
    return heading if any(one.points() for one in series) else f"{heading}: unknown, no readings"
