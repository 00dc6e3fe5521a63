"""Unit and bed of each patient, from the patient-state topic, for routing and for the text of a page."""

from __future__ import annotations

import json

from agents.dispatch.public_alert import Location

UNKNOWN = Location()


class PatientLocations:
    """The last known location of every patient of the assigned partitions."""

    def __init__(self) -> None:
        self._at: dict[int, dict[str, Location]] = {}

    def take(self, partition: int, key: bytes | None, state: bytes | None) -> None:
        """One record of the patient-state topic. An unreadable one changes nothing: pages do not need a bed."""
        if key is None:
            return
        patient_id = key.decode("utf-8", "replace")
        known = self._at.setdefault(partition, {})
        if state is None:
            known.pop(patient_id, None)
            return
        try:
            context = json.loads(state)["context"]
            unit, bed = context.get("unit"), context.get("bed")
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        known[patient_id] = Location(_publishable(unit, patient_id), _publishable(bed, patient_id))

    def of(self, partition: int, patient_id: str) -> Location:
        """The location of a patient; empty when unknown."""
        return self._at.get(partition, {}).get(patient_id, UNKNOWN)

    def forget(self, partition: int) -> None:
        """Removes the patients of a partition that was lost."""
        self._at.pop(partition, None)


def _publishable(given: object, patient_id: str) -> str | None:
    """A unit or bed as it may be in a page; one that contains the patient id may not."""
    if not isinstance(given, str) or not given.strip() or patient_id in given:
        return None
    return given.strip()[:64]
