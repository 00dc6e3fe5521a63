"""The shapes of the timeline as Plotly traces in plain JSON: horizontal bars, curves, staircases. Times are ms."""

from __future__ import annotations

from agents.platform.json_types import Json
from agents.report import texts
from agents.report.series import Series
from monitor.units import HOUR

GAP_AFTER = 12 * HOUR


def bars(lane: str, spans: list[tuple[int, int]], looks: list[tuple[str, str, str, str, str]]) -> Json:
    """Horizontal bars. A look: colour, text colour, text, pattern, hover text."""
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


def curve(name: str, series: Series, colour: str, unit: str, form: str) -> Json:
    """Readings of one signal as a line, interrupted where there were none for long."""
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


def staircase(spans: list[tuple[int, int, float | None]], tips: list[str], colour: str) -> Json:
    """A value that holds until it changes, with gaps where it is unknown."""
    x: list[int] = []
    y: list[float | None] = []
    hover_texts: list[str] = []
    for (begins, ends, value), tip in zip(spans, tips, strict=True):
        x += [begins, ends]
        y += [value, value]
        hover_texts += [tip, tip]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 2, "shape": "hv"},
        "connectgaps": False,
        "customdata": hover_texts,
        "hovertemplate": "%{customdata}<br>%{x}<extra></extra>",
    }


def tinted(colour: str) -> str:
    """The same colour, mostly transparent."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def empty(ends: int) -> Json:
    """A trace without points, so that an empty panel is drawn."""
    return {"type": "scatter", "x": [ends], "y": [None], "hoverinfo": "skip"}
