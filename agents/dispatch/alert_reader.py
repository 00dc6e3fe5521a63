"""Parses records of the alerts topic into alert updates without patient data, and thins out a backlog."""

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
from agents.dispatch.public_alert import public_id, public_version
from schemas.alerts import Alert


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """One version of an alert, when it was written, and when the event that caused it was appended to the log."""

    update: AlertUpdate
    at: datetime
    appended_ms: int | None


class AlertReader:
    """Keeps of each alert only what a page may contain, and the ids that an acknowledgement needs."""

    def __init__(self, secret: bytes, locations: PatientLocations, link: str | None, token: bytes | None) -> None:
        self.secret = secret
        self.locations = locations
        self.link = link
        self.token = token

    def read(self, record: Any, at: datetime) -> ReceivedAlert | None:
        """One record of the alerts topic; None: it cannot be read."""
        try:
            alert = Alert.model_validate_json(record.value)
        except (ValidationError, TypeError, ValueError):
            return None
        location = self.locations.of(record.partition, alert.patient_id)
        update = AlertUpdate(
            alert.alert_id,
            alert.patient_id,
            record.partition,
            public_version(alert, location, self.secret, self._link(alert)),
            record.offset,
            alert.acknowledged_at,
            alert.snoozed_until,
        )
        return ReceivedAlert(update, at, integer_header(record.headers, "log_appended_ms"))

    def _link(self, alert: Alert) -> str | None:
        if self.link is None or self.token is None:
            return self.link
        return self.link.replace("{token}", link_token(self.token, public_id(alert, self.secret)))


def link_token(key: bytes, alert_id: str) -> str:
    """The token in the link of a page: it allows to acknowledge this alert and no other."""
    return hmac.new(key, b"acknowledge:" + alert_id.encode(), sha256).hexdigest()[:40]


def integer_header(headers: Iterable[tuple[str, bytes]], name: str) -> int | None:
    """A header that is a whole number; None if it is missing or something else."""
    value = next((value for key, value in headers if key == name), None)
    return int(value) if value is not None and value.isdigit() else None


class Backlog:
    """Alerts of one partition that were written while no dispatcher read it.

    Of an alert that is older than `stale_after` only the last version is kept; newer versions are all kept.
    """

    def __init__(self, until_offset: int, stale_after: timedelta) -> None:
        self.until_offset = until_offset
        self.stale_after = stale_after
        self.read_at = monotonic()
        self._versions: dict[str, list[ReceivedAlert]] = {}

    def take(self, received: ReceivedAlert, now: datetime) -> None:
        """Adds a version, and removes earlier ones that are stale."""
        versions = self._versions.setdefault(received.update.alert_id, [])
        versions[:] = [earlier for earlier in versions if now - earlier.at <= self.stale_after]
        versions.append(received)

    def all(self) -> list[ReceivedAlert]:
        """What is left, in the order of the topic."""
        left = (received for versions in self._versions.values() for received in versions)
        return sorted(left, key=lambda received: received.update.offset)
