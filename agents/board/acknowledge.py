"""Writes acknowledgements and snoozes from the page to the assessments topic, one event for each click."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Annotated, Any, Literal

from aiokafka.errors import KafkaError
from pydantic import Field, StringConstraints, ValidationError

from agents.board import metrics
from agents.board.broadcast import Broadcaster
from agents.dispatch.assessments import Assessments, acknowledgement, snooze
from schemas.field_types import Wire

WRITE_TIMEOUT_SECONDS = 10.0

log = logging.getLogger("crs.board")

ClinicianName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]


class AnswerRequest(Wire):
    """The body of `POST /answers`. `click`: an id made by the page, so that one click sent twice is one event."""

    alert: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    act: Literal["acknowledge", "snooze"]
    by: ClinicianName
    click: Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z-]{8,64}$")]
    minutes: int = Field(15, ge=1, le=60)
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""


class AnswerWriter:
    """Turns a request into an assessment and publishes it."""

    def __init__(self, broadcaster: Broadcaster, producer: Any, topic: str) -> None:
        self.broadcaster = broadcaster
        self.assessments = Assessments(producer, topic)

    async def write(self, body: bytes) -> tuple[int, str]:
        """Publishes one answer and waits until the brokers confirm it. Returns an HTTP status and a sentence."""
        try:
            click = AnswerRequest.model_validate_json(body)
        except ValidationError:
            return self._result("unknown", "unreadable", 400, "This is no answer to an alert.")
        found = self.broadcaster.find_alert(click.alert)
        if found is None:
            return self._result(click.act, "not_open", 404, "This alert is not open any more.")
        patient_id, alert_id = found
        at, source = self.broadcaster.clock(), f"board:{click.click}"
        if click.act == "acknowledge":
            event: Any = acknowledgement(alert_id, patient_id, click.by, at, source)
        else:
            until = at + timedelta(minutes=click.minutes)
            reason = f"{click.by}: {click.reason}" if click.reason else f"asked by {click.by}"
            event = snooze(alert_id, patient_id, until, at, reason, source)
        try:
            await asyncio.wait_for(self.assessments.publish(event), WRITE_TIMEOUT_SECONDS)
        except (KafkaError, TimeoutError) as error:
            log.warning("answer not written act=%s why=%s", click.act, type(error).__name__)
            return self._result(click.act, "not_written", 503, "Not written: the brokers do not answer. Try again.")
        return self._result(click.act, "written", 202, "Said.")

    @staticmethod
    def _result(act: str, outcome: str, status: int, text: str) -> tuple[int, str]:
        metrics.ANSWERS.labels(act, outcome).inc()
        log.info("answer act=%s outcome=%s", act, outcome)
        return status, text
