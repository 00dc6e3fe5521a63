"""How patients are named on the board: opaquely, unless someone asked for more."""

from __future__ import annotations

from dataclasses import dataclass

from agents.dispatch.public_alert import reference


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """How patients are named: by a keyed hash, and by their id only when that was asked for."""

    secret: bytes
    show_ids: bool = False

    def reference_of(self, patient_id: str) -> str:
        """The opaque reference of a patient."""
        return reference(self.secret, patient_id)

    def alert_key(self, patient_id: str, alert_id: str) -> str:
        """The alert id, which is opaque; should one spell out the patient id, a keyed hash stands in for it."""
        return reference(self.secret, alert_id) if patient_id in alert_id else alert_id

    def location(self, patient_id: str, given: str | None) -> str | None:
        """A unit or a bed; not one that spells out the patient id."""
        if given is None or not given.strip() or (patient_id in given and not self.show_ids):
            return None
        return given.strip()
