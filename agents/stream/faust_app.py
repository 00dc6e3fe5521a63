"""The Faust app of a worker: its two agents, its table of rows, and every setting in which it differs from Faust."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import faust
from faust.types import TP

from agents.platform.settings import Settings
from agents.stream import faust_store, faust_transport, membership
from agents.stream.batch import Batch
from agents.stream.faust_store import RowStore
from agents.stream.faust_transport import BatchTransport
from schemas import topics

HEARTBEATS_A_SESSION = 3
# A group that was shared out while the brokers listed no topics has no partitions until it asks them again: by default
# after five minutes, in which nobody is watched.
METADATA_MAX_AGE_MS = 5_000


SWITCHED_OFF: dict[str, Any] = {"web_enabled": False, "worker_redirect_stdouts": False, "reply_create_topic": False}
log = logging.getLogger("crs.worker")


class BatchEvent(Protocol):
    """A Faust event whose message is a batch."""

    @property
    def message(self) -> Batch:
        """The records, with their topic, partition and generation."""
        ...

    def ack(self) -> bool:
        """Allows Faust to commit the batch."""
        ...


Take = Callable[[BatchEvent], Awaitable[None]]


def build(settings: Settings, take_feed: Take, take_log: Take) -> faust.App:
    """The app with its two agents. `take_feed` gets every batch of the feeds, `take_log` every batch of the log."""
    log = settings.topic(topics.PATIENT_EVENTS)
    feeds = [settings.topic(each) for each in topics.FEEDS]
    BatchTransport.batched = frozenset((log, *feeds))
    BatchTransport.fetch_wait_ms = settings.fetch_wait_ms
    app = faust.App(
        settings.group,
        broker=";".join(f"{faust_transport.SCHEME}://{server}" for server in settings.bootstrap_servers.split(",")),
        broker_credentials=credentials(settings),
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / HEARTBEATS_A_SESSION,
        broker_rebalance_timeout=settings.rebalance_timeout_seconds,
        broker_request_timeout=max(30.0, settings.session_timeout_seconds + 5),
        broker_max_poll_interval=120.0,
        broker_commit_interval=1.0,
        broker_commit_every=None,
        consumer_auto_offset_reset="earliest",
        **membership.identity(settings),
        consumer_max_fetch_size=2 << 20,
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        producer_request_timeout=settings.send_timeout_seconds,
        stream_wait_empty=False,
        stream_buffer_maxsize=64,
        stream_processing_timeout=60.0,
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=settings.standby_replicas,
        store=f"{faust_store.SCHEME}://",
        datadir=str(settings.data_dir / "faust"),
        **SWITCHED_OFF,
    )
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}

    @app.agent(app.topic(*feeds, **raw), name="intake")
    async def intake(stream: Any) -> None:
        async for event in stream.noack().events():
            await take_feed(event)

    @app.agent(app.topic(log, **raw), name="watch")
    async def watch(stream: Any) -> None:
        async for event in stream.noack().events():
            await take_log(event)

    table: Any = app.Table("patients", key_type=bytes, value_type=bytes, partitions=settings.partitions)
    assert table.changelog_topic_name == settings.changelog, "the changelog is named as the topics command creates it"
    return app


class Flow:
    """Pauses and resumes partitions of feeds (held_feeds.FeedFlow)."""

    def __init__(self, app: faust.App) -> None:
        self.app = app

    def pause(self, place: tuple[str, int]) -> None:
        """Fetches nothing more of this partition."""
        self.app.consumer.pause_partitions({TP(*place)})

    def resume(self, place: tuple[str, int]) -> None:
        """Fetches again, if the partition is still this worker's."""
        if TP(*place) in self.app.consumer.assignment():
            self.app.consumer.resume_partitions({TP(*place)})


def rows_of(app: faust.App) -> RowStore:
    """The store of the recovered rows."""
    table: Any = app.tables["patients"]
    store = table.data
    assert isinstance(store, RowStore)
    return store


def has_recovered(app: faust.App, log_topic: str) -> bool:
    """Whether the rows of all partitions of this worker are read, and no rebalance is running.

    Never when no worker of the group has a partition. A worker without one beside others that have them stands by.
    """
    tables: Any = app.tables
    return bool(tables.recovery.completed.is_set()) and not app.rebalancing and is_shared_out(app, log_topic)


def is_shared_out(app: faust.App, log_topic: str) -> bool:
    """Whether the log was among the topics whose partitions the group's leader has assigned to its members."""
    assignor: Any = app.assignor
    try:
        assignor.group_for_topic(log_topic)
    except KeyError:
        return False
    return True


async def log_begin(app: faust.App, log: str, partition: int) -> int:
    """The first offset that a partition of the log still has."""
    tp = TP(log, partition)
    return int((await app.consumer.earliest_offsets(tp))[tp])


def report_shares(app: faust.App, log_topic: str) -> None:
    """Logs an error when no worker of the group was given a partition of the log: nobody is watched then."""
    if not is_shared_out(app, log_topic):
        log.error("no worker was given any partition: the brokers listed no topics when the group was shared out")


def credentials(settings: Settings) -> Any:
    """The credentials for Faust. SASL always has a TLS context: without one Faust silently connects in the clear."""
    context = settings.ssl_context()
    if settings.security_protocol.startswith("SASL") and settings.sasl_password is not None:
        assert context is not None or settings.on_loopback, "settings refuse SASL in the clear"
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.get_secret_value(),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
