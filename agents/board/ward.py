"""The ward in memory: each patient's last state, and the words of the alerts that are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from schemas.alerts import Alert
from schemas.state import OpenAlertState, PatientState

SHOWN_AFTER_DEPARTURE = timedelta(hours=24)  # after a discharge, a death or a merge
SHOWN_WITHOUT_UPDATE = timedelta(days=30)  # without a word about a patient whom nobody has discharged
ENDED = ("resolved", "retracted")


class AlertVersions(NamedTuple):
    """What the alerts topic has said about one alert: its last version, and the last one that speaks of the patient.

    An acknowledgement is a version too, but its message only says who has seen the alert. `offset`: the log's, at
    which the last version was told.
    """

    latest: Alert
    descriptive: Alert | None
    offset: int


class OpenAlertWithText(NamedTuple):
    """An alert that is open, with its words if they are at hand."""

    brief: OpenAlertState
    versions: AlertVersions | None


@dataclass(slots=True)
class BoardPatient:
    """One patient on the board."""

    partition: int
    state: PatientState
    alert_versions: dict[str, AlertVersions] = field(default_factory=dict)

    def open_alerts(self) -> list[OpenAlertWithText]:
        """The open alerts: what the state says, and what has been told since."""
        found = {brief.alert_id: brief for brief in self.state.alerts}
        for alert_id, told in self.alert_versions.items():
            known = found.get(alert_id)
            if known is not None and known.version >= told.latest.version:
                continue
            if known is None and not self.is_newer_than_state(told.offset):
                continue
            if told.latest.status in ENDED:
                found.pop(alert_id, None)
            else:
                found[alert_id] = open_alert_state(told.latest)
        return [OpenAlertWithText(brief, self.alert_versions.get(alert_id)) for alert_id, brief in found.items()]

    def is_newer_than_state(self, offset: int) -> bool:
        """Whether the state knows nothing yet of what was told at this offset of the log."""
        return self.state.log_offset is None or offset > self.state.log_offset

    @property
    def has_left(self) -> bool:
        """Discharged, died, or going on under another id."""
        return self.state.monitoring == "discharged" or self.state.context.merged_into is not None

    def is_shown(self, at: datetime) -> bool:
        """Whether the board still shows the patient."""
        return at - self.state.as_of <= (SHOWN_AFTER_DEPARTURE if self.has_left else SHOWN_WITHOUT_UPDATE)


class BoardWard:
    """All patients. `changed`: whose picture is no longer right; whoever shows them takes them out."""

    def __init__(self) -> None:
        self.patients: dict[str, BoardPatient] = {}
        self.changed: set[str] = set()
        self.unreadable = 0
        self._before_state: dict[str, dict[str, AlertVersions]] = {}

    def apply_state(self, partition: int, key: bytes | None, value: bytes | None, at: datetime) -> None:
        """One record of the states topic. An older one than what is known changes nothing."""
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
        told = self._before_state.pop(state.patient_id, {}) if known is None else known.alert_versions
        patient = BoardPatient(partition, state, told)
        if not patient.is_shown(at):
            self._drop(state.patient_id)
            return
        open_ids = {brief.alert_id for brief in state.alerts}
        patient.alert_versions = {
            alert_id: one
            for alert_id, one in told.items()
            if alert_id in open_ids or patient.is_newer_than_state(one.offset)
        }
        self.patients[state.patient_id] = patient
        self.changed.add(state.patient_id)

    def apply_alert(self, value: bytes | None, offset: int) -> None:
        """One record of the alerts topic, also an old one that is read again for its words. `offset`: the log's."""
        try:
            alert = Alert.model_validate_json(value or b"")
        except ValidationError:
            self.unreadable += 1
            return
        patient = self.patients.get(alert.patient_id)
        if patient is None:
            told = self._before_state.setdefault(alert.patient_id, {})
        elif patient.is_newer_than_state(offset) or any(one.alert_id == alert.alert_id for one in patient.state.alerts):
            told = patient.alert_versions
            self.changed.add(alert.patient_id)
        else:
            return
        told[alert.alert_id] = merge_version(told.get(alert.alert_id), alert, offset)

    def remove_departed(self, at: datetime) -> None:
        """Those who have left leave the board, and alerts of people who never had a state are dropped."""
        for patient_id in [name for name, patient in self.patients.items() if not patient.is_shown(at)]:
            self._drop(patient_id)
        for patient_id, told in list(self._before_state.items()):
            if all(at - one.latest.raised_at > SHOWN_AFTER_DEPARTURE for one in told.values()):
                del self._before_state[patient_id]

    def missing_text(self) -> Iterator[tuple[int, OpenAlertState]]:
        """Open alerts whose words have not been read yet, with their partition."""
        for patient in self.patients.values():
            for brief, told in patient.open_alerts():
                if told is None or told.descriptive is None:
                    yield patient.partition, brief

    def _drop(self, patient_id: str) -> None:
        self._before_state.pop(patient_id, None)
        if self.patients.pop(patient_id, None) is not None:
            self.changed.add(patient_id)


def is_older(state: PatientState, known: PatientState) -> bool:
    """Whether a state was written before another; a log that was begun anew counts its offsets anew."""
    return state.as_of < known.as_of and (state.log_offset or 0) < (known.log_offset or 0)


def merge_version(known: AlertVersions | None, alert: Alert, offset: int) -> AlertVersions:
    """What is known of an alert with one more version of it, in whatever order they are read."""
    words = alert if alert.reason is None and alert.status not in ENDED else None
    if known is None:
        return AlertVersions(alert, words, offset)
    if alert.version < known.latest.version:
        latest, offset = known.latest, known.offset
    else:
        latest = alert
    if words is None or (known.descriptive is not None and known.descriptive.version > words.version):
        words = known.descriptive
    return AlertVersions(latest, words, offset)


def open_alert_state(alert: Alert) -> OpenAlertState:
    """A version of an alert as a state would list it: the same fields, the rule by its id."""
    fields = {name: getattr(alert, name) for name in OpenAlertState.model_fields if name != "rule_id"}
    return OpenAlertState(**fields, rule_id=alert.rule.id)
