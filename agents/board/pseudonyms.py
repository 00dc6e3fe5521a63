"""References for patients and alerts that do not disclose the patient id."""

from __future__ import annotations

from dataclasses import dataclass

from agents.dispatch.public_alert import reference


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names patients by a keyed hash. `show_ids`: the setting that shows patient ids as well."""

    secret: bytes
    show_ids: bool = False

    def reference_of(self, patient_id: str) -> str:
        """The opaque reference of a patient."""
        return reference(self.secret, patient_id)

    def alert_key(self, patient_id: str, alert_id: str) -> str:
        """The alert id, or a keyed hash if the alert id contains the patient id."""
        return reference(self.secret, alert_id) if patient_id in alert_id else alert_id

    def location(self, patient_id: str, given: str | None) -> str | None:
        """A unit or a bed; None if it is empty, or contains the patient id and ids are not shown."""
        if given is None or not given.strip() or (patient_id in given and not self.show_ids):
            return None
        return given.strip()
