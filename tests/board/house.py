"""A board's web server with a ward in it and a producer that only remembers: no broker, and no waiting."""

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
from tests.board.scene import SECRET, arrival, fever, published, vitals

TOKEN = "a-token-that-only-tests-know"
NAME = "MRN-4711-canary"
STORY = [
    arrival(),
    vitals("08:30", oxygen_device="room_air", spo2_percent=97, systolic_mmhg=120),
    fever("09:00", 38.6),
    vitals("09:10", systolic_mmhg=84),
]


class Writer:
    """Stands for the producer."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes, Any]] = []
        self.is_down = False

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        if self.is_down:
            raise KafkaTimeoutError
        self.written.append((topic, key, json.loads(value)))


class House:
    """Everything, and ways to ask it."""

    def __init__(self, plan: BoardConfig) -> None:
        self.ward, self.pulse, self.writer = BoardWard(), Liveness(1, monotonic()), Writer()
        self.pulse.loading = False
        self.viewers = Broadcaster(self.ward, self.pulse, Pseudonyms(SECRET, plan.show_ids))
        self.door = SessionAuth(TOKEN.encode(), plan.session_hours * 3600)
        answers = AnswerWriter(self.viewers, self.writer, "crs.assessments")
        self.server = BoardServer(plan, self.door, self.viewers, answers, (lambda: None, lambda: "blind"))
        self.beat()

    def beat(self, ahead: timedelta = timedelta(0)) -> None:
        """A sign of life, from a log whose clock may run ahead."""
        said = {"partition": 0, "at": (datetime.now(UTC) + ahead).isoformat()}
        self.pulse.beat(json.dumps(said).encode(), datetime.now(UTC), monotonic())

    def tell(self) -> None:
        """The ward hears a story that ended just now."""
        messages = published([one | {"patient_id": NAME} for one in STORY])
        now = datetime.now(UTC)
        for message in messages:
            if message.kind == "state":
                state = message.state.model_copy(update={"as_of": now})
                self.ward.take_state(0, NAME.encode(), state.model_dump_json().encode(), now)
            else:
                self.ward.take_alert(message.value, int(message.headers["log_offset"] or 0))
        self.viewers.look(now, monotonic())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def keys(self) -> list[str]:
        """Of the open alerts."""
        return [alert["key"] for alert in self.viewers.pictures[NAME]["alerts"]]


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[House, aiohttp.ClientSession]]:
    """A house that listens, and a browser that nobody knows yet."""
    house = House(load(None, port=0, **options))
    await house.server.start()
    house.tell()
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name
    async with aiohttp.ClientSession(house.url, cookie_jar=jar, headers={"Origin": house.url}) as browser:
        try:
            yield house, browser
        finally:
            await house.server.stop()


async def enter(browser: aiohttp.ClientSession, token: str = TOKEN, **headers: str) -> aiohttp.ClientResponse:
    """Shows a token at the door."""
    return await browser.post("/enter", data={"token": token}, headers=headers, allow_redirects=False)


async def heard(browser: aiohttp.ClientSession, number: int) -> list[tuple[str, Any]]:
    """The first events of the stream."""
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


def played(scene: Callable[[House, aiohttp.ClientSession], Awaitable[None]], **options: Any) -> None:
    """Plays a scene in a house of its own."""

    async def play() -> None:
        async with opened(**options) as (house, browser):
            await scene(house, browser)

    asyncio.run(play())
