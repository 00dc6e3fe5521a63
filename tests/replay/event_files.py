"""Events as a test writes them: a clock time on one day, a patient, and what was seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def at(clock: str) -> str:
    """`10:20` on the first day, `34:20` on the next, with seconds if given."""
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return (DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)).isoformat()


def vitals(clock: str, patient: str = "p", source: str = "charted", **signals: Any) -> dict[str, Any]:
    """One observation."""
    header = {"type": "vitals", "event_id": f"v-{patient}-{clock}-{'-'.join(signals)}", "patient_id": patient}
    return header | {"effective_at": at(clock), "source": source} | signals


def medication(clock: str, drug: str, action: str, patient: str = "p", **fields: Any) -> dict[str, Any]:
    """One line of the medication record."""
    header = {"type": "medication", "event_id": f"m-{patient}-{clock}-{drug}-{action}", "patient_id": patient}
    return header | {"effective_at": at(clock), "drug": drug, "action": action, "route": "iv"} | fields


def context(clock: str, patient: str = "p", **fields: Any) -> dict[str, Any]:
    """Something about the patient."""
    header = {"type": "patient", "event_id": f"c-{patient}-{clock}", "patient_id": patient}
    return header | {"effective_at": at(clock), "status": "updated"} | fields


def tick(clock: str) -> dict[str, Any]:
    """The clock."""
    return {"type": "tick", "effective_at": at(clock)}


def line(content: dict[str, Any] | str | bytes) -> bytes:
    """A line of a file: an event, or anything else."""
    if isinstance(content, bytes):
        return content
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()


def write(path: Path, *contents: dict[str, Any] | str | bytes) -> str:
    """A file of lines."""
    path.write_bytes(b"".join(line(one) + b"\n" for one in contents))
    return str(path)


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file of lines."""
    return [json.loads(one) for one in path.read_bytes().splitlines()]


def course(patient: str = "p", hour: int = 10) -> list[dict[str, Any]]:
    """Fever, then a low pressure, then tocilizumab: onset, grade 2, a dose that is due and given."""
    return [
        context(f"{hour}:00", patient, status="admitted", age_years=60, weight_kg=80, unit="West"),
        vitals(f"{hour}:00", patient, temperature_celsius=38.4, systolic_mmhg=120, spo2_percent=97),
        vitals(f"{hour}:01", patient, oxygen_device="room_air"),
        vitals(f"{hour}:20", patient, systolic_mmhg=84),
        medication(f"{hour}:40", "tocilizumab", "given", patient, dose=640, dose_unit="mg"),
    ]
