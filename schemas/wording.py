"""Names of signals, doses and observations as text for people. Plain text: it must be escaped before it is shown."""

from __future__ import annotations

from schemas.alerts import Alert, Evidence
from schemas.events import SIGNALS
from schemas.state import ALERT_SCALES

NAMES = {
    **{name: signal.title for name, signal in SIGNALS.items()},
    "weight_kg": "weight",
    "age_years": "age",
    "neutrophils_per_ul": "neutrophils",
    "systolic": "systolic pressure",
    "spo2": "SpO2",
}
BASES = {
    "fever": "fever on record",
    "masked": "fever masked by treatment",
    "masked_unconfirmed": "no fever on record: masked, to be reviewed",
    "none": "no fever criterion",
}


def name_of(signal: str) -> str:
    """The display name of a signal or a drug."""
    return NAMES.get(signal, signal.replace("_", " "))


def differing_grades(alert: Alert) -> str:
    """The grades by other scales of CRS where they differ, in brackets; empty where none does."""
    others = [(one.title, getattr(alert, one.field)) for one in ALERT_SCALES if one.grades_crs]
    differing = [f"{title}: grade {grade}" for title, grade in others if grade != alert.grade]
    return f" ({'; '.join(differing)})" if differing else ""


def amount(dose_mg: float | None) -> str:
    """A dose."""
    return "amount unknown" if dose_mg is None else f"{dose_mg:g} mg"


def number(value: float) -> str:
    """A number as text: two decimals, three below 1, because infusion rates are small."""
    return f"{round(value, 2 if value >= 1 else 3):g}"


def observed(one: Evidence) -> str:
    """One observation: name, value and unit."""
    value = "unknown" if one.value is None else number(one.value) if isinstance(one.value, float) else str(one.value)
    unit = f" {one.unit}" if one.unit and one.unit != "1" else ""
    return f"{name_of(one.signal)} {value.replace('_', ' ')}{unit}"
