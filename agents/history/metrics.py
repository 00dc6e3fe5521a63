"""Metrics of the history process. No label names a patient."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("crs_history_messages_total", "Messages read.", ("topic", "disposition"))
LAG = Gauge("crs_history_lag_events", "Messages that are not in the database yet.", ("topic", "partition"))
WRITE_SECONDS = Histogram("crs_history_write_seconds", "One transaction, from begin to commit.")
WRITTEN_AT = Gauge("crs_history_last_write_timestamp_seconds", "When the last transaction was committed.")
RETRIES = Counter("crs_history_retries_total", "Transactions retried because the database was unreachable.")
