"""IHE ACM over MLLP, against an alarm manager that answers as a script says."""

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
async def manager(reply: Reply, heard: list[str]) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                framed = await reader.readuntil(END)
                assert framed.startswith(BEGIN)
                heard.append(framed.strip(BEGIN + END).decode())
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
    heard: list[str] = []

    async def talk() -> list[PagerAnswer]:
        async with manager(reply, heard) as port:
            pager = AcmPager(AcmConfig(kind="acm", host="127.0.0.1", port=port, timeout_seconds=1))
            told = [await pager.send(one) for one in pages]
            await pager.close()
            return told

    return asyncio.run(talk()), heard


def test_an_alarm_starts_grows_eases_and_ends() -> None:
    told = [
        page(),
        page("close", "superseded", primary=False),  # no message: the escalation says it
        page("open", "worsened", key="a1:g3", grade=3),
        page("acknowledge", "acknowledged", key="a1:g3", grade=3),
        page("update", "eased", key="a1:g3", priority="medium"),
        page("close", "over", key="a1:g3", status="resolved"),
    ]
    outcomes, heard = exchange(answers("CA"), *told)
    assert set(outcomes) == {ACCEPTED}
    phases = [message.split("EVENT_PHASE^MDC|1.0.0.0.3|")[1].split("|")[0] for message in heard]
    assert phases == ["start", "escalate", "continue", "deescalate", "end"]
    states = [message.split("INACTIVATION_STATE^MDC|1.0.0.0.5|")[1].split("|")[0] for message in heard]
    assert states == ["enabled", "enabled", "alert-acknowledged", "enabled", "enabled"]


def test_a_message_says_what_how_loud_and_where_in_the_places_of_the_profile() -> None:
    words = message(page(), AcmConfig(kind="acm", host="h", port=1))
    segments = {line.split("|")[0]: line.split("|") for line in words.split("\r") if not line.startswith("OBX")}
    first = next(line for line in words.split("\r") if line.startswith("OBX|1|")).split("|")
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
    assert words.endswith("\r")


def test_what_is_technical_is_of_type_st_and_medium() -> None:
    words = message(page(priority="technical", kind="signal_lost"), AcmConfig(kind="acm", host="h", port=1))
    assert "|PM~ST|" in words


@pytest.mark.parametrize("cause", ["again", "snooze_ended"])
def test_asking_again_is_an_escalation(cause: str) -> None:
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
def test_what_an_answer_says_about_trying_again(reply: Reply, outcome: str) -> None:
    (answer,), _ = exchange(reply, page())
    assert answer.outcome == outcome


def test_silence_is_worth_another_attempt_and_the_next_one_has_a_connection_of_its_own() -> None:
    replies: list[Callable[[bytes], bytes | None]] = [lambda framed: b"", answers("AA")]
    outcomes, heard = exchange(lambda framed: replies.pop(0)(framed), page(), page())
    assert [answer.outcome for answer in outcomes] == ["retry", "accepted"]
    assert heard[0] == heard[1]


def test_nobody_there_is_worth_another_attempt() -> None:
    pager = AcmPager(AcmConfig(kind="acm", host="127.0.0.1", port=1))
    assert asyncio.run(pager.send(page())).outcome == "retry"


def test_one_connection_carries_many_messages() -> None:
    connections: list[int] = []

    async def talk() -> None:
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

    asyncio.run(talk())
    assert len(connections) == 1


def test_words_cannot_become_structure() -> None:
    words = message(page(bed="1|2^3&4~5\\6\r7"), AcmConfig(kind="acm", host="h", port=1))
    assert "7A^^1\\F\\2\\S\\3\\T\\4\\R\\5\\E\\6 7" in words
    assert escaped("plain") == "plain"


def test_an_answer_names_the_message_it_is_about() -> None:
    assert answer_from(answers("AA")(BEGIN + b"MSH|^~\\&|a|b|c|d|e||f|a1.1|P" + END) or b"", "a1.1") is ACCEPTED
    assert answer_from(b"MSA|AA|a1.2", "a1.1").outcome == "retry"
