"""Metrics of the board. No label names a patient, an alert or a person."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

ANSWERS = Counter("crs_board_answers_total", "Acknowledgements and snoozes on the board.", ["act", "outcome"])
ENTRIES = Counter("crs_board_entries_total", "Tokens entered.", ["outcome"])
VIEWERS = Gauge("crs_board_viewers", "Open pages.")
PATIENTS = Gauge("crs_board_patients", "Patients on the board.")
UNMONITORED = Gauge("crs_board_blind_partitions", "Partitions without a recent heartbeat, or behind.")
