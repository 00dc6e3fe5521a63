"""What only a clinician can say: attribution, acknowledgement, snooze, infection work-up, neurology, a note."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.field_types import AlertId, Axis, CerebralOedema, PersonId, Seizure
from schemas.instants import Instant
from schemas.patient_event import Correctable


class Spoken(Correctable):
    """What a person says, and who it was."""

    type: Literal["assessment"] = Field("assessment", description="A clinician's word.")
    by: PersonId | None = Field(None, description="A stable id of the person.")
    by_name: PersonId | None = Field(None, description="The person's name as shown.")


class Attribution(Spoken):
    """A clinician says whether an axis is due to CRS."""

    kind: Literal["attribution"] = Field("attribution", description="Is an axis due to CRS?")
    axis: Axis = Field(description="The axis of the grade that is judged.")
    attributed_to_crs: bool = Field(description="False: the axis is left out of the grade, and shown as left out.")


class Acknowledge(Spoken):
    """Someone has seen an alert."""

    kind: Literal["acknowledge"] = Field("acknowledge", description="An alert was seen.")
    alert_id: AlertId = Field(description="The alert that was seen.")
    on_the_way: bool | None = Field(None, description="The person is on the way to the patient.")


class Snooze(Spoken):
    """Someone asks for quiet about an alert, for at most 60 min from `effective_at`."""

    kind: Literal["snooze"] = Field("snooze", description="An alert is to be quiet.")
    alert_id: AlertId = Field(description="The alert to keep quiet.")
    until: Instant = Field(description="Quiet until then; at most 60 min after `effective_at` (ward policy).")
    reason: Annotated[str, StringConstraints(max_length=500)] | None = Field(None, description="Why, in words.")


class InfectionWorkup(Spoken):
    """Where the infection work-up stands."""

    kind: Literal["infection_workup"] = Field("infection_workup", description="Infection work-up.")
    state: Literal["sent", "negative", "positive"] = Field(description="Cultures and imaging, as far as known.")


class Note(Spoken):
    """Free text of a clinician; no rule reads it."""

    kind: Literal["note"] = Field("note", description="Free text.")
    text: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = Field(description="The note.")


class Neuro(Spoken):
    """Signs of neurotoxicity that only an examination shows: at least one."""

    kind: Literal["neuro"] = Field("neuro", description="Neurological findings.")
    seizure: Seizure | None = Field(None, description="`brief` resolves; `prolonged`: > 5 min, or repeated.")
    motor_weakness: bool | None = Field(None, description="Deep focal weakness: hemi- or paraparesis.")
    cerebral_oedema: CerebralOedema | None = Field(None, description="On imaging, or by signs of raised pressure.")


Assessment = Annotated[Attribution | Acknowledge | Snooze | InfectionWorkup | Note | Neuro, Field(discriminator="kind")]
