"""HTTP server for acknowledgements and snoozes: needs a token or a signature, and returns nothing about patients."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any

from aiohttp import web

from agents.dispatch import metrics
from agents.dispatch.alert_reader import link_token
from agents.dispatch.assessments import Assessments, acknowledgement, snooze
from agents.dispatch.config import CallbacksConfig
from agents.dispatch.model import Case
from agents.platform.errors import UserError

LARGEST = 256 * 1024
# PagerDuty's event types that acknowledge. Closing an incident there acknowledges it: only the engine ends an alert.
ACKNOWLEDGING = frozenset({"incident.acknowledged", "incident.resolved"})
PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>CRS alert</title><body style="font:18px system-ui;max-width:32rem;margin:3rem auto;padding:0 1rem">
<h1 style="font-size:1.4rem">{title}</h1><p>{message}</p>{form}
<p style="color:#666;font-size:.9rem">Decision support, not a primary alarm: look at the patient.</p>"""
FORM = """<form method="post"><label>Your name <input name="by" required maxlength="128" autocomplete="name"></label>
<button style="font-size:1.1rem;padding:.6rem 1.2rem;margin-top:1rem">I have seen it</button></form>"""


class CallbackServer:
    """`find` gives the open case of an alert id or incident key."""

    def __init__(self, config: CallbacksConfig, find: Callable[[str], Case | None], assessments: Assessments) -> None:
        self.config = config
        self.find = find
        self.assessments = assessments
        self.token = config.token.get_secret_value().encode()
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/pagerduty", self.pagerduty)
        app.router.add_post("/acknowledge", self.acknowledge)
        app.router.add_post("/snooze", self.snooze)
        app.router.add_get("/alert/{alert_id}/{token}", self.show)
        app.router.add_post("/alert/{alert_id}/{token}", self.answer)
        self.runner = web.AppRunner(app, access_log=None)
        self.port = config.port

    async def start(self) -> None:
        """Starts listening. Raises UserError when the port is in use."""
        await self.runner.setup()
        site = web.TCPSite(self.runner, self.config.host, self.config.port)
        try:
            await site.start()
        except OSError as error:
            where = f"{self.config.host}:{self.config.port}"
            raise UserError(f"dispatch.callbacks: {where}: {error.strerror}; choose another port") from error
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        """Stops listening."""
        await self.runner.cleanup()

    async def pagerduty(self, request: web.Request) -> web.Response:
        """A webhook of PagerDuty (v3); the signature is checked before the body is parsed."""
        body = await request.read()
        secrets = [secret.get_secret_value().encode() for secret in self.config.pagerduty_secrets]
        if not signed(body, request.headers.get("X-PagerDuty-Signature", ""), secrets):
            return self._done("pagerduty", "unsigned", 401)
        try:
            event = json.loads(body)["event"]
            kind, incident = str(event["event_type"]), event["data"].get("incident_key")
            by = str((event.get("agent") or {}).get("summary") or "PagerDuty")
            source = str(event["id"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._done("pagerduty", "unreadable", 400)
        if kind not in ACKNOWLEDGING or not isinstance(incident, str):
            return self._done("pagerduty", "not_for_us", 204)
        return await self._acknowledge("pagerduty", incident, by, source)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """`{"alert_id": …, "by": …}` with the bearer token."""
        fields = await self._authorised(request)
        if isinstance(fields, web.Response):
            return fields
        return await self._acknowledge(
            "token", str(fields["alert_id"]), str(fields.get("by") or "unknown"), _now_source()
        )

    async def snooze(self, request: web.Request) -> web.Response:
        """`{"alert_id": …, "until": …, "reason": …}` with the bearer token; at most an hour."""
        fields = await self._authorised(request)
        if isinstance(fields, web.Response):
            return fields
        try:
            until = datetime.fromisoformat(str(fields["until"]))
        except (KeyError, ValueError):
            return self._done("token", "unreadable", 400)
        case = self.find(str(fields["alert_id"]))
        if until.tzinfo is None:
            return self._done("token", "unreadable", 400)
        if case is None:
            return self._done("token", "not_open", 404)
        reason = str(fields.get("reason") or "")
        now = datetime.now(UTC)
        await self.assessments.publish(snooze(case.alert_id, case.patient_id, until, now, reason, until.isoformat()))
        return self._done("token", "snoozed", 202)

    async def show(self, request: web.Request) -> web.Response:
        """The form behind a page's link. GET changes nothing: mail programs open every link."""
        if not self._valid_link(request):
            return self._page("This link is not valid", "", "", 403)
        if self.find(request.match_info["alert_id"]) is None:
            return self._page("This alert is not open any more", "Nothing to do here.", "", 404)
        return self._page("CRS alert", "Confirm that you have seen it and take it on.", FORM, 200)

    async def answer(self, request: web.Request) -> web.Response:
        """The button of that form."""
        if not self._valid_link(request):
            return self._page("This link is not valid", "", "", 403)
        form = await request.post()
        by = str(form.get("by") or "").strip() or "unknown"
        answer = await self._acknowledge("link", request.match_info["alert_id"], by, _now_source())
        if answer.status == 202:
            return self._page("Thank you", "The alert stays open until its cause is over.", "", 202)
        return self._page("This alert is not open any more", "Nothing to do here.", "", answer.status)

    async def _acknowledge(self, source: str, key: str, by: str, callback: str) -> web.Response:
        case = self.find(key)
        if case is None:
            return self._done(source, "not_open", 404)
        event = acknowledgement(case.alert_id, case.patient_id, by, datetime.now(UTC), f"{source}:{callback}")
        await self.assessments.publish(event)
        return self._done(source, "acknowledged", 202)

    async def _authorised(self, request: web.Request) -> dict[str, Any] | web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if not hmac.compare_digest(given, self.token):
            return self._done("token", "unauthorised", 401)
        try:
            fields = json.loads(await request.read())
            fields["alert_id"]
        except (ValueError, KeyError, TypeError):
            return self._done("token", "unreadable", 400)
        return dict(fields)

    def _valid_link(self, request: web.Request) -> bool:
        expected = link_token(self.token, request.match_info["alert_id"])
        return hmac.compare_digest(expected.encode(), request.match_info["token"].encode())

    def _done(self, source: str, outcome: str, status: int) -> web.Response:
        metrics.CALLBACKS.labels(source, outcome).inc()
        return web.Response(status=status, text="" if status == 204 else f"{outcome}\n")

    def _page(self, title: str, message: str, form: str, status: int) -> web.Response:
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
        text = PAGE.format(title=escape(title), message=escape(message), form=form)
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def signed(body: bytes, header: str, secrets: list[bytes]) -> bool:
    """Whether one of the signatures `v1=…,v1=…` was made with one of these keys."""
    given = [part.strip().removeprefix("v1=") for part in header.split(",") if part.strip().startswith("v1=")]
    expected = [hmac.new(secret, body, sha256).hexdigest() for secret in secrets]
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected)


def _now_source() -> str:
    """Every press of a button is an event of its own."""
    return datetime.now(UTC).isoformat()
