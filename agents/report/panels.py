"""Stacks panels over one time axis, as a Plotly figure in plain JSON. Heights are pixels, times are ms."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.platform.json_types import Json
from agents.report import colours

# Height of one lane of bars or marks.
BAND = 22
GAP = 30
TOP = 26
BOTTOM = 66
LEFT = 84
RIGHT = 44
FONT = {"family": "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif", "size": 12, "color": colours.INK}


@dataclass(slots=True)
class Panel:
    """One row of the figure. `axis`, `second`: Plotly settings of the left and the right y axis."""

    heading: str
    height: int
    axis: Json = field(default_factory=dict)
    traces: list[Json] = field(default_factory=list)
    limits: list[tuple[float, str]] = field(default_factory=list)
    shaded: list[tuple[float, float]] = field(default_factory=list)
    second: Json | None = None
    on_second: list[Json] = field(default_factory=list)


def figure(panels: list[Panel], begins: int, ends: int, upright: list[int]) -> Json:
    """The figure from `begins` to `ends`. `upright`: times at which a vertical line crosses all panels."""
    inner = sum(panel.height for panel in panels) + GAP * len(panels)
    margin = max((ends - begins) // 50, 60_000)
    layout: Json = {
        "height": inner + TOP + BOTTOM,
        "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM, "pad": 0},
        "font": FONT,
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "#ffffff", "bordercolor": colours.INK, "font": FONT},
        "showlegend": False,
        "dragmode": "zoom",
        "barmode": "overlay",
        "uniformtext": {"minsize": 10, "mode": "hide"},
        "shapes": [],
        "annotations": [],
        "xaxis": {
            "type": "date",
            "range": [begins - margin, ends + margin],
            "anchor": f"y{len(panels)}",
            "title": {"text": "time at the bedside, UTC", "standoff": 18},
            "gridcolor": colours.GRID,
            "linecolor": colours.FAINT,
            "ticks": "outside",
            "tickcolor": colours.FAINT,
            "hoverformat": "%Y-%m-%d %H:%M UTC",
            "showspikes": True,
            "spikemode": "across",
            "spikesnap": "cursor",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": colours.FAINT,
        },
    }
    data: list[Json] = []
    top = inner
    extra = len(panels)
    for number, panel in enumerate(panels, start=1):
        top -= GAP
        domain = [(top - panel.height) / inner, top / inner]
        axis = f"y{number}"
        layout[f"yaxis{number}"] = axis_of(panel.axis, domain)
        layout["annotations"].append(heading(panel.heading, domain[1]))
        data += [trace | {"yaxis": axis} for trace in panel.traces]
        add_limits(layout, panel, axis)
        if panel.second is not None:
            extra += 1
            right = {"overlaying": axis, "side": "right", "showgrid": False}
            layout[f"yaxis{extra}"] = axis_of(panel.second, None) | right
            data += [trace | {"yaxis": f"y{extra}"} for trace in panel.on_second]
        top -= panel.height
    layout["shapes"] += [line_through(instant) for instant in upright]
    return {"data": data, "layout": layout}


def axis_of(axis: Json, domain: list[float] | None) -> Json:
    """The settings of a y axis: faint grid, no vertical zoom."""
    base: Json = {
        "fixedrange": True,
        "gridcolor": colours.GRID,
        "zeroline": False,
        "linecolor": colours.FAINT,
        "automargin": False,
        "tickfont": {"size": 11},
    }
    return base | axis | ({} if domain is None else {"domain": domain})


def heading(text: str, top: float) -> Json:
    """A panel's heading, above its left corner."""
    return {
        "text": f"<b>{text}</b>",
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 3,
        "showarrow": False,
        "bgcolor": "rgba(255,255,255,0.85)",
        "font": {"size": 12, "color": colours.INK},
    }


def add_limits(layout: Json, panel: Panel, axis: str) -> None:
    """Adds dashed limits with their value at the right end, and shades the range beyond them."""
    for below, above in panel.shaded:
        layout["shapes"].append(
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "yref": axis,
                "y0": below,
                "y1": above,
                "fillcolor": colours.LIMIT,
                "opacity": 0.05,
                "line": {"width": 0},
                "layer": "below",
            }
        )
    for value, text in panel.limits:
        layout["shapes"].append(
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "yref": axis,
                "y0": value,
                "y1": value,
                "line": {"color": colours.LIMIT, "width": 1, "dash": "dash"},
                "layer": "below",
            }
        )
        layout["annotations"].append(
            {
                "text": text,
                "xref": "paper",
                "x": 1,
                "xanchor": "left",
                "xshift": 3,
                "yref": axis,
                "y": value,
                "showarrow": False,
                "font": {"size": 10, "color": colours.LIMIT},
            }
        )


def line_through(instant: int) -> Json:
    """A vertical line through all panels."""
    return {
        "type": "line",
        "xref": "x",
        "x0": instant,
        "x1": instant,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": colours.TOCILIZUMAB, "width": 1, "dash": "dot"},
        "layer": "below",
    }
