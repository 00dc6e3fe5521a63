"""Prometheus metrics of the dispatcher: pages, delays, queues. No label names a patient or an alert."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
# The label `outcome` and the log keep the values that dashboards know.
OUTCOME_LABELS = {"accepted": "taken", "rejected": "refused", "removed": "gone", "retry": "again"}

PAGES = Counter(
    "crs_pages_total", "Attempts to send a page, by the destination's answer.", ["destination", "act", "outcome"]
)
PAGE_SECONDS = Histogram(
    "crs_page_seconds",
    "From the append of an event to the log until a destination accepted the page about it.",
    ["destination"],
    buckets=SECONDS,
)
PENDING = Gauge("crs_pages_pending", "Pages that are not delivered yet.", ["destination"])
OLDEST = Gauge("crs_oldest_pending_seconds", "Age of the oldest page that is not delivered yet.", ["destination"])
UP = Gauge("crs_destination_up", "1: the destination accepted the last attempt.", ["destination"])
HEARTBEAT = Gauge("crs_heartbeat_timestamp_seconds", "Time of a partition's last heartbeat.", ["partition"])
DECISIONS = Counter("crs_dispatch_verdicts_total", "Decisions about paging by reason.", ["reason"])
CALLBACKS = Counter("crs_callbacks_total", "Acknowledgements and snoozes that came in.", ["source", "outcome"])
OWNED = Gauge("crs_dispatch_partitions_owned", "Partitions of the alerts topic that this dispatcher delivers.")
CASES = Gauge("crs_dispatch_open_cases", "Alerts that are open, or closed and not yet delivered everywhere.")
STARTS = Counter("crs_dispatch_starts_total", "Starts of this process.")
