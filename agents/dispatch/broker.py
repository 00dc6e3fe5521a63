"""The dispatcher's Kafka clients: a group consumer, a producer that waits for all replicas, plain consumers."""

from __future__ import annotations

import logging
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, KafkaTimeoutError

from agents.platform.errors import UserError
from agents.platform.fail_stop import fail_stop
from agents.platform.settings import Settings

log = logging.getLogger("crs.dispatch")


class Broker:
    """Clients and their settings. Offsets are committed only explicitly; a send is done when it is confirmed."""

    def __init__(self, settings: Settings, group: str) -> None:
        self.settings = settings
        session_ms = round(settings.session_timeout_seconds * 1000)
        self.consumer: Any = AIOKafkaConsumer(
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 3,
            rebalance_timeout_ms=round(settings.rebalance_timeout_seconds * 1000),
            max_poll_interval_ms=300_000,
            fetch_max_wait_ms=settings.fetch_wait_ms,
            **settings.aiokafka(),
        )
        self.producer: Any = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            max_request_size=2 << 20,
            request_timeout_ms=round(settings.send_timeout_seconds * 1000),
            **settings.aiokafka(),
        )

    async def start(self, topic: str, listener: Any) -> None:
        """Connects and joins the group. Raises UserError when no broker answers."""
        try:
            await self.producer.start()
            self.consumer.subscribe([topic], listener=listener)
            await self.consumer.start()
        except KafkaError as error:
            why = f"{type(error).__name__}; is Kafka running?"
            raise UserError(f"{self.settings.bootstrap_servers}: {why}") from error

    async def read(self, most: int) -> dict[Any, list[Any]]:
        """The next records by partition; empty when there are none for 200 ms."""
        try:
            batches: dict[Any, list[Any]] = await self.consumer.getmany(timeout_ms=200, max_records=most)
        except KafkaError as error:
            fail_stop("reading", type(error).__name__)
        return batches

    async def stop(self) -> None:
        """Leaves the group and disconnects."""
        await self.consumer.stop()
        await self.producer.stop()

    def plain_consumer(self, without_offset: Literal["earliest", "latest"] = "earliest") -> Any:
        """A consumer without a group. `without_offset`: where it reads when its offset does not exist any more."""
        return AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset=without_offset,
            fetch_max_wait_ms=self.settings.fetch_wait_ms,
            **self.settings.aiokafka(),
        )

    async def commit(self, offsets: dict[Any, int]) -> None:
        """Commits offsets. During a rebalance this may fail: the next owner reads from the earlier offset."""
        try:
            await self.consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("commit why=%s", type(error).__name__)
        except KafkaError as error:
            # A later commit only means that more is read again, and recognised as a repeat.
            log.warning("commit why=%s", type(error).__name__)
            if not error.retriable and not isinstance(error, KafkaTimeoutError):
                fail_stop("commit_refused", type(error).__name__)
