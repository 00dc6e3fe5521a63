"""Sends the events of six patients, who are admitted, fall ill and get worse when a test says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Producer

from agents.platform.settings import Settings
from schemas import topics

PATIENTS = ("ann", "ben", "cem", "dee", "eva", "fay")
FEEDS = {"vitals": topics.VITALS, "medication": topics.MEDICATIONS, "patient": topics.PATIENTS}


class Bedside:
    """Sends events to the feed topics; each group is confirmed before the next."""

    def __init__(self, settings: Settings, patients: Sequence[str] = PATIENTS) -> None:
        self.settings = settings
        self.patients = patients
        self.sent = 0
        self._producer = Producer(settings.librdkafka() | {"acks": "all", "linger.ms": 0})

    def everyone(self, kind: str, **fields: Any) -> None:
        """Sends the same event for every patient."""
        for patient in self.patients:
            self.send(kind, patient, fields)
        assert self._producer.flush(30) == 0, "the brokers have it"

    def send(self, kind: str, patient: str, fields: Mapping[str, Any]) -> None:
        """Sends one event that is true now."""
        self.sent += 1
        at = datetime.now(UTC).isoformat()
        event = {"event_id": f"b{self.sent}", "patient_id": patient, "effective_at": at, **fields}
        self._producer.produce(self.settings.topic(FEEDS[kind]), json.dumps(event).encode(), patient.encode())

    def admit(self) -> None:
        """All are admitted and have normal signs."""
        self.everyone("patient", status="admitted", weight_kg=70.0, product="axi-cel", unit="unit-1")
        self.everyone("vitals", source="charted", temperature_celsius=36.8, systolic_mmhg=124, spo2_percent=98)

    def fall_ill(self) -> None:
        """All get fever, then a low pressure: onset and escalation."""
        self.everyone("vitals", source="charted", temperature_celsius=38.9)
        self.everyone("vitals", source="charted", systolic_mmhg=84)

    def get_worse(self) -> None:
        """All need oxygen."""
        self.everyone("vitals", source="charted", spo2_percent=86)
        self.everyone("vitals", source="charted", oxygen_device="face_mask", oxygen_flow_l_per_min=12.0)
