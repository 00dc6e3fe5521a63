"""The Prometheus metrics of a worker: rates, lag, latency, dead letters, defects. No label ever names a patient."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from agents.engine.outcome import Outcome

LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300)
STEP_SECONDS = (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
FLAP_SECONDS = 30 * 60

EVENTS = Counter("crs_events_total", "Records read, by topic and disposition.", ["topic", "disposition"])
VERDICTS = Counter("crs_verdicts_total", "Decisions of the engine by reason, also those to send nothing.", ["reason"])
ALERTS = Counter("crs_alerts_total", "Versions of alerts published.", ["kind", "priority", "status"])
STEP = Histogram("crs_step_seconds", "Time to judge one event, the mean of its batch.", buckets=STEP_SECONDS)
ALERT_LATENCY = Histogram(
    "crs_alert_latency_seconds",
    "From the append of an event to the log until its alert is appended and confirmed.",
    buckets=LATENCIES,
)
BATCH = Histogram("crs_batch_events", "Records judged at once.", buckets=SIZES)
ROWS = Counter("crs_rows_written_total", "Rows of patients written to the changelog.")
STATES = Counter("crs_states_published_total", "Patient states published.")
LAG = Gauge("crs_lag_events", "Records that wait to be judged.", ["topic", "partition"])
MARKER_AGE = Gauge("crs_marker_age_seconds", "Since the last marker was written.", ["partition"])
DEAD_LETTERS = Counter("crs_dead_letters_total", "Messages or signals that could not be used.", ["topic", "reason"])
LAST_TICK = Gauge("crs_last_tick_timestamp_seconds", "Time of the last tick judged.", ["partition"])
FEED_LAST_EVENT = Gauge("crs_feed_last_event_timestamp_seconds", "When a feed last sent anything.", ["topic"])
HELD = Gauge(
    "crs_feed_held",
    "1 while a partition of a feed waits, because not every worker can read an event of this type yet.",
    ["topic", "partition", "type"],
)
LOG_CUT = Counter("crs_log_cut_total", "Records that retention took out of the log before they were read.")
OWNED = Gauge("crs_partitions_owned", "Partitions of the log that this worker judges.")
STARTS = Counter("crs_worker_starts_total", "Starts of a worker with this data directory.")
REBALANCES = Counter("crs_rebalances_total", "Rebalances of the consumer group.")
READY = Gauge("crs_ready", "1 while this worker has its partitions, has recovered and keeps up.")
UNKNOWN_FIELDS = Counter("crs_unknown_fields_total", "Fields of events that are not in the contract; ignored.")
ACKNOWLEDGE = Histogram(
    "crs_acknowledge_seconds",
    "From the raising of an alert to its acknowledgement (log clock).",
    buckets=(15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600),
)
FLAPS = Counter("crs_flaps_total", "Alerts resolved within 30 min of being raised.", ["kind"])
DEFECTS = Counter("crs_defects_total", "Events that could not be judged, by place in the code.", ["place"])
FOREIGN = Counter("crs_changelog_foreign_total", "Records of the changelog that no worker wrote; ignored.")


def count_outcome(outcome: Outcome, records: int, seconds: float, topic: str, partition: int) -> None:
    """Counts one batch of the log: `records` judged in `seconds`."""
    for disposition, number in outcome.dispositions.items():
        EVENTS.labels(topic, disposition).inc(number)
    for reason, number in outcome.verdicts.items():
        VERDICTS.labels(reason).inc(number)
    for letter in outcome.letters:
        DEAD_LETTERS.labels(topic, letter.letter.reason).inc()
    for defect in outcome.defects:
        DEFECTS.labels(defect.place).inc()
    BATCH.observe(records)
    STEP.observe(seconds / records)
    UNKNOWN_FIELDS.inc(outcome.unknown_fields)
    if outcome.dispositions["tick"]:
        LAST_TICK.labels(str(partition)).set(outcome.ticked_at / 1000)
    for ms in outcome.acknowledged:
        ACKNOWLEDGE.observe(ms / 1000)
    for kind, ms in outcome.resolved:
        if ms <= FLAP_SECONDS * 1000:
            FLAPS.labels(kind).inc()


def count_start(data_dir: Path) -> None:
    """Counts the starts with this data directory in a file, so that a restart loop shows in the metric."""
    path = data_dir / "starts"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        starts = int(path.read_text()) + 1
    except (OSError, ValueError):
        starts = 1
    path.write_text(str(starts))
    STARTS.inc(starts)
