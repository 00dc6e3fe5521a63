"""What may leave the house about an alert: how loud, what kind, which bed, an opaque reference, and where to look.

A `Brief` is all that a pager ever sees of an alert. Names, drugs, vital values and patient ids are not in it, so no
template, log line or adapter can give them away. Titles and messages of the alert itself stay inside.
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

Stage = Literal["technical", "low", "medium", "high", "g3", "g4"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a patient lies, as far as known."""

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
    detail: str | None = None  # only for what is about the pager itself

    @property
    def over(self) -> bool:
        """The alert is closed, by a clinical rule or because it rested on an error."""
        return self.status in ("resolved", "retracted")

    @property
    def page_level(self) -> Stage:
        """How loud this version is; grade 3 and 4 are stages of their own for what is high."""
        if self.priority == "high" and self.grade >= 3:
            return "g4" if self.grade >= 4 else "g3"
        return self.priority

    @property
    def urgency(self) -> int:
        """Stages in order; a higher one pages anew."""
        return {"g3": 4, "g4": 5}.get(self.page_level, PRIORITY_RANK[self.priority])


def reference(secret: bytes, patient_id: str) -> str:
    """A keyed hash of the patient id: one patient, one reference, and no way back without the key."""
    return hmac.new(secret, patient_id.encode(), hashlib.sha256).hexdigest()[:12]


def brief(alert: Alert, place: Location, secret: bytes, link: str | None = None) -> PublicAlert:
    """What may be told about this version of an alert. `link` may hold `{alert_id}`."""
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
        place.unit,
        place.bed,
        link.replace("{alert_id}", quote(alert_id, safe="")) if link else None,
    )


def public_id(alert: Alert, secret: bytes) -> str:
    """The alert id, which is opaque; should one ever spell out the patient id, a keyed hash stands in for it."""
    if alert.patient_id in alert.alert_id:
        return hmac.new(secret, alert.alert_id.encode(), hashlib.sha256).hexdigest()[:24]
    return alert.alert_id


def kind_text(kind: str) -> str:
    """What a kind of alert means, in words that may leave the hospital."""
    entry = ALERT_KINDS.get(kind)
    return SYSTEM_TEXTS.get(kind, kind) if entry is None else entry.public_text


def text(told: PublicAlert, template: str = DEFAULT_TEMPLATE) -> str:
    """One line for a person."""
    if told.detail is not None:
        return f"{kind_text(told.kind)}: {told.detail}"
    entry = ALERT_KINDS.get(told.kind)
    level = f", grade {told.grade}" if entry is not None and entry.shows_grade else ""
    values = {
        "what": kind_text(told.kind),
        "kind": told.kind,
        "level": level,
        "priority": told.priority,
        "grade": told.grade,
        "bed": told.bed or "unknown",
        "unit": told.unit or "",
        "reference": told.reference,
        "link": told.link or "",
        "status": told.status,
    }
    return " ".join(template.format_map(values).split())


def template_fault(template: str) -> str | None:
    """Why a template cannot be used; None: it can. Only the named fields exist, so no patient data can be asked for."""
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
