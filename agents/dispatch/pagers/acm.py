"""IHE ACM: an alarm manager is told in HL7 v2 (ORU^R40) over MLLP, and answers AA, AE or AR."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from agents.dispatch.config import AcmAt
from agents.dispatch.model import Page
from agents.dispatch.pagers.answer import TAKEN, PagerAnswer
from agents.dispatch.public_alert import text
from schemas.alerts import Priority

BEGIN, END = b"\x0b", b"\x1c\x0d"
LONGEST_ANSWER = 64 * 1024
PRIORITY: dict[Priority, str] = {"high": "PH", "medium": "PM", "low": "PL", "technical": "PM"}
PROFILE = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
ALARM = "196616^MDC_EVT_ALARM^MDC"
ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "})
# ERR-3 of a message that will be no better next time: wrong type, event, processing id or version.
NEVER = frozenset({"200", "201", "202", "203"})


class Acm:
    """One alarm manager. A connection carries one message and its answer at a time; several may be open."""

    refresh_seconds: float | None = None

    def __init__(self, at: AcmAt) -> None:
        self.at = at
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, page: Page) -> PagerAnswer:
        """Sends one message and waits for its answer. An old level that ends is part of the escalation's message."""
        if not page.primary:
            return TAKEN
        try:
            async with asyncio.timeout(self.at.timeout_seconds):
                return await self._exchange(page)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, EOFError) as error:
            return PagerAnswer("again", type(error).__name__)

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        """An alarm manager keeps what it took."""
        return TAKEN

    async def close(self) -> None:
        """Lets connections go."""
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()

    async def _exchange(self, page: Page) -> PagerAnswer:
        reader, writer = self.idle.pop() if self.idle else await self._connect()
        kept = False
        try:
            writer.write(BEGIN + message(page, self.at).encode() + END)
            await writer.drain()
            answer = meaning(await reader.readuntil(END), page.page_id)
            kept = True
            self.idle.append((reader, writer))
            return answer
        finally:
            if not kept:
                with suppress(OSError):
                    writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context() if self.at.tls else None
        return await asyncio.open_connection(self.at.host, self.at.port, ssl=context, limit=LONGEST_ANSWER)


def message(page: Page, at: AcmAt) -> str:
    """One alarm of one patient: what, how loud, which phase, where. SA is an advisory; ST is about equipment."""
    told = page.brief
    kind = "ST" if told.priority == "technical" else "SA"
    when = hl7_time(told.raised_at)
    sender = f"CRS_MONITOR|{escaped(at.sending_facility)}"
    receiver = f"{escaped(at.receiving_application)}|{escaped(at.receiving_facility)}"
    place = f"{escaped(told.unit or '')}^^{escaped(told.bed or '')}"
    words = escaped(text(told, at.template))
    code = f"0^CRS_{told.kind.upper()}^L"
    seen = "alert-acknowledged" if page.act == "acknowledge" else "enabled"
    state = "inactive" if page.act == "close" else "active"
    return "\r".join(
        (
            f"MSH|^~\\&|{sender}|{receiver}|{when}||ORU^R40^ORU_R40|{escaped(page.page_id)}|P|2.6"
            f"|||AL|NE||UNICODE UTF-8|||{PROFILE}",
            f"PID|||{escaped(told.reference)}^^^CRS_MONITOR^PI||^^^^^^S",
            f"PV1||I|{place}",
            f"OBR|1|{escaped(page.page_id)}^CRS_MONITOR|{escaped(told.alert_id)}^CRS_MONITOR|{ALARM}|||{when}",
            f"OBX|1|CWE|{ALARM}|1.0.0.0.1|{code}^^^^^^{words}|||{PRIORITY[told.priority]}~{kind}|||F|||{when}",
            f"OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|{phase(page)}||||||F",
            f"OBX|3|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.0.0.0.4|{state}||||||F",
            f"OBX|4|ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.0.0.0.5|{seen}||||||F",
            f"OBX|5|ST|68484^MDC_ATTR_ALARM_PRIORITY^MDC|1.0.0.0.6|{PRIORITY[told.priority]}||||||F",
            f"OBX|6|ST|68485^MDC_ATTR_ALERT_TYPE^MDC|1.0.0.0.7|{kind}||||||F",
            "",
        )
    )


def phase(page: Page) -> str:
    """Where the alarm stands: it starts, becomes more or less urgent, goes on, or ends."""
    if page.act == "close":
        return "end"
    if page.act == "open":
        return "escalate" if page.cause in ("worsened", "again", "snooze_ended") else "start"
    return "deescalate" if page.cause == "eased" else "continue"


def meaning(answer: bytes, expected: str) -> PagerAnswer:
    """What an acknowledgement says about trying again: AA took it, AE will never take it, AR could not just now."""
    segments = [line.split("|") for line in answer.strip(BEGIN + END).decode("utf-8", "replace").split("\r")]
    named = {fields[0]: fields for fields in segments}
    msa = named.get("MSA", [])
    if len(msa) < 3 or msa[2].translate(ESCAPES) != escaped(expected):
        return PagerAnswer("again", "answer to another message")
    if msa[1] in ("AA", "CA"):
        return TAKEN
    err = named.get("ERR", [])
    reason = err[3].split("^")[0] if len(err) > 3 else ""
    never = msa[1] in ("AE", "CE") or reason in NEVER
    return PagerAnswer("refused" if never else "again", f"{msa[1][:2]} {reason[:3]}".strip())


def hl7_time(at: datetime) -> str:
    """Local time with its offset, to the millisecond."""
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03}{at:%z}"


def escaped(words: str) -> str:
    """A value that cannot be mistaken for the structure of a message."""
    return words.translate(ESCAPES)
