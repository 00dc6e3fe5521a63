"""Sends events to the feed topics, each when it is due, and writes to the ledger what the brokers have accepted."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from confluent_kafka import KafkaError, Message, Producer

from agents.platform.json_types import Json
from agents.platform.settings import Settings
from agents.simulation.story import TimedStory
from schemas.topics import FEEDS

GIVE_UP_AFTER_MS = 120_000
LINGER_MS = 5
WAITING_AT_MOST = 50_000
TURN_SECONDS = 0.05
# Asked to wait for less than 1 ms, librdkafka does not wait at all: a thousand events a second kept a core busy.
LEAST_SECONDS = 0.005


@dataclass(slots=True)
class SendingProgress:
    """How many events were sent, accepted and refused; refusals by the error of the broker."""

    sent: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    behind_seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every event was accepted."""
        return self.accepted == self.sent


class Sender:
    """An idempotent producer: events sent again after a fault are neither doubled nor out of order."""

    def __init__(self, settings: Settings, ledger: IO[str] | None) -> None:
        self.account = SendingProgress()
        self._ledger = ledger
        self._topics = {feed.default_type: settings.topic(feed) for feed in FEEDS}
        silent = logging.getLogger("crs.librdkafka")
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
        ours = {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": LINGER_MS,
            "delivery.timeout.ms": GIVE_UP_AFTER_MS,
            "queue.buffering.max.messages": WAITING_AT_MOST,
            "error_cb": lambda error: None,  # each event's own report says what became of it
        }
        self._producer = Producer(settings.librdkafka() | ours, logger=silent)

    def send(self, event: Json) -> None:
        """Sends one event; waits while too many are unconfirmed."""
        topic, event_id = self._topics[event["type"]], event["event_id"]
        value = json.dumps(event, separators=(",", ":")).encode()

        def report(error: KafkaError | None, message: Message) -> None:
            self._report(event_id, error, message)

        self.account.sent += 1
        while True:
            try:
                self._producer.produce(topic, value, key=event["patient_id"].encode(), on_delivery=report)
            except BufferError:
                self._producer.poll(TURN_SECONDS)
            else:
                self._producer.poll(0)
                return

    def wait(self, seconds: float) -> None:
        """Receives delivery reports for so long."""
        self._producer.poll(seconds)

    def flush_ledger(self) -> None:
        """Writes the ledger to disk, so that a reader sees what has been accepted so far."""
        if self._ledger is not None:
            self._ledger.flush()

    def finish(self, waiting: Callable[[], None]) -> None:
        """Waits until every event has its delivery report; each has a time limit."""
        while self._producer.flush(TURN_SECONDS * 4):
            waiting()

    def _report(self, event_id: str, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.account.refused[error.str()] += 1
            return
        self.account.accepted += 1
        if self._ledger is not None:
            entry: dict[str, Any] = {
                "event_id": event_id,
                "topic": message.topic(),
                "partition": message.partition(),
                "offset": message.offset(),
            }
            self._ledger.write(json.dumps(entry) + "\n")


def send_story(
    story: TimedStory, sender: Sender, leave: threading.Event, progress: Callable[[SendingProgress], None]
) -> None:
    """Sends each event when it is due, until the story ends or we are asked to leave."""
    shown = 0.0
    for due in story:
        while (early := due.at_ms / 1000 - time.time()) > 0 and not leave.is_set():
            sender.wait(min(max(early, LEAST_SECONDS), TURN_SECONDS))
        if leave.is_set():
            break
        sender.account.behind_seconds = -early
        # Without `received_at`, as from a real feed: intake sets it to the broker's time.
        sender.send({name: value for name, value in due.event.items() if name != "received_at"})
        if time.monotonic() - shown > TURN_SECONDS * 4:
            shown = time.monotonic()
            sender.flush_ledger()
            progress(sender.account)
    sender.finish(lambda: progress(sender.account))
    progress(sender.account)
