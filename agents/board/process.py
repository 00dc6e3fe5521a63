"""The board as a process: Kafka consumer, renderer, metrics and web server, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from time import monotonic

from aiokafka import AIOKafkaProducer

from agents.board import metrics
from agents.board.acknowledge import AnswerWriter
from agents.board.auth import SessionAuth
from agents.board.broadcast import Broadcaster
from agents.board.config import BoardConfig
from agents.board.consumer import BoardConsumer
from agents.board.liveness import Liveness
from agents.board.pseudonyms import Pseudonyms
from agents.board.server import BoardServer
from agents.board.ward import BoardWard
from agents.platform import health
from agents.platform.settings import Settings
from agents.platform.signals import set_on_stop
from schemas import topics

TOKEN_BYTES = 24
COUNT_SECONDS = 2.0

log = logging.getLogger("crs.board")


class BoardProcess:
    """One board. `print_line` receives what the caller must see: the address, and the token if it was generated."""

    def __init__(
        self, settings: Settings, config: BoardConfig, partitions: int, print_line: Callable[[str], None]
    ) -> None:
        self.settings, self.config, self.print_line = settings, config, print_line
        self.ward = BoardWard()
        self.liveness = Liveness(partitions, monotonic())
        secret = (
            config.reference_secret.get_secret_value().encode() if config.reference_secret else secrets.token_bytes(32)
        )
        self.broadcaster = Broadcaster(self.ward, self.liveness, Pseudonyms(secret, config.show_ids))
        self.consumer = BoardConsumer(settings, partitions, self.ward, self.liveness)
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Runs until it is stopped. Raises the error of any part that fails: a board must not seem to work."""
        set_on_stop(self.stopping)
        made_up = None if self.config.token else secrets.token_urlsafe(TOKEN_BYTES)
        token = made_up if self.config.token is None else self.config.token.get_secret_value()
        producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **self.settings.aiokafka())
        answers = AnswerWriter(self.broadcaster, producer, self.settings.topic(topics.ASSESSMENTS))
        auth = SessionAuth(str(token).encode(), self.config.session_hours * 3600)
        server = BoardServer(self.config, auth, self.broadcaster, answers, (self.unhealthy, self.not_ready))
        if self.settings.metrics_port:
            health.serve(self.settings.metrics_host, self.settings.metrics_port, self.unhealthy, self.not_ready)
        await server.start()
        try:
            await producer.start()
            self.print_line(f"board: {server.url}")
            if made_up is not None:
                self.print_line(f"token: {made_up}")
            await self._work()
        finally:
            await server.stop()
            await producer.stop()

    async def _work(self) -> None:
        parts = {
            asyncio.create_task(work, name=name)
            for name, work in (
                ("consumer", self.consumer.run()),
                ("renderer", self.broadcaster.run()),
                ("metrics", self._count()),
                ("leaving", self.stopping.wait()),
            )
        }
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in parts - done:
            part.cancel()
        await asyncio.gather(*parts - done, return_exceptions=True)
        for part in done:
            part.result()

    async def _count(self) -> None:
        while True:
            metrics.VIEWERS.set(self.broadcaster.viewer_count)
            metrics.PATIENTS.set(len(self.ward.patients))
            metrics.UNMONITORED.set(len(self.liveness.health(monotonic()).unmonitored))
            await asyncio.sleep(COUNT_SECONDS)

    def unhealthy(self) -> str | None:
        """Why `/healthz` fails: nothing was polled for too long. None: healthy, or retrying after an error."""
        still = monotonic() - self.consumer.polled_at
        if self.liveness.fault is None and still > self.settings.stall_seconds:
            return f"nothing was read for {still:.0f} s"
        return None

    def not_ready(self) -> str | None:
        """Why `/readyz` fails: the data is not current, or not yet read. None: ready."""
        sight = self.liveness.health(monotonic())
        return self.unhealthy() or sight.problem or sight.waiting
