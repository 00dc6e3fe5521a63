"""The pager for IHE ACM over MLLP, against an alarm manager with scripted answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from agents.dispatch.page import Page
from agents.dispatch.pagers.acm import BEGIN, END, AcmConfig, AcmPager, answer_from, escaped, message, phase
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from tests.dispatch.page_examples import page

Reply = Callable[[bytes], bytes | None]


def control_id(framed: bytes) -> str:
    return framed.decode().split("|")[9]


def answers(code: str, error: str = "") -> Reply:
    def reply(framed: bytes) -> bytes:
        segments = ["MSH|^~\\&|ALARM|HOSPITAL|CRS|WARD|20260304100001||ACK^R40^ACK|7|P|2.6"]
        segments.append(f"MSA|{code}|{control_id(framed)}")
        if error:
            segments.append(f"ERR|||{error}|E")
        return BEGIN + "\r".join(segments).encode() + b"\r" + END

    return reply


@asynccontextmanager
async def manager(reply: Reply, received: list[str]) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                framed = await reader.readuntil(END)
                assert framed.startswith(BEGIN)
                received.append(framed.strip(BEGIN + END).decode())
                answer = reply(framed)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def exchange(reply: Reply, *pages: Page) -> tuple[list[PagerAnswer], list[str]]:
    received: list[str] = []

    async def run() -> list[PagerAnswer]:
        async with manager(reply, received) as port:
            pager = AcmPager(AcmConfig(kind="acm", host="127.0.0.1", port=port, timeout_seconds=1))
            results = [await pager.send(one) for one in pages]
            await pager.close()
            return results

    return asyncio.run(run()), received


def test_an_alarm_starts_worsens_eases_and_ends() -> None:
    pages = [
        page(),
        page("close", "superseded", primary=False),  # no message: the escalation includes it
        page("open", "worsened", key="a1:g3", grade=3),
        page("acknowledge", "acknowledged", key="a1:g3", grade=3),
        page("update", "eased", key="a1:g3", priority="medium"),
        page("close", "over", key="a1:g3", status="resolved"),
    ]
    outcomes, received = exchange(answers("CA"), *pages)
    assert set(outcomes) == {ACCEPTED}
    phases = [message.split("EVENT_PHASE^MDC|1.0.0.0.3|")[1].split("|")[0] for message in received]
    assert phases == ["start", "escalate", "continue", "deescalate", "end"]
    states = [message.split("INACTIVATION_STATE^MDC|1.0.0.0.5|")[1].split("|")[0] for message in received]
    assert states == ["enabled", "enabled", "alert-acknowledged", "enabled", "enabled"]


def test_a_message_has_kind_priority_and_place_in_the_fields_of_the_profile() -> None:
    text = message(page(), AcmConfig(kind="acm", host="h", port=1))
    segments = {line.split("|")[0]: line.split("|") for line in text.split("\r") if not line.startswith("OBX")}
    first = next(line for line in text.split("\r") if line.startswith("OBX|1|")).split("|")
    assert segments["MSH"][8] == "ORU^R40^ORU_R40"
    assert segments["MSH"][9] == "a1.1"
    assert segments["MSH"][11] == "2.6"
    assert segments["MSH"][20] == "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
    assert segments["PID"][3] == "5f1c^^^CRS_MONITOR^PI"
    assert segments["PV1"][3] == "7A^^12"
    assert segments["OBR"][3] == "a1^CRS_MONITOR"
    assert segments["OBR"][7] == "20260304100000.000+0000"
    assert first[3] == "196616^MDC_EVT_ALARM^MDC"
    assert first[8] == "PH~SA"
    assert first[11] == "F"
    assert text.endswith("\r")


def test_a_technical_alert_has_type_st_and_medium_priority() -> None:
    text = message(page(priority="technical", kind="signal_lost"), AcmConfig(kind="acm", host="h", port=1))
    assert "|PM~ST|" in text


@pytest.mark.parametrize("cause", ["again", "snooze_ended"])
def test_a_repeat_is_an_escalation(cause: str) -> None:
    assert phase(page("open", cause)) == "escalate"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (answers("AA"), "accepted"),
        (answers("CA"), "accepted"),
        (answers("AE", "102^Data type error^HL70357"), "rejected"),
        (answers("AR"), "retry"),
        (answers("AR", "207^Application internal error^HL70357"), "retry"),
        (answers("AR", "200^Unsupported message type^HL70357"), "rejected"),
        (lambda framed: None, "retry"),
        (lambda framed: BEGIN + b"MSH|^~\\&|\rMSA|AA|another\r" + END, "retry"),
        (lambda framed: BEGIN + b"nonsense" + END, "retry"),
        (lambda framed: BEGIN + b"x" * 200_000 + END, "retry"),
    ],
)
def test_each_answer_is_final_or_worth_another_attempt(reply: Reply, outcome: str) -> None:
    (answer,), _ = exchange(reply, page())
    assert answer.outcome == outcome


def test_no_answer_is_worth_another_attempt_over_a_new_connection() -> None:
    replies: list[Callable[[bytes], bytes | None]] = [lambda framed: b"", answers("AA")]
    outcomes, received = exchange(lambda framed: replies.pop(0)(framed), page(), page())
    assert [answer.outcome for answer in outcomes] == ["retry", "accepted"]
    assert received[0] == received[1]


def test_a_refused_connection_is_worth_another_attempt() -> None:
    pager = AcmPager(AcmConfig(kind="acm", host="127.0.0.1", port=1))
    assert asyncio.run(pager.send(page())).outcome == "retry"


def test_one_connection_carries_many_messages() -> None:
    connections: list[int] = []

    async def run() -> None:
        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(1)
            with suppress(asyncio.IncompleteReadError):
                while True:
                    writer.write(answers("AA")(await reader.readuntil(END)) or b"")

        server = await asyncio.start_server(count, "127.0.0.1", 0)
        async with server:
            pager = AcmPager(AcmConfig(kind="acm", host="127.0.0.1", port=server.sockets[0].getsockname()[1]))
            for n in range(5):
                assert await pager.send(page(key=f"a{n}")) is ACCEPTED
            await pager.close()

    asyncio.run(run())
    assert len(connections) == 1


def test_separators_in_values_are_escaped() -> None:
    text = message(page(bed="1|2^3&4~5\\6\r7"), AcmConfig(kind="acm", host="h", port=1))
    assert "7A^^1\\F\\2\\S\\3\\T\\4\\R\\5\\E\\6 7" in text
    assert escaped("plain") == "plain"


def test_an_answer_must_name_the_message_it_is_about() -> None:
    assert answer_from(answers("AA")(BEGIN + b"MSH|^~\\&|a|b|c|d|e||f|a1.1|P" + END) or b"", "a1.1") is ACCEPTED
    assert answer_from(b"MSA|AA|a1.2", "a1.1").outcome == "retry"
