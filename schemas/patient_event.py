"""What every event of a patient carries, and how one is taken back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.field_types import EventId, PatientId, Wire
from schemas.instants import Instant


class PatientEvent(Wire):
    """What every event of a patient carries."""

    event_id: EventId = Field(description="Unique per source; a repeat is applied once.")
    patient_id: PatientId = Field(description="Opaque patient reference.")
    effective_at: Instant = Field(description="When it was true at the bedside (FHIR 'effective').")
    received_at: Instant | None = Field(None, description="When the hospital first had it; intake fills it.")
    replaces: EventId | None = Field(None, description="The earlier event of this patient and type that this corrects.")
    merged_from: Annotated[tuple[PatientId, ...], Field(max_length=64)] | None = Field(
        None, description="The records through which it came here, after merges. Only workers write it, into the log."
    )


class Correctable(PatientEvent):
    """An event that can be entered in error."""

    status: Literal["final", "entered_in_error"] = Field(
        "final", description="With `replaces` and `entered_in_error`: the earlier event never happened."
    )


class Void(PatientEvent):
    """The earlier event that `replaces` names never happened. A void may carry content; nothing reads it."""

    type: Literal["vitals", "medication", "patient", "assessment", "labs"] = Field(
        description="The type of the earlier event."
    )
    status: Literal["entered_in_error"] = Field(description="It was entered in error.")
    replaces: EventId = Field(description="The earlier event of this patient and type.")
    device_id: str | None = Field(None, max_length=128, description="The device of the earlier event.")
    source: str | None = Field(None, max_length=128, description="The source of the earlier event.")
