"""The ward in numbers: patients by grade, open alerts, doses due, counted over all states whenever Prometheus asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.model import State
from monitor.units import HOUR
from schemas.field_types import DISCHARGED

ONSET_HOURS = (6, 12, 24, 48, 72, 168)
UNKNOWN_UNIT = "unknown"
UNITS_KEPT = 100
OTHER_UNITS = "(others)"

Counts = Counter[tuple[str, ...]]  # by label values


class WardCollector(Collector):
    """Counts the patients of the partitions that this worker owns."""

    def __init__(self) -> None:
        self._states: dict[int, Mapping[str, State]] = {}
        self._patient_seconds: Counts = Counter()
        self._counted_at = monotonic()

    def own(self, partition: int, states: Mapping[str, State]) -> None:
        """Counts these patients from now on. `states`: of one partition, by patient id."""
        self._states[partition] = states

    def disown(self) -> None:
        """Counts nobody any more: the partitions are being assigned anew."""
        self._states.clear()

    def collect(self) -> Iterable[Metric]:
        """Counts over all patients of this worker."""
        ward = WardNumbers(Counter(), Counter(), Counter(), Counter(), Counter(), Counter())
        for states in list(self._states.values()):
            for state in list(states.values()):
                if state.merged_into is None and state.course.context.status not in DISCHARGED:
                    count(ward, state)
        yield self._patient_time(ward.grades)
        yield gauge("crs_patients", "Patients by unit and grade.", ("unit", "grade"), ward.grades)
        yield gauge("crs_open_alerts", "Open alerts.", ("unit", "kind", "priority"), ward.alerts)
        yield gauge("crs_doses_due", "Doses due or to be considered.", ("unit", "kind"), ward.doses)
        yield gauge("crs_patients_monitored", "Patients with and without vitals.", ("unit", "monitoring"), ward.watched)
        yield gauge("crs_hours_since_onset_bucket_patients", "Open episodes by age.", ("le",), cumulative(ward.onsets))
        for name, description in (
            ("crs_unmonitored_patients", "Patients with an event that could not be judged."),
            ("crs_clock_ahead_patients", "Patients whose feed's clock is ahead."),
        ):
            yield gauge(name, description, (), Counter({(): ward.troubles[name]}))

    def _patient_time(self, grades: Counts) -> Metric:
        """Patients times the seconds since the last scrape, added up: the denominator of alerts per patient-day."""
        since, self._counted_at = self._counted_at, monotonic()
        for (unit, _), patients in grades.items():
            self._patient_seconds[(unit,)] += round(patients * (self._counted_at - since))
        description = "Seconds of watching, all patients together."
        family = CounterMetricFamily("crs_patient_seconds", description, labels=("unit",))
        for labels, seconds in sorted(self._patient_seconds.items()):
            family.add_metric(labels, seconds)
        return family


class WardNumbers(NamedTuple):
    """What is counted in one scrape."""

    grades: Counts
    alerts: Counts
    doses: Counts
    watched: Counts
    onsets: Counter[int]
    troubles: Counter[str]


def count(ward: WardNumbers, state: State) -> None:
    """Adds one patient."""
    unit = state.course.context.unit or UNKNOWN_UNIT
    if len(ward.watched) > 2 * UNITS_KEPT and (unit, "live") not in ward.watched:
        unit = OTHER_UNITS
    ward.grades[(unit, str(state.course.held.grade))] += 1
    stale = False
    for alert in state.alerts.open:
        ward.alerts[(unit, alert.kind, alert.priority)] += 1
        if alert.kind in ("dose_indicated", "repeat_dose_eligible"):
            ward.doses[(unit, alert.kind)] += 1
        stale = stale or alert.kind == "signal_lost"
        if alert.kind == "unmonitored":
            ward.troubles["crs_unmonitored_patients"] += 1
    ward.watched[(unit, "stale" if stale else "live")] += 1
    if state.feed_health.clock_ahead_at is not None:
        ward.troubles["crs_clock_ahead_patients"] += 1
    episode = state.course.episode
    if episode.open:
        hours = (state.clock - episode.onset_at) / HOUR
        ward.onsets[next((limit for limit in ONSET_HOURS if hours <= limit), 0)] += 1


def cumulative(onsets: Counter[int]) -> Counts:
    """Counts up to each limit in hours, as a histogram's buckets."""
    so_far = 0
    buckets: Counts = Counter()
    for limit in ONSET_HOURS:
        so_far += onsets[limit]
        buckets[(str(limit),)] = so_far
    buckets[("+Inf",)] = so_far + onsets[0]
    return buckets


def gauge(name: str, description: str, labels: tuple[str, ...], values: Counts) -> Metric:
    """A gauge family from counts by label values."""
    family = GaugeMetricFamily(name, description, labels=labels)
    for label_values, value in sorted(values.items()):
        family.add_metric(label_values, value)
    return family


WARD = WardCollector()
REGISTRY.register(WARD)
