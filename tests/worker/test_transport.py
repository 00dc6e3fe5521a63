"""The private methods of Faust that we override are unchanged, and our consumer commits exactly what was done."""

from __future__ import annotations

import inspect
from hashlib import sha256
from importlib.metadata import version

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.assignor.partition_assignor import PartitionAssignor
from faust.stores import memory
from faust.transport import consumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.stream.batch import Batch
from agents.stream.faust_store import RowStore
from agents.stream.faust_transport import BatchConsumer, BatchTransport, ConsumerThread

FEED = TP("feed", 0)
PINNED = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
# The digest of the source of each method that we override or rely on, when we read it.
READ = {
    consumer.Consumer._drain_messages: "44a2500309e83c63",
    consumer.Consumer.perform_seek: "0e8c130ff4b0afd8",
    consumer.Consumer.ack: "5fcf41cf45153475",
    consumer.Consumer._wait_next_records: "6218e1969a636b3f",
    consumer.Consumer._new_offset: "1d2c7ea89a7ad4f1",
    consumer.Consumer.getmany: "4b168d84882a70d6",
    consumer.ThreadDelegateConsumer.__init__: "7072ae80eac1ff62",
    consumer.ThreadDelegateConsumer._seek: "4f95c631420410a5",
    driver.Consumer._new_consumer_thread: "0870ec53dea75083",
    driver.AIOKafkaConsumerThread._create_worker_consumer: "c2701bfc3e6f6cad",
    driver.AIOKafkaConsumerThread.verify_event_path: "b983e7735f647cb3",
    PartitionAssignor.on_assignment: "72f34bf053d696b5",
    GroupCoordinator.__init__: "9e729f077efc4f3a",
    AIOKafkaConsumer.start: "2f1ba70443327538",
    driver.AIOKafkaConsumerThread.on_start: "38b4e8bd1e10723a",
    GroupCoordinator._coordination_routine: "75273e127d4a4f5d",
    memory.Store.__post_init__: "e59c82f3785458b2",
    memory.Store.apply_changelog_batch: "71863e3cd727aac2",
    memory.Store.on_recovery_completed: "a00bef343e139602",
}


def fingerprint(method: object) -> str:
    return sha256(inspect.getsource(method).encode()).hexdigest()[:16]  # type: ignore[arg-type]


@pytest.mark.parametrize(("package", "pinned"), PINNED.items())
def test_the_installed_versions_are_the_pinned_ones(package: str, pinned: str) -> None:
    assert version(package) == pinned


@pytest.mark.parametrize(("method", "known"), READ.items(), ids=lambda value: getattr(value, "__qualname__", ""))
def test_a_private_method_is_as_it_was_when_we_read_it(method: object, known: str) -> None:
    assert fingerprint(method) == known, "read it again, then renew the fingerprint"


@pytest.mark.parametrize(
    ("ours", "theirs", "names"),
    [
        (BatchConsumer, driver.Consumer, ("_drain_messages", "perform_seek", "_seek", "ack", "_new_consumer_thread")),
        (ConsumerThread, driver.AIOKafkaConsumerThread, ("_create_worker_consumer", "verify_event_path")),
        (RowStore, memory.Store, ("apply_changelog_batch", "persisted_offset", "on_recovery_completed")),
    ],
)
def test_what_we_override_exists(ours: type, theirs: type, names: tuple[str, ...]) -> None:
    for name in names:
        assert getattr(ours, name) is not getattr(theirs, name)


class Feed:
    """A partition of a feed, committed up to offset 100."""

    def __init__(self) -> None:
        self._app = faust.App("transport", broker="crs://127.0.0.1:1", store="memory://")
        assert isinstance(self._app.consumer, BatchConsumer)
        self._consumer = self._app.consumer
        self.commit(100)

    def acknowledge(self, first: int, last: int) -> bool:
        """A batch of records, delivered and done."""
        generation = self._app.consumer_generation_id
        batch = Batch("feed", 0, last, 0.0, 0, [], None, b"", None, None, None, FEED, generation_id=generation)
        batch.first_offset = first
        return self._consumer.ack(batch)

    def committable(self) -> int | None:
        """Up to where Faust would commit now."""
        return self._consumer._new_offset(FEED)

    def commit(self, offset: int) -> None:
        """Faust has committed up to here."""
        self._consumer._committed_offset[FEED] = offset


def test_what_is_acknowledged_again_after_partitions_moved_is_committed_at_once() -> None:
    """They go while a batch waits for its confirmation, come back, and it is read and confirmed once more."""
    feed = Feed()
    assert feed.acknowledge(100, 399), "confirmed late"
    assert feed.acknowledge(100, 249), "read again"
    assert feed.acknowledge(250, 499)
    assert feed.committable() == 500
    assert feed.committable() is None


def test_what_was_not_acknowledged_holds_the_commit_back() -> None:
    feed = Feed()
    assert feed.acknowledge(100, 149)
    assert feed.acknowledge(160, 199)
    assert feed.committable() == 150
    feed.commit(150)
    assert feed.committable() is None


def test_faust_makes_our_consumer() -> None:
    assert BatchTransport.Consumer is BatchConsumer
