"""CLIF's categories and their counterparts in the contract. What is not listed is unmapped, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

ClifRow = dict[str, Any]
# An event with its time at the bedside, µs since 1970 (UTC).
Translated = tuple[int, ClifRow]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SIGNALS = {
    "temp_c": "temperature_celsius",
    "heart_rate": "heart_rate_per_min",
    "respiratory_rate": "respiratory_rate_per_min",
    "sbp": "systolic_mmhg",
    "dbp": "diastolic_mmhg",
    "map": "mean_arterial_mmhg",
    "spo2": "spo2_percent",
}
SUPPORT = ("oxygen_device", "oxygen_flow_l_per_min", "fio2_fraction")
PRESSURES = frozenset({"sbp", "dbp", "map"})
ARTERIAL_NAMES = ("arterial", "art ", "abp")
TEMPERATURE_SITES = {
    "oral": "oral",
    "axillary": "axillary",
    "temporal": "skin",
    "skin": "skin",
    "forehead": "skin",
    "blood": "core",
    "core": "core",
    "bladder": "core",
    "esophageal": "core",
    "esophogeal": "core",
    "rectal": "rectal",
    "tympanic": "tympanic",
}

# A device's own name is more exact than its category: the first of these that it contains decides.
DEVICE_NAMES = (
    ("non-rebreather", "non_rebreather"),
    ("nonrebreather", "non_rebreather"),
    ("non rebreather", "non_rebreather"),
    ("venti mask", "venturi"),
    ("venturi", "venturi"),
    ("blow-by", "blow_by"),
    ("blow by", "blow_by"),
)
DEVICE_CATEGORIES = {
    "imv": "invasive_ventilation",
    "nippv": "bipap",
    "cpap": "cpap",
    "high flow nc": "high_flow_nasal_cannula",
    "hfnc": "high_flow_nasal_cannula",
    "face mask": "face_mask",
    # Humidified oxygen over the opening, without pressure: to the lungs what a mask over the face is.
    "trach collar": "face_mask",
    "nasal cannula": "nasal_cannula",
    "room air": "room_air",
}

ROUTES = {
    "iv": "iv",
    "enteral": "oral",
    "oral": "oral",
    "po": "oral",
    # Taken up through the mucosa: it reaches the circulation.
    "buccal sublingual": "oral",
    "im": "im",
    "sc": "sc",
    "subcutaneous": "sc",
    "rectal": "rectal",
    "topical": "topical",
    "ophthalmic": "ophthalmic",
    "inhaled": "inhaled",
    "intrapleural": "other",
    "other": "other",
}
# Infusions. Within one instant: the last change of an order, its end, the start of the next.
ACTION_ORDER = {"dose change": 0, "going": 0, "verify": 0, "stop": 1, "start": 2}
DOSE_ACTIONS = {"given": "given", "bolus": "given", "not given": "not_given"}
OTHER_ACTION_NAMES = (("hold", "held"), ("held", "held"), ("not given", "not_given"), ("refused", "not_given"))


def device(name: str | None, category: str | None) -> str | None:
    """The contract's device; None when neither name nor category is known."""
    for part, named in DEVICE_NAMES:
        if part in (name or "").casefold():
            return named
    return DEVICE_CATEGORIES.get(plain(category or ""))


def is_arterial(row: Mapping[str, Any]) -> bool:
    """Whether a pressure comes from an arterial line, by the name of the reading."""
    return (row["vital_name"] or "").casefold().startswith(ARTERIAL_NAMES)


def fraction(written: float | None) -> float | None:
    """Oxygen as a fraction; 21 to 100 can only be percent. Anything else is passed on, for the decoder to refuse."""
    if written is None:
        return None
    return round(written / 100 if 21 <= written <= 100 else written, 4)


def plain(written: str) -> str:
    """A category as all sites write it but for case, underscores and spaces."""
    return " ".join(written.casefold().replace("_", " ").split())


def event(letter: str, kind: str, stay: str, at: int, what: str, **fields: Any) -> ClifRow:
    """An event of the contract. Its id is a digest of what makes it this event, so every run gives the same."""
    digest = blake2b(f"{stay}|{at}|{what}".encode(), digest_size=10).hexdigest()
    effective_at = (EPOCH + timedelta(microseconds=at)).isoformat()
    return {
        "type": kind,
        "event_id": f"{letter}-{digest}",
        "patient_id": stay,
        "effective_at": effective_at,
        **fields,
    }
