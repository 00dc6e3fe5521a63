"""What a worker tells about itself: rates, lag, latency, and the ward in numbers. No label ever names a patient."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import NamedTuple

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.model import State
from monitor.units.instants import HOUR
from schemas.events import DISCHARGED

LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300)
STEP_SECONDS = (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
ONSET_HOURS = (6, 12, 24, 48, 72, 168)
FLAP_HOLDS_SECONDS = 30 * 60
UNKNOWN_UNIT = "unknown"
UNITS_KEPT = 100
OTHER_UNITS = "(others)"

EVENTS = Counter("crs_events_total", "Records read, by topic and by what became of them.", ["topic", "disposition"])
VERDICTS = Counter("crs_verdicts_total", "Decisions of the engine by reason; silence has a reason too.", ["reason"])
ALERTS = Counter("crs_alerts_total", "Versions of alerts told.", ["kind", "priority", "status"])
STEP = Histogram("crs_step_seconds", "Time to judge one event, the mean of its batch.", buckets=STEP_SECONDS)
ALERT_LATENCY = Histogram(
    "crs_alert_latency_seconds",
    "From the append of an event to the log until its alert is appended and confirmed.",
    buckets=LATENCIES,
)
BATCH = Histogram("crs_batch_events", "Records folded at once.", buckets=SIZES)
ROWS = Counter("crs_rows_written_total", "Rows of patients written to the changelog.")
STATES = Counter("crs_states_published_total", "Patient states published.")
LAG = Gauge("crs_lag_events", "Records that wait to be folded.", ["topic", "partition"])
MARKER_AGE = Gauge("crs_marker_age_seconds", "Since the last marker was written.", ["partition"])
DEAD_LETTERS = Counter("crs_dead_letters_total", "Messages or signals that could not be used.", ["topic", "reason"])
LAST_TICK = Gauge("crs_last_tick_timestamp_seconds", "Time of the last tick folded.", ["partition"])
FEED_LAST_EVENT = Gauge("crs_feed_last_event_timestamp_seconds", "When a feed last sent anything.", ["topic"])
LOG_CUT = Counter("crs_log_cut_total", "Records that retention took out of the log before they were read.")
OWNED = Gauge("crs_partitions_owned", "Partitions of the log that this worker judges.")
STARTS = Counter("crs_worker_starts_total", "Starts of a worker with this data directory.")
REBALANCES = Counter("crs_rebalances_total", "Times the workers shared out the partitions anew.")
READY = Gauge("crs_ready", "1 while this worker has its partitions, has recovered and keeps up.")
UNKNOWN_FIELDS = Counter("crs_unknown_fields_total", "Fields of events that nobody here knows; ignored.")
ACKNOWLEDGE = Histogram(
    "crs_acknowledge_seconds",
    "From the raising of an alert to its acknowledgement (log clock).",
    buckets=(15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600),
)
FLAPS = Counter("crs_flaps_total", "Alerts resolved within 30 min of being raised.", ["kind"])
DEFECTS = Counter("crs_defects_total", "Events that could not be judged, by place in the code.", ["place"])


class WardCollector(Collector):
    """The ward in numbers, counted when Prometheus asks. `shards`: by partition, the states of its patients."""

    def __init__(self) -> None:
        self._parts: dict[int, Mapping[str, State]] = {}
        self._patient_seconds: Count[tuple[str, ...]] = Count()
        self._counted_at = monotonic()

    def own(self, partition: int, states: Mapping[str, State]) -> None:
        """These patients are judged here from now on."""
        self._parts[partition] = states

    def disown(self) -> None:
        """Every partition is in question again."""
        self._parts.clear()

    def collect(self) -> Iterable[Metric]:
        """Counts over all patients of this worker."""
        ward = WardNumbers(Count(), Count(), Count(), Count(), Count(), Count())
        for states in list(self._parts.values()):
            for state in list(states.values()):
                if state.merged_into is None and state.course.context.status not in DISCHARGED:
                    count(ward, state)
        yield self._patient_time(ward.grades)
        yield gauge("crs_patients", "Patients by unit and grade.", ("unit", "grade"), ward.grades)
        yield gauge("crs_open_alerts", "Open alerts.", ("unit", "kind", "priority"), ward.alerts)
        yield gauge("crs_doses_due", "Doses due or to be considered.", ("unit", "kind"), ward.doses)
        yield gauge("crs_patients_monitored", "Patients with and without vitals.", ("unit", "monitoring"), ward.watched)
        yield gauge("crs_hours_since_onset_bucket_patients", "Open episodes by age.", ("le",), cumulative(ward.onsets))
        for name, words in (
            ("crs_unmonitored_patients", "Patients with an event that could not be judged."),
            ("crs_clock_ahead_patients", "Patients whose feed's clock is ahead."),
        ):
            yield gauge(name, words, (), Count({(): ward.troubles[name]}))

    def _patient_time(self, grades: Count[tuple[str, ...]]) -> Metric:
        """Patients times the time since they were counted last: what alerts per patient-day are reckoned with."""
        since, self._counted_at = self._counted_at, monotonic()
        for (unit, _), patients in grades.items():
            self._patient_seconds[(unit,)] += round(patients * (self._counted_at - since))
        words = "Seconds of watching, all patients together."
        family = CounterMetricFamily("crs_patient_seconds", words, labels=("unit",))
        for labels, seconds in sorted(self._patient_seconds.items()):
            family.add_metric(labels, seconds)
        return family


class WardNumbers(NamedTuple):
    """Counts by label values."""

    grades: Count[tuple[str, ...]]
    alerts: Count[tuple[str, ...]]
    doses: Count[tuple[str, ...]]
    watched: Count[tuple[str, ...]]
    onsets: Count[int]
    troubles: Count[str]


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


def cumulative(onsets: Count[int]) -> Count[tuple[str, ...]]:
    """As a histogram's buckets: up to so many hours."""
    so_far = 0
    buckets: Count[tuple[str, ...]] = Count()
    for limit in ONSET_HOURS:
        so_far += onsets[limit]
        buckets[(str(limit),)] = so_far
    buckets[("+Inf",)] = so_far + onsets[0]
    return buckets


def gauge(name: str, words: str, labels: tuple[str, ...], values: Count[tuple[str, ...]]) -> Metric:
    """A gauge family from counts by label values."""
    family = GaugeMetricFamily(name, words, labels=labels)
    for label_values, value in sorted(values.items()):
        family.add_metric(label_values, value)
    return family


WARD = WardCollector()
REGISTRY.register(WARD)
