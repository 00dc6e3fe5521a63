"""Facts: what one event of a patient contains, at its bedside time; and which entries were taken back.

Of every fact `event_id` is the event's key, and `content` the checksum of its fields (record/identity.py). Typed named
tuples, as in model.py: fields keep their order, new ones go last.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from schemas.field_types import Action, Axis, Consciousness, Indication, OxygenDevice, RateUnit

SEPARATOR = "\x1f"  # in a key between the event id and a source that is not the usual one
WorkupState = Literal["sent", "negative", "positive"]


class VitalsFact(NamedTuple):
    """One observation. Temperature in tenths of °C, pressures in mmHg, SpO2 in %, flow in L/min."""

    at: int
    event_id: str
    charted: bool
    temperature: int | None
    sbp: int | None
    map: int | None
    spo2: int | None
    device: OxygenDevice | None
    flow: float | None
    fio2: float | None
    ice: int | None
    consciousness: Consciousness | None
    # Readings between this instant and `at` were dropped; all were like their neighbours (thinning.py). 0: none were.
    gap_since: int = 0
    # Readings of signals without a field here, in hundredths of their units (course/further_signals.py).
    further: tuple[int | None, ...] = ()
    content: int = 0


class MedicationFact(NamedTuple):
    """One line of the medication record about a drug that some rule knows. Doses in mg."""

    at: int
    event_id: str
    drug: str
    role: str
    action: Action
    dose_mg: float | None
    rate: float | None
    rate_unit: RateUnit | None
    indication: Indication | None
    content: int = 0
    administration_id: str | None = None

    @property
    def source(self) -> str:
        """The source in the event's key; empty: the medication record."""
        return self.event_id.partition(SEPARATOR)[2]


class ContextFact(NamedTuple):
    """Fields of the context that an event sets, `infused_at` aside."""

    at: int
    event_id: str
    changes: tuple[tuple[str, float | str | bool | None], ...]
    content: int = 0


class InfusionFact(NamedTuple):
    """The treatment was started at `infused_at`."""

    at: int
    event_id: str
    infused_at: int
    content: int = 0


class StatementFact(NamedTuple):
    """A clinician's statement: whether an axis is due to CRS, or the state of the infection work-up."""

    at: int
    event_id: str
    subject: Axis | Literal["infection_workup"]
    attributed: bool | None
    state: WorkupState | None
    content: int = 0


Fact = VitalsFact | MedicationFact | ContextFact | InfusionFact | StatementFact


class Facts(NamedTuple):
    """The facts since the checkpoint, each kind in bedside order."""

    vitals: tuple[VitalsFact, ...] = ()
    medications: tuple[MedicationFact, ...] = ()
    contexts: tuple[ContextFact, ...] = ()
    infusions: tuple[InfusionFact, ...] = ()
    statements: tuple[StatementFact, ...] = ()


class FactsAt(NamedTuple):
    """All facts of one instant, in the order in which they are applied."""

    at: int
    facts: Facts


class Correction(NamedTuple):
    """An event that replaces or voids an earlier one. Keys are hashed (record/identity.py)."""

    by: bytes
    target: bytes
    at: int  # log time
    content: int
    # The id alone of a target that has not come yet: it may come from another source.
    awaited: bytes = b""
