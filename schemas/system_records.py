"""Records of the system: only workers write them, and only into the log.

From a feed each is refused as `reserved`, and so are the fields in which older builds carried a story. In the log they
are believed: who may write it is Kafka's to hold (`crs-monitor topics --check --acls`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.field_types import PatientId
from schemas.patient_event import PatientEvent

RESERVED_FIELDS = frozenset({"story", "merged_from"})
# Refused from feeds, also those that this build does not read yet. A list: what a message holds may not be hashable.
RESERVED_TYPES = ["policy", "erased", "story"]


class Story(PatientEvent):
    """The handover of a merge: all that is known about a patient, for the id under which it continues."""

    type: Literal["story"] = Field("story", description="The handover of a merge.")
    path: tuple[PatientId, ...] = Field(description="The ids that this story went through, the oldest first.")
    story: str = Field(description="The story itself, packed.")


SystemRecord = Annotated[Story, Field(discriminator="type")]
SYSTEM_TYPES = ("story",)
