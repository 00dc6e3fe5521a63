"""Compares a patient's state with what was last written, and gives the rows to add. Pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agents.history.rows import TableRow, dose_row, episode_row, further_grades, patient_row, support_text, vital_row
from schemas.state import PatientState, ReadingState

DAY = timedelta(hours=24)
# The engine lists at most this many doses. In a list of this length older doses may be missing, though not withdrawn.
DOSES_LISTED = 48


class WithdrawnReading(NamedTuple):
    """The reading of a signal at `at` (bedside clock) was entered in error."""

    signal: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LastWritten:
    """What was last written for a patient; stored as JSON in the patient's row, so the field names are a format.

    `fingerprint`: a hash of the clinical part; `latest`: `reading_key` by signal; `doses`: ISO time by event id.
    """

    log_offset: int = -1
    fingerprint: str = ""
    latest: Mapping[str, str] = field(default_factory=dict)
    doses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StateChange:
    """The rows that one state adds, by table. `change` is None where nothing clinical changed."""

    written: LastWritten
    patient: TableRow
    episode: TableRow | None
    change: TableRow | None
    doses: tuple[TableRow, ...]
    doses_withdrawn: tuple[str, ...]
    vitals: tuple[TableRow, ...]
    vitals_withdrawn: tuple[WithdrawnReading, ...]


def diff(written: LastWritten, state: PatientState) -> StateChange | None:
    """The rows that a state adds; None when it is not newer than what was written (a repeat, or an older state)."""
    assert state.log_offset is not None, "parse.read_state skips states without an offset"
    if state.log_offset <= written.log_offset:
        return None
    place: TableRow = {"patient_id": state.patient_id, "log_offset": state.log_offset}
    clinical = clinical_part(state)
    now = LastWritten(
        log_offset=state.log_offset,
        fingerprint=hashlib.sha256(json.dumps(clinical, sort_keys=True, default=str).encode()).hexdigest(),
        latest={signal: reading_key(reading) for signal, reading in state.latest.items()},
        doses={dose.event_id: iso(dose.effective_at) for dose in state.doses},
    )
    changed = now.fingerprint != written.fingerprint
    return StateChange(
        written=now,
        patient=place | patient_row(state),
        episode=place | episode_row(state) if changed and state.episode else None,
        change=place | clinical | change_row(state) if changed else None,
        doses=tuple(place | dose_row(state, dose) for dose in state.doses) if changed else (),
        doses_withdrawn=withdrawn_doses(written, state),
        vitals=tuple(
            place | vital_row(signal, reading)
            for signal, reading in state.latest.items()
            if written.latest.get(signal) != reading_key(reading)
        ),
        vitals_withdrawn=tuple(withdrawn_readings(written, state)),
    )


def clinical_part(state: PatientState) -> TableRow:
    """The fields whose change adds a row: grades, episode, axes, supports, doses; not vitals or times."""
    return {
        "episode": state.episode,
        "grade": state.grade,
        "astct_grade": state.astct_grade,
        **further_grades(state),
        "grade_basis": state.grade_basis,
        "peak_grade": state.peak_grade,
        "onset_at": state.onset_at,
        "fever": state.axes.fever.grade,
        "hypotension": state.axes.hypotension.grade,
        "hypoxia": state.axes.hypoxia.grade,
        "infusions": "; ".join(support_text(s) for s in state.supports if s.kind == "infusion"),
        "oxygen": "; ".join(support_text(s) for s in state.supports if s.kind == "oxygen"),
        "doses": [(dose.event_id, dose.dose_mg, iso(dose.effective_at)) for dose in state.doses],
        "monitoring": state.monitoring,
        "missing": list(state.unknown),
        "effective_at": state.grade_since,
    }


def change_row(state: PatientState) -> TableRow:
    """When a change was known, and since when (bedside clock) its grade holds."""
    since = state.grade_since or state.as_of
    return {"as_of": state.as_of, "effective_at": since, "further_grades": further_grades(state)}


def withdrawn_doses(written: LastWritten, state: PatientState) -> tuple[str, ...]:
    """Event ids of doses written before that the state no longer lists, though its list reaches back to them."""
    listed = {dose.event_id for dose in state.doses}
    since = listed_since(state)
    return tuple(
        event_id
        for event_id, effective_at in written.doses.items()
        if event_id not in listed and datetime.fromisoformat(effective_at) >= since
    )


def listed_since(state: PatientState) -> datetime:
    """Since when (bedside clock) a state lists every dose: since onset or a later infusion, at least 24 h."""
    since = state.as_of - DAY
    if state.onset_at is not None:
        since = min(since, max(state.onset_at, state.context.infused_at or state.onset_at))
    if len(state.doses) >= DOSES_LISTED:
        since = max(since, min(dose.effective_at for dose in state.doses))
    return since


def withdrawn_readings(written: LastWritten, state: PatientState) -> list[WithdrawnReading]:
    """Signals whose latest reading is gone or older than before: the one written last was entered in error.

    A reading that was voided when it was no longer the latest cannot be seen in the state and stays: vitals are a
    sample. Grade, onset, peak and doses are always corrected.
    """
    found = []
    for signal, mark_before in written.latest.items():
        reading, at = state.latest.get(signal), datetime.fromisoformat(mark_before.partition("|")[0])
        if reading is None or reading.effective_at < at:
            found.append(WithdrawnReading(signal, at))
    return found


def reading_key(reading: ReadingState) -> str:
    """Time and value of a reading as one text, to compare it with the next one."""
    return f"{iso(reading.effective_at)}|{reading.value}"


def iso(at: datetime) -> str:
    """A time as ISO text in UTC, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat()
