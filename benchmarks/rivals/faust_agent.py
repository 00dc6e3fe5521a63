"""A rival: Faust as in its documentation, with one agent, one table, and one table write for each event."""

from __future__ import annotations

import os
import sys
from typing import Any

import faust

from benchmarks.rivals.common import Judge


def main() -> None:
    """`faust_agent SERVERS TOPIC PARTITIONS EVENTS`."""
    servers, topic, partitions, events = sys.argv[1:]
    app = faust.App(
        f"rival-{topic}",
        broker=f"kafka://{servers}",
        datadir=f"out/bench/{topic}",
        store="memory://",
        topic_partitions=int(partitions),
        topic_disable_leader=True,
        web_enabled=False,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        broker_request_timeout=30.0,
        table_standby_replicas=0,
        worker_redirect_stdouts=False,
    )
    table: Any = app.Table("rows", key_type=bytes, value_type=bytes, partitions=int(partitions))
    judge = Judge(int(events))
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}

    @app.agent(app.topic(topic, **raw))
    async def watch(stream: Any) -> None:
        async for event in stream.events():
            state = judge.judge(event.key, event.value)
            if state is not None:
                table[event.key] = judge.row(state, event.message.offset)
            if judge.is_done:
                await app.producer.flush()
                judge.report()
                os._exit(0)

    @app.task
    async def ready() -> None:
        print("ready", flush=True)

    worker: Any = faust.Worker(app, loglevel="info", logfile=os.devnull, console_port=0)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
