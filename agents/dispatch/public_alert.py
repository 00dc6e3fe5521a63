"""What a page may contain of an alert: priority, kind, grade, unit and bed, an opaque reference, and a link.

A pager never gets more of an alert than a `PublicAlert`. Names, drugs, vital values and patient ids are not in it, so
no template, log line or pager can disclose them. The title and message of the alert itself are left out as well.
"""

from __future__ import annotations

import hashlib
import hmac
import string
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from schemas.alert_kinds import ALERT_KINDS, PRIORITY_RANK
from schemas.alerts import Alert, AlertStatus, Priority

# Kinds that are about the pager itself, not about a patient; those of patients are in schemas/alert_kinds.py.
SYSTEM_TEXTS = {"dispatch": "Alert delivery needs attention", "summary": "Several alerts at once"}
DEFAULT_TEMPLATE = "{what}{level} - bed {bed} {unit} - ref {reference}"
FIELDS = frozenset({"what", "kind", "level", "priority", "grade", "bed", "unit", "reference", "link", "status"})

PageLevel = Literal["technical", "low", "medium", "high", "g3", "g4"]


@dataclass(frozen=True, slots=True)
class Location:
    """The unit and bed of a patient, as far as known."""

    unit: str | None = None
    bed: str | None = None


@dataclass(frozen=True, slots=True)
class PublicAlert:
    """One version of one alert, without anything about the patient but an opaque reference and the bed."""

    alert_id: str
    version: int
    status: AlertStatus
    kind: str
    priority: Priority
    grade: int
    raised_at: datetime  # log time of this version
    reference: str
    unit: str | None = None
    bed: str | None = None
    link: str | None = None
    detail: str | None = None  # only of system alarms and summaries

    @property
    def over(self) -> bool:
        """The alert is closed, by a clinical rule or because it rested on an error."""
        return self.status in ("resolved", "retracted")

    @property
    def page_level(self) -> PageLevel:
        """The priority; grade 3 and 4 are levels of their own if it is high."""
        if self.priority == "high" and self.grade >= 3:
            return "g4" if self.grade >= 4 else "g3"
        return self.priority

    @property
    def urgency(self) -> int:
        """The rank of the page level; a higher one opens a new incident."""
        return {"g3": 4, "g4": 5}.get(self.page_level, PRIORITY_RANK[self.priority])


def reference(secret: bytes, patient_id: str) -> str:
    """A keyed hash of the patient id (12 hex digits): the same for one patient, and not reversible without the key."""
    return hmac.new(secret, patient_id.encode(), hashlib.sha256).hexdigest()[:12]


def public_version(alert: Alert, location: Location, secret: bytes, link: str | None = None) -> PublicAlert:
    """The public part of this version of an alert. `link` may contain `{alert_id}`."""
    alert_id = public_id(alert, secret)
    return PublicAlert(
        alert_id,
        alert.version,
        alert.status,
        alert.kind,
        alert.priority,
        alert.grade,
        alert.raised_at,
        reference(secret, alert.patient_id),
        location.unit,
        location.bed,
        link.replace("{alert_id}", quote(alert_id, safe="")) if link else None,
    )


def public_id(alert: Alert, secret: bytes) -> str:
    """The alert id, which is opaque; one that contains the patient id is replaced by a keyed hash."""
    if alert.patient_id in alert.alert_id:
        return hmac.new(secret, alert.alert_id.encode(), hashlib.sha256).hexdigest()[:24]
    return alert.alert_id


def kind_text(kind: str) -> str:
    """What a kind of alert means, in words that may leave the hospital."""
    entry = ALERT_KINDS.get(kind)
    return SYSTEM_TEXTS.get(kind, kind) if entry is None else entry.public_text


def text(alert: PublicAlert, template: str = DEFAULT_TEMPLATE) -> str:
    """One line for a person."""
    if alert.detail is not None:
        return f"{kind_text(alert.kind)}: {alert.detail}"
    entry = ALERT_KINDS.get(alert.kind)
    level = f", grade {alert.grade}" if entry is not None and entry.shows_grade else ""
    values = {
        "what": kind_text(alert.kind),
        "kind": alert.kind,
        "level": level,
        "priority": alert.priority,
        "grade": alert.grade,
        "bed": alert.bed or "unknown",
        "unit": alert.unit or "",
        "reference": alert.reference,
        "link": alert.link or "",
        "status": alert.status,
    }
    return " ".join(template.format_map(values).split())


def template_fault(template: str) -> str | None:
    """Why a template cannot be used; None: it can. No field contains patient data."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        return f"not a template: {error}"
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in FIELDS:
            return f"unknown field {{{name}}}; there are {', '.join(sorted(FIELDS))}"
        if form or conversion:
            return f"{{{name}}} takes no format"
    return None
