"""Builds a ward from events that the real engine has judged: states and alerts in log order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.board.patient_card import card
from agents.board.pseudonyms import Pseudonyms
from agents.board.ward import BoardWard
from agents.platform.json_types import Json
from schemas.state import PatientState
from tests.history.topic_messages import Published, event, fever, given, instant, published, started, vitals

SECRET = b"a secret that only tests know"
PATIENT = "p-1"
PSEUDONYMS = Pseudonyms(SECRET)

__all__ = ["event", "fever", "given", "instant", "published", "started", "vitals"]


def at(clock: str) -> datetime:
    """A time on 1 May 2026, UTC."""
    return datetime.fromisoformat(instant(clock))


def context(clock: str, **fields: Any) -> dict[str, Any]:
    """A patient event."""
    return event("patient", clock) | {"status": "updated"} | fields


def arrival(**fields: Any) -> dict[str, Any]:
    """The first event of a story: bed, weight and infusion."""
    known = {"weight_kg": 70.0, "unit": "4B", "bed": "12", "infused_at": instant("06:00"), "product": "axi-cel"}
    return context("08:00", **(known | {"status": "admitted"} | fields))


def apply_messages(ward: BoardWard, messages: Sequence[Published]) -> BoardWard:
    """Applies these messages to the ward."""
    for message in messages:
        if message.kind == "state":
            ward.apply_state(0, message.patient_id.encode(), message.value, message.state.as_of)
        else:
            ward.apply_alert(message.value, int(message.headers["log_offset"] or 0))
    return ward


def ward_of(*events: dict[str, Any]) -> BoardWard:
    """The ward after these events."""
    return apply_messages(BoardWard(), published(events))


def card_content(ward: BoardWard, clock: str, discretion: Pseudonyms = PSEUDONYMS) -> Json:
    """The card of the patient at a time."""
    return card(ward.patients[PATIENT], discretion, at(clock)).content


def alerts(drawn: Json) -> dict[str, Json]:
    """The alerts of a card by kind."""
    return {one["kind"]: one for one in drawn["alerts"]}


def axes(drawn: Json) -> dict[str, Json]:
    """The axes of a card by name."""
    return {one["name"]: one for one in drawn["axes"]}


def answer(clock: str, kind: str, alert_id: str, **more: Any) -> dict[str, Any]:
    """An assessment of an alert."""
    return event("assessment", clock) | {"kind": kind, "alert_id": alert_id} | more


def alert_id(ward: BoardWard, kind: str) -> str:
    """The id of the open alert of a kind."""
    return next(brief.alert_id for brief, _ in ward.patients[PATIENT].open_alerts() if brief.kind == kind)


def present(state: PatientState, **fields: Any) -> PatientState:
    """A state moved to the present, for tests of a running board."""
    shift = datetime.now(UTC) - state.as_of - timedelta(seconds=5)
    return state.model_copy(update={"as_of": state.as_of + shift} | fields)
