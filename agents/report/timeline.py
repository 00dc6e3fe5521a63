"""One patient's timeline: grades as bands, doses and alerts as marks, then what the grades rest on, over one axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agents.platform.json_types import Json
from agents.report import colours, texts
from agents.report.chart import AlertLife, Chart, GivenDose, Graded, InfusionState
from agents.report.panels import Panel, figure
from agents.report.series import Series, Span
from monitor.guidelines.in_force import Guideline
from monitor.units.instants import HOUR, MINUTE, to_ms
from schemas import wording

BAND = 22
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
GAP_AFTER = 12 * HOUR
PRIORITIES = ("high", "medium", "low", "technical")


def timeline(guideline: Guideline, chart: Chart) -> Json:
    """The figure of a patient."""
    ends = max([chart.last_at, *(to_ms(life.first.raised_at) for life in chart.alerts.values())])
    begins = min(chart.first_at, ends)
    # What the last event said holds for a while, or it could not be seen.
    ends += max((ends - begins) // 60, 5 * MINUTE)
    panels = [
        grades(guideline, chart, ends),
        *alerts(chart, ends),
        *doses(chart),
        temperature(guideline, chart),
        pressure(chart),
        saturation(guideline, chart),
        *oxygen(guideline, chart, ends),
        *infusions(chart, ends),
    ]
    upright = [given.at for given in chart.doses.values() if given.role == "tocilizumab"]
    return figure(panels, begins, ends, upright)


def grades(guideline: Guideline, chart: Chart, ends: int) -> Panel:
    """Two bands; hatched where something was missing, so that the grade is a floor."""
    names = {guideline.profile.name: chart.grades, guideline.astct.name: chart.astct}
    return Panel(
        "CRS grade (hatched: a floor, something is unknown)",
        BAND * len(names) + 6,
        {"type": "category", "categoryarray": list(reversed(names)), "showgrid": False},
        [band(name, graded.spans(ends), of_grade) for name, graded in names.items()],
    )


def of_grade(one: Graded) -> tuple[str, str, str, str, str]:
    """Colour, colour of the text, text, pattern and tip of a grade."""
    text = "" if one.grade == 0 else f"≥ {one.grade}" if one.unknown else str(one.grade)
    pattern = "/" if one.unknown else ""
    return colours.GRADE[one.grade], colours.ON_GRADE[one.grade], text, pattern, texts.graded(one)


def band(lane: str, spans: list[Span[Graded]], look: Callable[[Graded], tuple[str, str, str, str, str]]) -> Json:
    """Spans in one lane, as bars that lie down."""
    looks = [look(span.value) for span in spans]
    return bars(lane, [(span.begins, span.ends) for span in spans], looks)


def bars(lane: str, spans: list[tuple[int, int]], looks: list[tuple[str, str, str, str, str]]) -> Json:
    """Bars that lie down. A look: colour, colour of the text, text, pattern, tip."""
    return {
        "type": "bar",
        "orientation": "h",
        "y": [lane] * len(spans),
        "base": [begins for begins, _ in spans],
        "x": [ends - begins for begins, ends in spans],
        "width": 0.86,
        "text": [look[2] for look in looks],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "insidetextfont": {"color": [look[1] for look in looks], "size": 12},
        "textangle": 0,
        "marker": {
            "color": [look[0] for look in looks],
            "line": {"width": 0},
            "pattern": {
                "shape": [look[3] for look in looks],
                "fgcolor": "rgba(34,48,60,0.28)",
                "fillmode": "overlay",
                "size": 6,
                "solidity": 0.2,
            },
        },
        "customdata": [
            f"{look[4]}<br>{texts.at(begins)} to {texts.at(ends)}"
            for look, (begins, ends) in zip(looks, spans, strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def alerts(chart: Chart, ends: int) -> Iterator[Panel]:
    """One lane a priority: a mark where an alert was raised, a line for as long as it stood."""
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
    """For how long each alert stood."""
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
        said("Temperature, °C", points),
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
        said("Blood pressure, mmHg (dark: systolic, light: mean arterial)", systolic, mean),
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
        said("SpO2, %", points),
        100,
        {"range": [low, 101.5]},
        [curve("SpO2", points, colours.SATURATION, "%", ".0f")],
        [(limit, f"{limit}")],
        [(low, limit)],
    )


def said(heading: str, *series: Series) -> str:
    """A heading; a signal without any reading is unknown, not normal."""
    return heading if any(one.points() for one in series) else f"{heading}: unknown, no readings"


def curve(name: str, series: Series, colour: str, unit: str, form: str) -> Json:
    """Readings of one signal; the line breaks where there were none for long."""
    points: list[tuple[int, float | None]] = []
    for at, value in series.points():
        if points and at - points[-1][0] > GAP_AFTER:
            points.append((points[-1][0] + 1, None))
        points.append((at, value))
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(points) < 400 else "lines",
        "name": name,
        "x": [at for at, _ in points],
        "y": [None if value is None else round(value, 2) for _, value in points],
        "line": {"color": colour, "width": 1.4},
        "marker": {"color": colour, "size": 4},
        "hovertemplate": f"{name} %{{y:{form}}} {unit}<br>%{{x}}<extra></extra>",
    }


def oxygen(guideline: Guideline, chart: Chart, ends: int) -> Iterator[Panel]:
    """The device as a band, its flow and oxygen fraction as lines."""
    spans = chart.oxygen.spans(ends)
    if not spans:
        yield Panel(
            "Oxygen support: unknown, nothing charted", BAND, {"visible": False, "range": [0, 1]}, [empty(ends)]
        )
        return
    devices: list[tuple[int, int, str | None]] = []
    for span in spans:
        if devices and devices[-1][2] == span.value.device and devices[-1][1] == span.begins:
            devices[-1] = (devices[-1][0], span.ends, span.value.device)
        else:
            devices.append((span.begins, span.ends, span.value.device))
    looks = [of_device(device) for _, _, device in devices]
    band = bars("device", [(begins, until) for begins, until, _ in devices], looks)
    yield Panel("Oxygen support", BAND + 4, {"type": "category", "showgrid": False}, [band])
    flows = [span for span in spans if span.value.flow_l_per_min is not None]
    shares = [span for span in spans if span.value.fio2_fraction is not None]
    if not flows and not shares:
        return
    highest = max([8.0, *(span.value.flow_l_per_min or 0 for span in flows)])
    tips = [texts.oxygen_support(span.value) for span in spans]
    flow = staircase([(s.begins, s.ends, s.value.flow_l_per_min) for s in spans], tips, colours.FLOW)
    share = staircase(
        [(s.begins, s.ends, s.value.fio2_fraction and s.value.fio2_fraction * 100) for s in spans],
        tips,
        colours.FRACTION,
    )
    percent = {"range": [15, 105], "tickvals": [21, 60, 100], "tickfont": {"size": 11, "color": colours.FRACTION}}
    ticks = {"rangemode": "tozero", "range": [0, highest * 1.1], "tickfont": {"size": 11, "color": colours.FLOW}}
    yield Panel(
        "Oxygen flow, L/min, and FiO2, % (left and blue, right and purple)",
        80,
        ticks,
        [flow],
        second=percent if shares else None,
        on_second=[share | {"line": share["line"] | {"dash": "dot"}}],
    )


def of_device(device: str | None) -> tuple[str, str, str, str, str]:
    """The look of a device; an unknown one is hatched."""
    if device is None:
        return "#ffffff", colours.INK, "unknown", "x", "device unknown"
    name = wording.name_of(device)
    return colours.DEVICE[device], colours.ON_DEVICE.get(device, colours.INK), name, "", name


def staircase(spans: list[tuple[int, int, float | None]], tips: list[str], colour: str) -> Json:
    """A value that holds until it changes; a gap where it is not known."""
    x: list[int] = []
    y: list[float | None] = []
    said: list[str] = []
    for (begins, ends, value), tip in zip(spans, tips, strict=True):
        x += [begins, ends]
        y += [value, value]
        said += [tip, tip]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 2, "shape": "hv"},
        "connectgaps": False,
        "customdata": said,
        "hovertemplate": "%{customdata}<br>%{x}<extra></extra>",
    }


def infusions(chart: Chart, ends: int) -> Iterator[Panel]:
    """A panel for each vasoactive drug and unit, at its true rate; off is zero, an unknown rate is a dotted bar."""
    for number, (drug, steps) in enumerate(sorted(chart.infusions.items())):
        spans = steps.spans(ends)
        units = list(dict.fromkeys(span.value.unit for span in spans if span.value.on and span.value.rate is not None))
        colour = colours.DRUG[number % len(colours.DRUG)]
        for unit in units or [None]:
            rates = [
                (s.begins, s.ends, 0.0 if not s.value.on or s.value.unit not in (unit, None) else s.value.rate)
                for s in spans
            ]
            tips = [texts.infusion(drug, s.value) if s.value.on else f"{drug} off" for s in spans]
            highest = max((rate for _, _, rate in rates if rate is not None), default=0) or 1
            line = staircase(rates, tips, colour) | {"fill": "tozeroy", "fillcolor": tinted(colour)}
            blanks = [s for s in spans if s.value.on and s.value.rate is None]
            label = f"{drug}, {unit}" if unit else f"{drug}: rate unknown"
            yield Panel(
                label,
                52,
                {"range": [0, highest * 1.15], "tickvals": [0, round(highest, 3)], "rangemode": "tozero"},
                [line, *([uncharted(drug, blanks, highest)] if blanks else [])],
            )


def uncharted(drug: str, spans: list[Span[InfusionState]], highest: float) -> Json:
    """Times at which a drug ran at a rate that nobody knows."""
    x: list[int | None] = []
    for span in spans:
        x += [span.begins, span.ends, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [highest / 2] * len(x),
        "line": {"color": colours.FAINT, "width": 6, "dash": "dot"},
        "hovertemplate": f"{drug}, rate unknown<br>%{{x}}<extra></extra>",
    }


def tinted(colour: str) -> str:
    """The same colour, faint."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def empty(ends: int) -> Json:
    """A trace without anything, so that the panel is drawn."""
    return {"type": "scatter", "x": [ends], "y": [None], "hoverinfo": "skip"}
