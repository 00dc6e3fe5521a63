"""librdkafka's mock cluster, called by ctypes in the shared library inside the confluent-kafka wheel.

It speaks Kafka's protocol over TCP and keeps at most about 5 MB of each partition, in memory. It has no CreateTopics,
no compaction and no TLS; it does not answer a waiting fetch early when data comes, and leaders do not move by
themselves when a broker goes down.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path

from agents.platform.errors import UserError

PRODUCER = 0
POINTER, TEXT, NUMBER, CODE, SIZE = (
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.c_int16,
    ctypes.c_size_t,
)
BROKER = ctypes.c_int32
CODES = ctypes.POINTER(ctypes.c_int)
# Functions of the library without their prefix `rd_kafka_`: (type of the result, types of the arguments).
FUNCTIONS = {
    "conf_new": (POINTER, ()),
    "conf_set": (NUMBER, (POINTER, TEXT, TEXT, TEXT, SIZE)),
    "new": (POINTER, (NUMBER, POINTER, TEXT, SIZE)),
    "destroy": (None, (POINTER,)),
    "mock_cluster_new": (POINTER, (POINTER, NUMBER)),
    "mock_cluster_destroy": (None, (POINTER,)),
    "mock_cluster_bootstraps": (TEXT, (POINTER,)),
    "mock_topic_create": (NUMBER, (POINTER, TEXT, NUMBER, NUMBER)),
    "mock_broker_set_down": (NUMBER, (POINTER, BROKER)),
    "mock_broker_set_up": (NUMBER, (POINTER, BROKER)),
    "mock_broker_set_rtt": (NUMBER, (POINTER, BROKER, NUMBER)),
    "mock_partition_set_leader": (NUMBER, (POINTER, TEXT, BROKER, BROKER)),
    "mock_coordinator_set": (NUMBER, (POINTER, TEXT, TEXT, BROKER)),
    "mock_group_initial_rebalance_delay_ms": (None, (POINTER, BROKER)),
    "mock_push_request_errors_array": (None, (POINTER, CODE, SIZE, CODES)),
}


class MockKafka:
    """One mock cluster in this process. Brokers are numbered from 1."""

    def __init__(self, brokers: int = 1) -> None:
        self._call = declare_functions(load_librdkafka())
        message = ctypes.create_string_buffer(512)
        configuration = self._call["conf_new"]()
        self._call["conf_set"](configuration, b"log_level", b"0", message, len(message))
        self._client = self._call["new"](PRODUCER, configuration, message, len(message))
        if not self._client:
            raise UserError(f"librdkafka does not start: {message.value.decode(errors='replace')}")
        self._cluster = self._call["mock_cluster_new"](self._client, brokers)
        self._call["mock_group_initial_rebalance_delay_ms"](self._cluster, 100)

    @property
    def bootstrap_servers(self) -> str:
        """The addresses of the brokers."""
        servers: bytes = self._call["mock_cluster_bootstraps"](self._cluster)
        return servers.decode()

    def topic(self, name: str, partitions: int) -> None:
        """Creates a topic."""
        self._call["mock_topic_create"](self._cluster, name.encode(), partitions, 1)

    def down(self, broker: int = 1) -> None:
        """Closes every connection of a broker and lets it accept none."""
        self._call["mock_broker_set_down"](self._cluster, broker)

    def up(self, broker: int = 1) -> None:
        """Lets a broker accept connections again."""
        self._call["mock_broker_set_up"](self._cluster, broker)

    def round_trip(self, milliseconds: int, broker: int = 1) -> None:
        """Delays every answer of a broker."""
        self._call["mock_broker_set_rtt"](self._cluster, broker, milliseconds)

    def leader(self, topic: str, partition: int, broker: int) -> None:
        """Makes a broker the leader of a partition."""
        self._call["mock_partition_set_leader"](self._cluster, topic.encode(), partition, broker)

    def coordinator(self, group: str, broker: int) -> None:
        """Makes a broker the coordinator of a consumer group."""
        self._call["mock_coordinator_set"](self._cluster, b"group", group.encode(), broker)

    def errors(self, request: int, codes: list[int]) -> None:
        """Fails the next requests of a kind: 0 Produce, 1 Fetch, 8 OffsetCommit, 11 JoinGroup, 14 SyncGroup."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._call["mock_push_request_errors_array"](self._cluster, request, len(codes), array)

    def close(self) -> None:
        """Ends the cluster; its data is lost."""
        self._call["mock_cluster_destroy"](self._cluster)
        self._call["destroy"](self._client)


def declare_functions(loaded: ctypes.CDLL) -> dict[str, ctypes._NamedFuncPointer]:
    """The functions of the table above with their types declared."""
    functions = {}
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(loaded, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    return functions


def load_librdkafka() -> ctypes.CDLL:
    """The library inside the confluent-kafka wheel. Raises UserError when there is none."""
    spec = find_spec("confluent_kafka")
    packages = Path(spec.origin).parents[1] if spec is not None and spec.origin else Path()
    for pattern in ("confluent_kafka.libs/librdkafka*.so*", "confluent_kafka/.dylibs/librdkafka*.dylib"):
        for path in packages.glob(pattern):
            return ctypes.CDLL(str(path))
    raise UserError(
        "the embedded broker needs the librdkafka of a confluent-kafka wheel, and there is none; "
        "use a real Kafka: crs-monitor kafka up"
    )
