"""The order of the oxygen devices, from least to most support (ward policy)."""

from __future__ import annotations

from monitor.guidelines.model import DEVICES
from schemas.field_types import OxygenDevice

LADDER: tuple[OxygenDevice, ...] = (
    "room_air",
    "blow_by",
    "nasal_cannula",
    "face_mask",
    "venturi",
    "non_rebreather",
    "tracheostomy_mask",
    "high_flow_nasal_cannula",
    "cpap",
    "bipap",
    "invasive_ventilation",
    "ecmo",
)
DEVICE_RANK = {device: rank for rank, device in enumerate(LADDER)}
assert set(LADDER) == set(DEVICES), "every device has its rank"


def device_rank(device: str) -> int:
    """The place on the ladder; a device that only a newer build knows may be any, so it ranks above all."""
    return DEVICE_RANK.get(device, len(LADDER))  # type: ignore[call-overload, no-any-return]
