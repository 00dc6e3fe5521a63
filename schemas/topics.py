"""The table of Kafka topics: key, cleanup, retention, writers and readers of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EventType = Literal["vitals", "medication", "patient", "assessment", "labs", "tick"]
DEFAULT_PREFIX = "crs."


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic. `retention_days` is None for a compacted topic, which keeps the last value of every key."""

    name: str
    key: Literal["patient_id", "patient_id or null", "null"]
    written_by: str
    read_by: str
    cleanup: Literal["delete", "compact"]
    retention_days: int | None
    # Topics that share a number of partitions: partition 3 of the log and of the state hold the same patients.
    co_partitioned: bool = False
    # The type of an event on this topic when it has no `type`; None: it must have one.
    default_type: EventType | None = None

    def full_name(self, prefix: str = DEFAULT_PREFIX) -> str:
        """The name on the broker."""
        return prefix + self.name


VITALS = TopicSpec(
    "vitals", "patient_id", "telemetry feeds", "intake", cleanup="delete", retention_days=7, default_type="vitals"
)
MEDICATIONS = TopicSpec(
    "medications",
    "patient_id",
    "medication record, infusion pumps",
    "intake",
    cleanup="delete",
    retention_days=7,
    default_type="medication",
)
PATIENTS = TopicSpec(
    "patients",
    "patient_id",
    "admissions feed",
    "intake",
    cleanup="delete",
    retention_days=30,
    default_type="patient",
)
ASSESSMENTS = TopicSpec(
    "assessments",
    "patient_id",
    "clinicians, through board or record",
    "intake",
    cleanup="delete",
    retention_days=30,
    default_type="assessment",
)
LABS = TopicSpec(
    "labs", "patient_id", "laboratory feed", "intake", cleanup="delete", retention_days=30, default_type="labs"
)
# The log: all events of a patient in one order.
PATIENT_EVENTS = TopicSpec(
    "patient-events",
    "patient_id",
    "workers alone: intake, ticker, watch",
    "watch",
    cleanup="delete",
    retention_days=60,
    co_partitioned=True,
)
PATIENT_STATE = TopicSpec(
    "patient-state",
    "patient_id",
    "watch",
    "board, dashboards, anyone",
    cleanup="compact",
    retention_days=None,
    co_partitioned=True,
)
ALERTS = TopicSpec(
    "alerts",
    "patient_id",
    "watch",
    "pagers, board, anyone",
    cleanup="delete",
    retention_days=60,
    co_partitioned=True,
)
DEAD_LETTERS = TopicSpec(
    "dead-letters", "patient_id or null", "intake, watch", "operators", cleanup="delete", retention_days=60
)
# Each partition of the log writes to the partition of the same number.
HEARTBEATS = TopicSpec(
    "heartbeats",
    "null",
    "watch",
    "dispatch, board, intake, watchers",
    cleanup="delete",
    retention_days=1,
    co_partitioned=True,
)

FEEDS = (VITALS, MEDICATIONS, PATIENTS, ASSESSMENTS, LABS)
TOPICS = (*FEEDS, PATIENT_EVENTS, PATIENT_STATE, ALERTS, DEAD_LETTERS, HEARTBEATS)
