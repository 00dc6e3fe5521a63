"""Pager for alarm managers that speak IHE ACM: HL7 v2 (ORU^R40) over MLLP; they answer AA, AE or AR."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Literal

from pydantic import Field

from agents.dispatch.page import Page
from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import DestinationConfig
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.dispatch.public_alert import text
from schemas.alerts import Priority

BEGIN, END = b"\x0b", b"\x1c\x0d"
LONGEST_ANSWER = 64 * 1024
PRIORITY: dict[Priority, str] = {"high": "PH", "medium": "PM", "low": "PL", "technical": "PM"}
PROFILE = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
ALARM = "196616^MDC_EVT_ALARM^MDC"
ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "})
# ERR-3 of a message that will never be accepted: wrong type, event, processing id or version.
PERMANENT_ERRORS = frozenset({"200", "201", "202", "203"})


class AcmConfig(DestinationConfig):
    """An alarm manager that speaks IHE ACM over MLLP."""

    kind: Literal["acm"]
    host: str
    port: int = Field(ge=1, le=65535)
    tls: bool = False
    sending_facility: str = "WARD"
    receiving_application: str = "ALARM_MANAGER"
    receiving_facility: str = "HOSPITAL"
    max_concurrent: int = Field(4, ge=1, le=64, alias="at_once")


class AcmPager:
    """One alarm manager. Each connection has at most one message without an answer; several may be open."""

    refresh_seconds: float | None = None

    def __init__(self, config: AcmConfig) -> None:
        self.config = config
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, page: Page) -> PagerAnswer:
        """Sends one message and waits for its answer. An escalation includes the end of the old level."""
        if not page.primary:
            return ACCEPTED
        try:
            async with asyncio.timeout(self.config.timeout_seconds):
                return await self._exchange(page)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, EOFError) as error:
            return PagerAnswer("retry", type(error).__name__)

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """Not needed: an alarm manager keeps its alarms."""
        return ACCEPTED

    async def close(self) -> None:
        """Closes connections."""
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()

    async def _exchange(self, page: Page) -> PagerAnswer:
        reader, writer = self.idle.pop() if self.idle else await self._connect()
        kept = False
        try:
            writer.write(BEGIN + message(page, self.config).encode() + END)
            await writer.drain()
            answer = answer_from(await reader.readuntil(END), page.page_id)
            kept = True
            self.idle.append((reader, writer))
            return answer
        finally:
            if not kept:
                with suppress(OSError):
                    writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context() if self.config.tls else None
        return await asyncio.open_connection(self.config.host, self.config.port, ssl=context, limit=LONGEST_ANSWER)


def message(page: Page, config: AcmConfig) -> str:
    """One alarm: kind, priority, phase and place. Alert type SA is an advisory; ST is about equipment."""
    alert = page.alert
    kind = "ST" if alert.priority == "technical" else "SA"
    when = hl7_time(alert.raised_at)
    sender = f"CRS_MONITOR|{escaped(config.sending_facility)}"
    receiver = f"{escaped(config.receiving_application)}|{escaped(config.receiving_facility)}"
    place = f"{escaped(alert.unit or '')}^^{escaped(alert.bed or '')}"
    description = escaped(text(alert, config.template))
    code = f"0^CRS_{alert.kind.upper()}^L"
    inactivation = "alert-acknowledged" if page.act == "acknowledge" else "enabled"
    state = "inactive" if page.act == "close" else "active"
    return "\r".join(
        (
            f"MSH|^~\\&|{sender}|{receiver}|{when}||ORU^R40^ORU_R40|{escaped(page.page_id)}|P|2.6"
            f"|||AL|NE||UNICODE UTF-8|||{PROFILE}",
            f"PID|||{escaped(alert.reference)}^^^CRS_MONITOR^PI||^^^^^^S",
            f"PV1||I|{place}",
            f"OBR|1|{escaped(page.page_id)}^CRS_MONITOR|{escaped(alert.alert_id)}^CRS_MONITOR|{ALARM}|||{when}",
            f"OBX|1|CWE|{ALARM}|1.0.0.0.1|{code}^^^^^^{description}|||{PRIORITY[alert.priority]}~{kind}|||F|||{when}",
            f"OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|{phase(page)}||||||F",
            f"OBX|3|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.0.0.0.4|{state}||||||F",
            f"OBX|4|ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.0.0.0.5|{inactivation}||||||F",
            f"OBX|5|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.0.0.0.6|{PRIORITY[alert.priority]}||||||F",
            f"OBX|6|ST|68485^MDC_ATTR_ALERT_TYPE^MDC|1.0.0.0.7|{kind}||||||F",
            "",
        )
    )


def phase(page: Page) -> str:
    """The event phase of the alarm (MDC_ATTR_EVENT_PHASE)."""
    if page.act == "close":
        return "end"
    if page.act == "open":
        return "escalate" if page.cause in ("worsened", "again", "snooze_ended") else "start"
    return "deescalate" if page.cause == "eased" else "continue"


def answer_from(acknowledgement: bytes, expected: str) -> PagerAnswer:
    """AA is accepted, AE rejected, AR worth another attempt. `expected`: the control id of our message."""
    segments = [line.split("|") for line in acknowledgement.strip(BEGIN + END).decode("utf-8", "replace").split("\r")]
    by_name = {fields[0]: fields for fields in segments}
    msa = by_name.get("MSA", [])
    if len(msa) < 3 or msa[2].translate(ESCAPES) != escaped(expected):
        return PagerAnswer("retry", "answer to another message")
    if msa[1] in ("AA", "CA"):
        return ACCEPTED
    err = by_name.get("ERR", [])
    reason = err[3].split("^")[0] if len(err) > 3 else ""
    permanent = msa[1] in ("AE", "CE") or reason in PERMANENT_ERRORS
    return PagerAnswer("rejected" if permanent else "retry", f"{msa[1][:2]} {reason[:3]}".strip())


def hl7_time(at: datetime) -> str:
    """Local time with its offset, to the millisecond."""
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03}{at:%z}"


def escaped(value: str) -> str:
    """The value with all separators of HL7 escaped."""
    return value.translate(ESCAPES)


registry.register(AcmConfig, lambda config, _: AcmPager(config))
