"""The panels of a timeline for oxygen support and infusions. `ends`: end of the time axis in ms."""

from __future__ import annotations

from collections.abc import Iterator

from agents.platform.json_types import Json
from agents.report import colours, texts
from agents.report.chart import Chart, InfusionState
from agents.report.panels import BAND, Panel
from agents.report.series import Span
from agents.report.traces import bars, empty, staircase, tinted
from schemas import wording


def oxygen(chart: Chart, ends: int) -> Iterator[Panel]:
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
    """Colour, text colour, text, pattern and hover text of a device; an unknown one is hatched."""
    if device is None:
        return "#ffffff", colours.INK, "unknown", "x", "device unknown"
    name = wording.name_of(device)
    return colours.DEVICE[device], colours.ON_DEVICE.get(device, colours.INK), name, "", name


def infusions(chart: Chart, ends: int) -> Iterator[Panel]:
    """A panel for each vasoactive drug and unit of its rate; off is zero, an unknown rate is a dotted bar."""
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
    """Dotted bars for the times at which an infusion ran at an unknown rate."""
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
