"""A board's web server with one patient and a producer that only records: no broker is needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import aiohttp
from aiokafka.errors import KafkaTimeoutError

from agents.board.acknowledge import AnswerWriter
from agents.board.auth import SessionAuth
from agents.board.broadcast import Broadcaster
from agents.board.config import BoardConfig, load
from agents.board.liveness import Liveness
from agents.board.pseudonyms import Pseudonyms
from agents.board.server import BoardServer
from agents.board.ward import BoardWard
from tests.board.judged_ward import SECRET, arrival, fever, published, vitals

TOKEN = "a-token-that-only-tests-know"
NAME = "MRN-4711-canary"
STORY = [
    arrival(),
    vitals("08:30", oxygen_device="room_air", spo2_percent=97, systolic_mmhg=120),
    fever("09:00", 38.6),
    vitals("09:10", systolic_mmhg=84),
]


class RecordingProducer:
    """A Kafka producer that records what is sent; `is_down`: it times out instead."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes, Any]] = []
        self.is_down = False

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        if self.is_down:
            raise KafkaTimeoutError
        self.written.append((topic, key, json.loads(value)))


class RunningBoard:
    """A board without its Kafka consumer: tests put states, alerts and heartbeats in."""

    def __init__(self, config: BoardConfig) -> None:
        self.ward, self.liveness, self.producer = BoardWard(), Liveness(1, monotonic()), RecordingProducer()
        self.liveness.loading = False
        self.broadcaster = Broadcaster(self.ward, self.liveness, Pseudonyms(SECRET, config.show_ids))
        self.auth = SessionAuth(TOKEN.encode(), config.session_hours * 3600)
        answers = AnswerWriter(self.broadcaster, self.producer, "crs.assessments")
        self.server = BoardServer(config, self.auth, self.broadcaster, answers, (lambda: None, lambda: "blind"))
        self.heartbeat()

    def heartbeat(self, ahead: timedelta = timedelta(0)) -> None:
        """A heartbeat, from a log whose clock is `ahead` of ours."""
        heartbeat = {"partition": 0, "at": (datetime.now(UTC) + ahead).isoformat()}
        self.liveness.record(json.dumps(heartbeat).encode(), datetime.now(UTC), monotonic())

    def apply_story(self) -> None:
        """Applies the states and alerts of STORY, as if it had ended now."""
        messages = published([one | {"patient_id": NAME} for one in STORY])
        now = datetime.now(UTC)
        for message in messages:
            if message.kind == "state":
                state = message.state.model_copy(update={"as_of": now})
                self.ward.apply_state(0, NAME.encode(), state.model_dump_json().encode(), now)
            else:
                self.ward.apply_alert(message.value, int(message.headers["log_offset"] or 0))
        self.broadcaster.refresh(now, monotonic())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def keys(self) -> list[str]:
        """The keys of the open alerts."""
        return [alert["key"] for alert in self.broadcaster.cards[NAME]["alerts"]]


@asynccontextmanager
async def running_board(**options: Any) -> AsyncIterator[tuple[RunningBoard, aiohttp.ClientSession]]:
    """A board that listens, and an HTTP client without a session."""
    board = RunningBoard(load(None, port=0, **options))
    await board.server.start()
    board.apply_story()
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies for an IP address
    async with aiohttp.ClientSession(board.url, cookie_jar=jar, headers={"Origin": board.url}) as browser:
        try:
            yield board, browser
        finally:
            await board.server.stop()


async def enter(browser: aiohttp.ClientSession, token: str = TOKEN, **headers: str) -> aiohttp.ClientResponse:
    """Enters a token."""
    return await browser.post("/enter", data={"token": token}, headers=headers, allow_redirects=False)


async def stream_events(browser: aiohttp.ClientSession, number: int) -> list[tuple[str, Any]]:
    """The first `number` events of the stream, each with its kind."""
    found: list[tuple[str, Any]] = []
    async with browser.get("/live") as stream:
        assert stream.status == 200
        kind = ""
        while len(found) < number:
            line = (await asyncio.wait_for(stream.content.readline(), 10)).decode().rstrip("\n")
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((kind, json.loads(line.removeprefix("data: "))))
    return found


def play(scene: Callable[[RunningBoard, aiohttp.ClientSession], Awaitable[None]], **options: Any) -> None:
    """Runs a scene with a board of its own."""

    async def run() -> None:
        async with running_board(**options) as (board, browser):
            await scene(board, browser)

    asyncio.run(run())
