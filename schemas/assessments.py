"""What only a clinician can say: attribution, acknowledgement, snooze, infection work-up, a note."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.field_types import AlertId, Axis
from schemas.instants import Instant
from schemas.patient_event import Correctable


class Attribution(Correctable):
    """A clinician says whether an axis is due to CRS."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["attribution"] = Field("attribution", description="Is an axis due to CRS?")
    axis: Axis = Field(description="The axis of the grade that is judged.")
    attributed_to_crs: bool = Field(description="False: the axis is left out of the grade, and shown as left out.")


class Acknowledge(Correctable):
    """Someone has seen an alert."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["acknowledge"] = Field("acknowledge", description="An alert was seen.")
    alert_id: AlertId = Field(description="The alert that was seen.")
    by: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = Field(None, description="Who saw it.")


class Snooze(Correctable):
    """Someone asks for quiet about an alert, for at most 60 min from `effective_at`."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["snooze"] = Field("snooze", description="An alert is to be quiet.")
    alert_id: AlertId = Field(description="The alert to keep quiet.")
    until: Instant = Field(description="Quiet until then; at most 60 min after `effective_at` (ward policy).")
    reason: Annotated[str, StringConstraints(max_length=500)] | None = Field(None, description="Why, in words.")


class InfectionWorkup(Correctable):
    """Where the infection work-up stands."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["infection_workup"] = Field("infection_workup", description="Infection work-up.")
    state: Literal["sent", "negative", "positive"] = Field(description="Cultures and imaging, as far as known.")


class Note(Correctable):
    """Free text of a clinician; no rule reads it."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    kind: Literal["note"] = Field("note", description="Free text.")
    text: Annotated[str, StringConstraints(max_length=4000)] | None = Field(None, description="The note.")


Assessment = Annotated[Attribution | Acknowledge | Snooze | InfectionWorkup | Note, Field(discriminator="kind")]
