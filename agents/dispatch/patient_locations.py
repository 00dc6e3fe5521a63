"""Where patients lie, as far as their state says: unit and bed, for routing and for the words of a page."""

from __future__ import annotations

import json

from agents.dispatch.public_alert import Location

NOWHERE = Location()


class PatientLocations:
    """The last known place of every patient of our partitions."""

    def __init__(self) -> None:
        self._at: dict[int, dict[str, Location]] = {}

    def take(self, partition: int, key: bytes | None, state: bytes | None) -> None:
        """One record of the states topic. What cannot be read changes nothing: a page without a bed still goes out."""
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
        known[patient_id] = Location(_word(unit, patient_id), _word(bed, patient_id))

    def of(self, partition: int, patient_id: str) -> Location:
        """Where a patient lies."""
        return self._at.get(partition, {}).get(patient_id, NOWHERE)

    def forget(self, partition: int) -> None:
        """Someone else's patients."""
        self._at.pop(partition, None)


def _word(given: object, patient_id: str) -> str | None:
    """A unit or bed as it may leave the house; one that spells out the patient's id may not."""
    if not isinstance(given, str) or not given.strip() or patient_id in given:
        return None
    return given.strip()[:64]
