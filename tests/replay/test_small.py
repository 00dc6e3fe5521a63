"""What is kept of a replay stays small, however long it is, and what matters is among it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.feeds.source import SourceRecord
from agents.replay.replay import Replay
from agents.report.chart import ALERTS_KEPT, Chart
from agents.report.collect import Charts
from agents.report.series import POINTS_KEPT, STEPS_KEPT, Series, Steps
from monitor.guidelines import in_force
from schemas.alerts import Alert
from schemas.decode import decode
from tests.replay.event_files import line, vitals

GUIDELINE = in_force.load()


@given(st.lists(st.floats(20, 300), min_size=1, max_size=4 * POINTS_KEPT), st.randoms(use_true_random=False))
def test_a_curve_keeps_its_extremes_and_its_ends(values: list[float], order: object) -> None:
    series = Series()
    for at, value in enumerate(values):
        series.add(at, value)
    points = series.points()
    assert len(points) <= POINTS_KEPT
    assert points == sorted(points)
    assert (points[0], points[-1]) == ((0, values[0]), (len(values) - 1, values[-1]))
    kept = [value for _, value in points]
    assert (min(kept), max(kept)) == (min(values), max(values))


def test_a_single_fall_in_a_day_of_readings_is_still_seen() -> None:
    series = Series()
    for second in range(86_400):
        series.add(second, 41.0 if second == 50_000 else 120.0)
    assert (50_000, 41.0) in series.points()


def test_old_and_new_are_drawn_alike() -> None:
    series = Series()
    for second in range(100_000):
        series.add(second * 1000, 100 + second % 40)
    quarters = [sum(at // 25_000_000 == quarter for at, _ in series.points()) for quarter in range(4)]
    assert min(quarters) > POINTS_KEPT // 16, quarters
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(series.points())]
    assert max(gaps) < 100_000_000 // 100


def test_many_readings_at_one_instant_are_bounded_too() -> None:
    series = Series()
    for number in range(3 * POINTS_KEPT):
        series.add(7, float(number))
    assert len(series.points()) <= POINTS_KEPT


def test_a_late_reading_takes_its_place() -> None:
    series = Series()
    for at in (10, 30, 20):
        series.add(at, at)
    assert [at for at, _ in series.points()] == [10, 20, 30]


def test_steps_hold_until_they_change_and_later_knowledge_overrules() -> None:
    steps: Steps[int] = Steps(lambda value: value)
    for at, value in ((0, 0), (10, 2), (20, 2), (30, 3), (25, 1)):
        steps.set(at, value)
    assert [tuple(span) for span in steps.spans(40)] == [(0, 10, 0), (10, 25, 2), (25, 40, 1)]


def test_of_too_many_steps_the_worst_stay() -> None:
    steps: Steps[int] = Steps(lambda value: value)
    for at in range(20 * STEPS_KEPT):
        steps.set(at, 4 if at == 7_777 else at % 3)
    spans = steps.spans(20 * STEPS_KEPT)
    assert len(spans) <= STEPS_KEPT
    assert max(span.value for span in spans) == 4


def test_of_too_many_alerts_the_quietest_go_and_are_counted() -> None:
    alerts: list[Alert] = []
    replay = Replay(GUIDELINE, [lambda one: alerts.extend(one.step.alerts)], lambda _: None, None)
    replay.take(source_record(vitals("10:00", temperature_celsius=39.0, systolic_mmhg=80)))
    low = next(alert for alert in alerts if alert.priority == "low")
    medium = next(alert for alert in alerts if alert.priority == "medium")
    chart = Chart("p", 1)
    chart.add_alert(medium)
    for number in range(ALERTS_KEPT + 9):
        chart.add_alert(low.model_copy(update={"alert_id": f"low-{number}"}))
    assert len(chart.alerts) == ALERTS_KEPT
    assert chart.alerts_dropped == 10
    assert medium.alert_id in chart.alerts


def source_record(event: dict[str, object]) -> SourceRecord:
    payload = line(event)
    return SourceRecord("file", 1, payload, decode(payload))


def seconds(begins: int, ends: int) -> Iterator[SourceRecord]:
    """A monitor's readings, one a second."""
    for second in range(begins, ends):
        clock = f"{second // 3600}:{second // 60 % 60}:{second % 60}"
        yield source_record(
            vitals(clock, source="monitor", systolic_mmhg=100 + second % 40, spo2_percent=97, heart_rate_per_min=80)
        )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_input() -> None:
    charts = Charts(GUIDELINE)
    replay = Replay(GUIDELINE, [charts.watch], lambda _: None, None)
    tracemalloc.start()
    # Pydantic's JSON parser keeps up to 16,384 short strings of its process; full, that cache stays as it is.
    assert sum(1 for _ in seconds(5 * 3600, 24 * 3600)) > 16_384
    sizes = []
    for hour in range(5):
        for record in seconds(hour * 3600, hour * 3600 + 3600):
            replay.take(record)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert replay.tally.events["vitals"] == 5 * 3600
    # After the first hours everything that is kept has its full size; only noise may come on top.
    assert sizes[-1] < sizes[2] * 1.15 + 100_000, sizes
