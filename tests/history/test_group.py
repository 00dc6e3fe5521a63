"""Two history processes share a real Kafka and a real PostgreSQL; one of them is killed."""

from __future__ import annotations

import time

import pytest

from tests.broker import Fresh
from tests.history.server import Server
from tests.history.test_sink import forget_positions, held, member, publish, read_so_far, wait_until, wanted
from tests.history.topic_messages import published, ward_events

WARD = published(ward_events(seed=41, count=1200))


@pytest.mark.kafka
def test_the_survivor_takes_over_and_nothing_is_lost_or_doubled(
    kafka_settings: Fresh, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = kafka_settings(session_timeout_seconds=6.0)
    url = server.new_database(f"group_{time.monotonic_ns()}")
    forget_positions(url)
    folder = tmp_path_factory.mktemp("group")
    publish(settings, WARD[: len(WARD) // 2])
    first, second = (member(settings, url, folder) for _ in range(2))
    try:
        wait_until(lambda: read_so_far(url) > 0, "nothing was written")
        first.kill()
        publish(settings, WARD[len(WARD) // 2 :])
        should = wanted(folder, WARD)
        wait_until(lambda: held(url) == should, "the survivor did not finish")
    finally:
        for process in (first, second):
            process.terminate()
            process.communicate(timeout=30)
    assert second.returncode == 0
