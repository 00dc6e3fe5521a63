"""The alerts topic as the dispatcher hears it: versions of alerts, heartbeats, and what cannot be read."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any

from pydantic import ValidationError

from agents.dispatch.commands import AlertUpdate
from agents.dispatch.patient_locations import PatientLocations
from agents.dispatch.public_alert import brief, public_id
from schemas.alerts import Alert

HEARTBEAT = b"heartbeat"


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """One version of an alert, when it came, and when the event it rests on was appended to the log."""

    told: AlertUpdate
    at: datetime
    appended_ms: int | None


class AlertReader:
    """Turns alerts into what may be told, and forgets the rest."""

    def __init__(self, secret: bytes, places: PatientLocations, link: str | None, token: bytes | None) -> None:
        self.secret = secret
        self.places = places
        self.link = link
        self.token = token

    def read(self, record: Any, at: datetime) -> ReceivedAlert | None:
        """One record; None: it is no alert that we can read."""
        try:
            alert = Alert.model_validate_json(record.value)
        except (ValidationError, TypeError, ValueError):
            return None
        place = self.places.of(record.partition, alert.patient_id)
        told = AlertUpdate(
            alert.alert_id,
            alert.patient_id,
            record.partition,
            brief(alert, place, self.secret, self._link(alert)),
            record.offset,
            alert.acknowledged_at,
            alert.snoozed_until,
        )
        return ReceivedAlert(told, at, number(record.headers, "log_appended_ms"))

    def _link(self, alert: Alert) -> str | None:
        if self.link is None or self.token is None:
            return self.link
        return self.link.replace("{token}", link_token(self.token, public_id(alert, self.secret)))


def link_token(key: bytes, alert_id: str) -> str:
    """Whoever holds the link of a page may answer that page, and no other."""
    return hmac.new(key, b"acknowledge:" + alert_id.encode(), sha256).hexdigest()[:40]


def is_heartbeat(record: Any) -> bool:
    """Whether a record only says that the path works."""
    return any(name == "kind" and value == HEARTBEAT for name, value in record.headers)


def number(headers: Iterable[tuple[str, bytes]], name: str) -> int | None:
    """A whole number among the headers."""
    value = next((value for key, value in headers if key == name), None)
    return int(value) if value is not None and value.isdigit() else None


class Backlog:
    """What piled up while nobody listened. Of an alert that is older than a moment, only the last word counts."""

    def __init__(self, until_offset: int, stale_after: timedelta) -> None:
        self.until_offset = until_offset
        self.stale_after = stale_after
        self.read_at = monotonic()
        self._versions: dict[str, list[ReceivedAlert]] = {}

    def take(self, heard: ReceivedAlert, now: datetime) -> None:
        """One more version; earlier ones that are no news any more go."""
        versions = self._versions.setdefault(heard.told.alert_id, [])
        versions[:] = [earlier for earlier in versions if now - earlier.at <= self.stale_after]
        versions.append(heard)

    def all(self) -> list[ReceivedAlert]:
        """What is left to be told, in order."""
        left = (heard for versions in self._versions.values() for heard in versions)
        return sorted(left, key=lambda heard: heard.told.offset)
