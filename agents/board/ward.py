"""The ward in memory: the last state of each patient, and the text of the open alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from schemas.alerts import Alert
from schemas.state import OpenAlertState, PatientState

SHOWN_AFTER_DEPARTURE = timedelta(hours=24)  # after discharge, death or merge
SHOWN_WITHOUT_UPDATE = timedelta(days=30)  # since the last state of a patient who was not discharged
ENDED = ("resolved", "retracted")


class AlertVersions(NamedTuple):
    """Versions of one alert: the latest, and the latest whose message describes the patient (None: not read yet).

    They differ after an acknowledgement, whose message only says who has seen the alert. `offset`: the log offset of
    the event that led to the latest version.
    """

    latest: Alert
    descriptive: Alert | None
    offset: int


class OpenAlertWithText(NamedTuple):
    """An open alert as the state lists it, and its versions from the alerts topic if they were read."""

    brief: OpenAlertState
    versions: AlertVersions | None


@dataclass(slots=True)
class BoardPatient:
    """One patient on the board, in `partition` of the log. `alert_versions` is keyed by alert id."""

    partition: int
    state: PatientState
    alert_versions: dict[str, AlertVersions] = field(default_factory=dict)

    def open_alerts(self) -> list[OpenAlertWithText]:
        """The open alerts: those of the state, changed by later versions from the alerts topic."""
        found = {brief.alert_id: brief for brief in self.state.alerts}
        for alert_id, versions in self.alert_versions.items():
            known = found.get(alert_id)
            if known is not None and known.version >= versions.latest.version:
                continue
            if known is None and not self.is_newer_than_state(versions.offset):
                continue
            if versions.latest.status in ENDED:
                found.pop(alert_id, None)
            else:
                found[alert_id] = open_alert_state(versions.latest)
        return [OpenAlertWithText(brief, self.alert_versions.get(alert_id)) for alert_id, brief in found.items()]

    def is_newer_than_state(self, offset: int) -> bool:
        """Whether an event at this log offset came after the state."""
        return self.state.log_offset is None or offset > self.state.log_offset

    @property
    def has_left(self) -> bool:
        """Whether the patient was discharged, has died, or was merged into another id."""
        return self.state.monitoring == "discharged" or self.state.context.merged_into is not None

    def is_shown(self, at: datetime) -> bool:
        """Whether the board still shows the patient."""
        return at - self.state.as_of <= (SHOWN_AFTER_DEPARTURE if self.has_left else SHOWN_WITHOUT_UPDATE)


class BoardWard:
    """All patients by id. `changed`: patients to render again; the renderer empties it."""

    def __init__(self) -> None:
        self.patients: dict[str, BoardPatient] = {}
        self.changed: set[str] = set()
        self.unreadable = 0
        self._before_state: dict[str, dict[str, AlertVersions]] = {}

    def apply_state(self, partition: int, key: bytes | None, value: bytes | None, at: datetime) -> None:
        """Applies one record of patient-state: an older state is ignored, None removes the patient."""
        if value is None:
            self._drop((key or b"").decode("utf-8", "replace"))
            return
        try:
            state = PatientState.model_validate_json(value)
        except ValidationError:
            self.unreadable += 1
            return
        known = self.patients.get(state.patient_id)
        if known is not None and is_older(state, known.state):
            return
        versions = self._before_state.pop(state.patient_id, {}) if known is None else known.alert_versions
        patient = BoardPatient(partition, state, versions)
        if not patient.is_shown(at):
            self._drop(state.patient_id)
            return
        open_ids = {brief.alert_id for brief in state.alerts}
        patient.alert_versions = {
            alert_id: one
            for alert_id, one in versions.items()
            if alert_id in open_ids or patient.is_newer_than_state(one.offset)
        }
        self.patients[state.patient_id] = patient
        self.changed.add(state.patient_id)

    def apply_alert(self, value: bytes | None, offset: int) -> None:
        """Applies one record of the alerts topic, in any order. `offset`: the log offset in its header."""
        try:
            alert = Alert.model_validate_json(value or b"")
        except ValidationError:
            self.unreadable += 1
            return
        patient = self.patients.get(alert.patient_id)
        if patient is None:
            versions = self._before_state.setdefault(alert.patient_id, {})
        elif patient.is_newer_than_state(offset) or any(one.alert_id == alert.alert_id for one in patient.state.alerts):
            versions = patient.alert_versions
            self.changed.add(alert.patient_id)
        else:
            return
        versions[alert.alert_id] = merge_version(versions.get(alert.alert_id), alert, offset)

    def remove_departed(self, at: datetime) -> None:
        """Removes patients who are no longer shown, and old alerts of patients without a state."""
        for patient_id in [name for name, patient in self.patients.items() if not patient.is_shown(at)]:
            self._drop(patient_id)
        for patient_id, versions in list(self._before_state.items()):
            if all(at - one.latest.raised_at > SHOWN_AFTER_DEPARTURE for one in versions.values()):
                del self._before_state[patient_id]

    def missing_text(self) -> Iterator[tuple[int, OpenAlertState]]:
        """Open alerts whose text has not been read yet, each with its partition."""
        for patient in self.patients.values():
            for brief, versions in patient.open_alerts():
                if versions is None or versions.descriptive is None:
                    yield patient.partition, brief

    def _drop(self, patient_id: str) -> None:
        self._before_state.pop(patient_id, None)
        if self.patients.pop(patient_id, None) is not None:
            self.changed.add(patient_id)


def is_older(state: PatientState, known: PatientState) -> bool:
    """Whether a state was written before another, by time and by offset: a new log starts its offsets at 0."""
    return state.as_of < known.as_of and (state.log_offset or 0) < (known.log_offset or 0)


def merge_version(known: AlertVersions | None, alert: Alert, offset: int) -> AlertVersions:
    """The versions of an alert with one more, in whatever order they are read."""
    descriptive = alert if alert.reason is None and alert.status not in ENDED else None
    if known is None:
        return AlertVersions(alert, descriptive, offset)
    if alert.version < known.latest.version:
        latest, offset = known.latest, known.offset
    else:
        latest = alert
    if descriptive is None or (known.descriptive is not None and known.descriptive.version > descriptive.version):
        descriptive = known.descriptive
    return AlertVersions(latest, descriptive, offset)


def open_alert_state(alert: Alert) -> OpenAlertState:
    """An alert in the form in which a state lists it: the same fields, the rule by its id."""
    fields = {name: getattr(alert, name) for name in OpenAlertState.model_fields if name != "rule_id"}
    return OpenAlertState(**fields, rule_id=alert.rule.id)
