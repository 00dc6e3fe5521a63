"""Who is in the simulated ward, kept in a file, so that a run that ended leaves nobody behind in a bed.

A patient who is admitted and never discharged is silent from then on, and staff are paged for it, as they should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agents.platform.json_types import Json
from agents.simulation.story import TimedEvent, TimedStory, to_iso

LEFT = ("discharged", "died")


class Census:
    """The ids of those who are in, one a line. Written before an admission is sent, so it never lacks anybody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.present: dict[str, None] = {}
        if path.exists():
            self.present = dict.fromkeys(path.read_text(encoding="utf-8").split())
        self._unsent = ""  # who was to be admitted when the run was asked to stop

    def follow(self, story: TimedStory) -> TimedStory:
        """The same story; admissions, discharges, deaths and merges change the census."""
        for due in story:
            if (joins := joining(due.event)) is not None and joins not in self.present:
                self.present[joins], self._unsent = None, joins
                self._write()
            yield due
            self._unsent = ""
            if (leaves := leaving(due.event)) in self.present:
                del self.present[leaves]
                self._write()

    def discharges(self, at_ms: int) -> Iterator[TimedEvent]:
        """A discharge for each who is in. An admission that was not sent any more is taken back."""
        self.present.pop(self._unsent, None)
        return self.follow(iter([TimedEvent(at_ms, discharge(patient_id, at_ms)) for patient_id in self.present]))

    def _write(self) -> None:
        """Replaces the file as a whole: a run that is killed leaves the old one or the new one."""
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.write_text("".join(f"{patient_id}\n" for patient_id in self.present), encoding="utf-8")
        beside.replace(self._path)


def joining(event: Json) -> str | None:
    """Whom this event brings into the ward; of two merged patients the one who goes on."""
    if event.get("status") == "admitted":
        return str(event["patient_id"])
    return event.get("merged_into")


def leaving(event: Json) -> str:
    """Whom this event takes out of the ward; empty: nobody."""
    return str(event["patient_id"]) if event.get("status") in LEFT or event.get("merged_into") else ""


def discharge(patient_id: str, at_ms: int) -> Json:
    """The patient leaves now."""
    return {
        "type": "patient",
        "event_id": f"{patient_id}-left-{at_ms}",
        "patient_id": patient_id,
        "effective_at": to_iso(at_ms),
        "status": "discharged",
    }
