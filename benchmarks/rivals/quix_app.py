"""A rival: Quix Streams with RocksDB state and changelog; runs in a virtual environment of its own (other pins)."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from quixstreams import Application, State

from benchmarks.rivals.common import Judge


def main() -> None:
    """`quix_app SERVERS TOPIC EVENTS`."""
    servers, topic, events = sys.argv[1:]
    judge = Judge(int(events))
    app = Application(
        broker_address=servers,
        consumer_group=f"rival-{topic}",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="crs-quix-"),
        use_changelog_topics=True,
        commit_interval=1.0,
        loglevel="ERROR",
    )
    source = app.topic(topic, value_deserializer="bytes", key_deserializer="bytes")
    frame: Any = app.dataframe(source)

    def apply(value: bytes, key: bytes, timestamp: int, headers: Any, state: State) -> None:
        after = judge.judge(key, value, state.get_bytes("row"))
        if after is not None:
            state.set_bytes("row", judge.row(after, 0))
        if judge.is_done:
            app.stop()

    frame.apply(apply, stateful=True, metadata=True)
    print("ready", flush=True)
    app.run()
    judge.report()


if __name__ == "__main__":
    main()
