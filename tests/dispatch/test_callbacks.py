"""Acknowledgements and snoozes from PagerDuty, a link, a token, or a silence; without proof nothing is accepted."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from agents.dispatch.alert_reader import link_token
from agents.dispatch.callbacks import CallbackServer, signed
from agents.dispatch.config import CallbacksConfig
from agents.dispatch.model import Case
from agents.dispatch.pagers.alertmanager import AlertmanagerConfig
from agents.dispatch.silences import Silences
from agents.platform.errors import UserError
from schemas.assessments import Acknowledge, Snooze
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.dispatch.page_examples import AT, page
from tests.dispatch.receiver import receiver

TOKEN = "a-token-that-only-tests-know"
HOOK = "a-hook-secret"
CASE = Case("a1", "somebody", 0, page().alert, (("pager",),), AT)


@dataclass
class FakeAssessments:
    """Keeps assessments instead of writing them."""

    events: list[Acknowledge | Snooze] = field(default_factory=list)

    async def publish(self, event: Acknowledge | Snooze) -> None:
        self.events.append(event)


def find(key: str) -> Case | None:
    return CASE if key in ("a1", "a1:g3") else None


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("HOOK", HOOK)


def config(**given: Any) -> CallbacksConfig:
    return CallbacksConfig.model_validate(
        {"port": 0, "token": {"env": "TOKEN"}, "pagerduty_secrets": [{"env": "HOOK"}]} | given
    )


def requests(play: Callable[[httpx.AsyncClient], Awaitable[list[httpx.Response]]]) -> tuple[list[int], list[Any]]:
    """The status of each answer, and the assessments that were written."""
    written = FakeAssessments()

    async def all_of_it() -> list[int]:
        server = CallbackServer(config(), find, written)  # type: ignore[arg-type]
        await server.start()
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
                return [answer.status_code for answer in await play(client)]
        finally:
            await server.stop()

    return asyncio.run(all_of_it()), written.events


def hook(kind: str = "incident.acknowledged", key: str | None = "a1:g3", number: str = "e1") -> bytes:
    event = {
        "id": number,
        "event_type": kind,
        "agent": {"summary": "Dr. Gray"},
        "data": {"id": "P1", "type": "incident", "incident_key": key},
    }
    return json.dumps({"event": event}).encode()


def signature(body: bytes, secret: str = HOOK) -> dict[str, str]:
    return {"X-PagerDuty-Signature": "v1=0000,v1=" + hmac.new(secret.encode(), body, sha256).hexdigest()}


def test_an_acknowledgement_at_pagerduty_is_written_with_its_name_and_applied_once() -> None:
    async def play(client: httpx.AsyncClient) -> list[httpx.Response]:
        body = hook()
        return [await client.post("/pagerduty", content=body, headers=signature(body)) for _ in range(2)]

    statuses, (first, second) = requests(play)
    assert statuses == [202, 202]
    assert (first.alert_id, first.patient_id, first.by) == ("a1", "somebody", "Dr. Gray")
    assert first.event_id == second.event_id  # delivered twice, applied once
    decoded = decode(first.model_dump_json(exclude_none=True).encode(), "assessment")
    assert isinstance(decoded, Decoded)
    assert decoded.event == first


def test_an_incident_that_a_person_closed_is_acknowledged_and_stays_open() -> None:
    async def play(client: httpx.AsyncClient) -> list[httpx.Response]:
        body = hook("incident.resolved")
        return [await client.post("/pagerduty", content=body, headers=signature(body))]

    statuses, events = requests(play)
    assert statuses == [202]
    assert [event.kind for event in events] == ["acknowledge"]


def test_a_body_that_is_unsigned_unreadable_or_about_another_alert_changes_nothing() -> None:
    async def play(client: httpx.AsyncClient) -> list[httpx.Response]:
        good = hook()
        bodies: list[tuple[bytes, dict[str, str]]] = [
            (good, {}),
            (good, signature(good, "another secret")),
            (good + b" ", signature(good)),
            (b"[]", signature(b"[]")),
            (b"{", signature(b"{")),
            (hook("incident.annotated"), signature(hook("incident.annotated"))),
            (hook(key=None), signature(hook(key=None))),
            (hook(key="a2"), signature(hook(key="a2"))),
        ]
        return [await client.post("/pagerduty", content=body, headers=headers) for body, headers in bodies]

    statuses, events = requests(play)
    assert statuses == [401, 401, 401, 400, 400, 204, 204, 404]
    assert events == []


def test_without_a_key_no_signature_is_valid() -> None:
    assert not signed(b"x", "v1=" + hmac.new(b"", b"x", sha256).hexdigest(), [])


def test_the_link_of_a_page_acknowledges_that_alert_and_opening_it_changes_nothing() -> None:
    link = f"/alert/a1/{link_token(TOKEN.encode(), 'a1')}"

    async def play(client: httpx.AsyncClient) -> list[httpx.Response]:
        shown = await client.get(link)
        assert "I have seen it" in shown.text
        assert "somebody" not in shown.text
        assert shown.headers["cache-control"] == "no-store"
        return [
            shown,
            await client.get(link.replace("a1", "a2")),
            await client.get(f"/alert/a2/{link_token(TOKEN.encode(), 'a2')}"),
            await client.post(link[:-1] + "x", data={"by": "Nurse Joy"}),
            await client.post(link, data={"by": "Nurse Joy"}),
        ]

    statuses, events = requests(play)
    assert statuses == [200, 403, 404, 403, 202]
    assert [(event.alert_id, event.by) for event in events] == [("a1", "Nurse Joy")]


def test_a_token_acknowledges_and_snoozes_for_an_hour_at_most() -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    given: list[tuple[str, Any, str]] = [
        ("/acknowledge", {"alert_id": "a1", "by": "board"}, TOKEN),
        ("/snooze", {"alert_id": "a1", "until": tomorrow, "reason": "in theatre"}, TOKEN),
        ("/acknowledge", {"alert_id": "a1", "by": "board"}, "wrong"),
        ("/acknowledge", {"alert_id": "a1", "by": "board"}, "x"),
        ("/acknowledge", {"alert_id": "a9"}, TOKEN),
        ("/acknowledge", {}, TOKEN),
        ("/snooze", {"alert_id": "a1"}, TOKEN),
        ("/snooze", {"alert_id": "a1", "until": "2026-03-04T10:00:00"}, TOKEN),
        ("/snooze", {"alert_id": "a9", "until": tomorrow}, TOKEN),
    ]

    async def play(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.post(path, json=fields, headers={"Authorization": f"Bearer {token}"})
            for path, fields, token in given
        ]

    statuses, events = requests(play)
    assert statuses == [202, 202, 401, 401, 404, 400, 400, 400, 404]
    acknowledged, snoozed = events
    assert acknowledged.by == "board"
    assert snoozed.until - snoozed.effective_at == timedelta(minutes=60)
    assert isinstance(decode(snoozed.model_dump_json(exclude_none=True).encode(), "assessment"), Decoded)


def test_there_are_no_other_paths() -> None:
    async def play(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get(path) for path in ("/", "/metrics", "/acknowledge", "/alert/a1")]

    statuses, _ = requests(play)
    assert statuses == [404, 404, 405, 404]


def test_it_listens_on_loopback_by_default_and_needs_a_long_token(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config().host == "127.0.0.1"
    assert not config().open_to_others
    assert config(host="0.0.0.0").open_to_others
    monkeypatch.setenv("TOKEN", "short")
    with pytest.raises(ValueError, match="at least 16 characters"):
        config()


def test_a_port_in_use_is_an_error_of_one_line() -> None:
    async def play() -> None:
        first = CallbackServer(config(), find, FakeAssessments())  # type: ignore[arg-type]
        await first.start()
        second = CallbackServer(config(port=first.port), find, FakeAssessments())  # type: ignore[arg-type]
        try:
            await second.start()
        finally:
            await second.stop()
            await first.stop()

    with pytest.raises(UserError, match=r"^dispatch\.callbacks: 127\.0\.0\.1:\d+: .+; choose another port$"):
        asyncio.run(play())


def silence(number: str, ends_at: datetime, name: str = "incident", value: str = "a1", **matcher: Any) -> Any:
    return {
        "id": number,
        "endsAt": ends_at.isoformat(),
        "status": {"state": "active"},
        "createdBy": "Dr. Gray",
        "comment": "seen",
        "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True} | matcher],
    }


def test_a_short_silence_is_a_snooze_a_long_one_an_acknowledgement_and_each_is_written_once() -> None:
    now = datetime.now(UTC)
    written = FakeAssessments()
    with receiver() as service:
        service.answers["/api/v2/silences"] = [
            silence("s1", now + timedelta(minutes=30)),
            silence("s2", now + timedelta(hours=8), "alert_id"),
            silence("s3", now + timedelta(hours=8), "kind", "escalation"),  # about a kind, not an alert
            silence("s4", now + timedelta(hours=8), isRegex=True, value=".*"),
            silence("s5", now + timedelta(hours=8), isEqual=False),
            silence("s6", now + timedelta(hours=8), value="a9"),
            {"id": "nonsense"},
            silence("s7", now + timedelta(hours=1)) | {"status": {"state": "expired"}},
        ]
        given = AlertmanagerConfig.model_validate({"kind": "alertmanager", "urls": ["http://127.0.0.1:1", service.url]})

        async def poll() -> None:
            silences = Silences(given, find, written)  # type: ignore[arg-type]
            await silences.poll(now)
            await silences.poll(now)
            await silences.client.close()

        asyncio.run(poll())
    assert [event.kind for event in written.events] == ["snooze", "acknowledge"]
    snooze, acknowledge = written.events
    assert isinstance(snooze, Snooze)
    assert isinstance(acknowledge, Acknowledge)
    assert snooze.until == now + timedelta(minutes=30)
    assert acknowledge.by == "Dr. Gray"
