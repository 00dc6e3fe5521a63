"""A worker that was paused, or that makes no progress, ends itself: going on could lose or falsify something."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from agents.platform.fail_stop import FENCED, STOPPED, Fence, Watchdog
from agents.platform.settings import Settings
from agents.stream.faust_app import has_recovered
from agents.stream.faust_transport import BatchTransport
from agents.stream.producer import guarded
from agents.stream.ticker import AHEAD_MS, Ticker
from agents.stream.worker import Worker
from tests.worker.records import BEGAN, FailStop, Metadata, RecordingProducer, instant, stop_instead_of_exit

BEATING = """
import asyncio
from agents.platform.fail_stop import Fence

async def main():
    asyncio.get_running_loop().call_later(0.5, lambda: print("beats", flush=True))
    await asyncio.wait_for(Fence(0.6).heartbeat(), 20)

asyncio.run(main())
"""


def test_a_process_that_was_paused_for_too_long_ends_before_it_does_anything() -> None:
    with subprocess.Popen([sys.executable, "-c", BEATING], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(1.2)  # the pause itself: twice what the fence allows
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(60) == FENCED


def test_a_fence_stops_nothing_before_the_event_loop_runs() -> None:
    fence = Fence(0.0)
    time.sleep(0.01)
    fence.check()
    assert fence.stalled_seconds() == 0.0


def test_a_refused_write_ends_the_process() -> None:
    code = """
import asyncio
from aiokafka.errors import KafkaTimeoutError
from agents.stream.producer import guarded

async def refused():
    raise KafkaTimeoutError()

asyncio.run(guarded(refused()))
print("went on")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (STOPPED, "")
    assert "send_failed" in done.stderr


STOPS = {
    "the exception at hand": 'try: deep()\nexcept AssertionError: fail_stop("defect", "AssertionError")',
    "an exception that a task ended with": """
async def ended():
    task = asyncio.create_task(asyncio.to_thread(deep))
    await asyncio.wait([task])
    fail_stop("crashed", task.exception())

asyncio.run(ended())""",
    "an exception that a send ended with": """
from agents.stream.producer import report

async def sent():
    sending = asyncio.create_task(asyncio.to_thread(deep))
    sending.add_done_callback(lambda done: report(done, "crs.alerts", None))
    await asyncio.sleep(60)

asyncio.run(sent())""",
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS.keys())
def test_the_log_says_where_the_cause_came_from(stop: str) -> None:
    code = f"""
import asyncio
from agents.platform.fail_stop import fail_stop

def deep():
    raise AssertionError("Partition is not assigned")

{stop}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == STOPPED
    assert done.stderr.count("Traceback") == 1
    assert "in deep" in done.stderr
    assert "Partition is not assigned" in done.stderr


def test_a_stop_without_an_exception_has_no_traceback() -> None:
    code = 'from agents.platform.fail_stop import fail_stop; fail_stop("gap", "offset 4 came, 1 is next")'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines() == ["fail stop: gap offset 4 came, 1 is next"]


def test_why_a_worker_ended_is_counted_on_after_its_restart(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from agents.platform.fail_stop import FENCES, fail_stop, load_reasons

load_reasons(Path(sys.argv[1]) / "ends")
print(FENCES.labels("gap")._value.get())
fail_stop("gap")
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    counts = [subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout for _ in "123"]
    assert counts == ["0.0\n", "1.0\n", "2.0\n"]


def test_a_confirmed_write_goes_on() -> None:
    async def confirmed() -> str:
        return "offset"

    assert asyncio.run(guarded(confirmed())) == "offset"


def test_the_watchdog_ends_the_process_when_there_is_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_instead_of_exit(monkeypatch)
    reasons = iter([None, "nothing judged for 31 s"])
    ended = Event()

    class Observed(Watchdog):
        def run(self) -> None:
            with pytest.raises(FailStop, match="nothing judged"):
                super().run()
            ended.set()

    Observed(lambda: next(reasons), every_seconds=0.01).start()
    assert ended.wait(60)


def test_the_watchdog_stops_when_the_worker_leaves() -> None:
    watchdog = Watchdog(lambda: None, every_seconds=0.01)
    watchdog.start()
    watchdog.end()
    watchdog.join(60)
    assert not watchdog.is_alive()


def ticked(ahead_ms: list[int]) -> list[str]:
    producer = RecordingProducer(at_once=False)

    async def story() -> None:
        ticker = Ticker(Settings(), producer, lambda: [0, 1])
        for second, ahead in enumerate(ahead_ms, 1):
            at = BEGAN + second * 1000 + 400
            await ticker.tick(at)
            for sent in producer.unconfirmed:
                sent.set_result(Metadata(0, timestamp=at - ahead))
            producer.unconfirmed.clear()
            await asyncio.sleep(0)

    asyncio.run(story())
    return [value.decode() for _, value, _, _ in producer.of("patient-events")]


def test_every_partition_gets_one_tick_on_a_whole_second() -> None:
    ticks = ticked([0])
    assert len(ticks) == 2
    assert all(f'"{instant(1)}"' in tick for tick in ticks)


@pytest.mark.parametrize(("ahead_ms", "ticks"), [(AHEAD_MS, 4), (AHEAD_MS + 1, 2)])
def test_a_worker_whose_clock_is_ahead_of_the_brokers_does_not_tick(ahead_ms: int, ticks: int) -> None:
    assert len(ticked([ahead_ms, 0])) == ticks


@pytest.mark.parametrize("listed", [True, False])
def test_a_worker_is_not_ready_when_the_log_was_shared_out_to_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, listed: bool
) -> None:
    """The leader's own sharing out, of a cluster that lists the topics or lists none. One partition, two workers."""
    monkeypatch.setattr(BatchTransport, "markers", BatchTransport.markers)

    async def story() -> tuple[list[int], list[bool]]:
        workers = [Worker(Settings()) for _ in range(2)]
        for share, worker in zip(shares(workers, listed), workers, strict=True):
            assignor: Any = worker.app.assignor
            assignor.on_assignment(share)
            worker.app.tables.recovery.completed.set()  # type: ignore[attr-defined]
            await worker._assigned()
        owned = [len(worker.app.assignor.assigned_actives()) for worker in workers]
        return owned, [has_recovered(worker.app, worker.log_topic) for worker in workers]

    owned, ready = asyncio.run(story())
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert sorted(owned) == ([0, 1] if listed else [0, 0]), "a worker beside another that has all partitions stands by"
    assert ready == [listed, listed]
    assert len(errors) == (0 if listed else 2)
    assert all("no worker was given any partition" in error for error in errors)


def shares(workers: list[Worker], listed: bool) -> list[Any]:
    """What the group's leader gives to each worker, when the brokers list the log with one partition, or nothing."""
    log_topic = workers[0].log_topic
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: {0} if listed and topic == log_topic else None)
    members: dict[str, Any] = {f"member-{number}": each.app.assignor for number, each in enumerate(workers)}
    asked = {member: assignor.metadata({log_topic}) for member, assignor in members.items()}
    shared = members["member-0"].assign(cluster, asked)
    return [shared[member] for member in members]


def test_topics_that_the_brokers_did_not_list_are_asked_for_again_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Faust asks after five minutes by default. The members share out anew when the answer has changed."""
    monkeypatch.setattr(BatchTransport, "markers", BatchTransport.markers)

    async def story() -> int:
        return int(Worker(Settings()).app.conf.consumer_metadata_max_age_ms)

    settings = Settings()
    assert asyncio.run(story()) / 1000 < settings.session_timeout_seconds


@pytest.mark.parametrize("name", [None, "worker-1"])
def test_the_watchdog_ends_a_worker_that_has_fallen_out_of_its_group(
    monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """Otherwise nobody watches its patients until it is found that it has no partitions, after minutes."""
    slept: list[float] = []
    settings = Settings(instance_id=name)
    monkeypatch.setattr(BatchTransport, "markers", BatchTransport.markers)
    monkeypatch.setattr("agents.stream.membership.time", SimpleNamespace(sleep=slept.append))

    async def fails() -> None:
        raise AssertionError("shares of another host")

    async def story() -> list[str | None]:
        worker = Worker(settings)
        reasons = [worker.stalled()]
        consumer: Any = worker.app.consumer
        reasons.append(worker.stalled())
        task = asyncio.ensure_future(fails())
        consumer._thread = SimpleNamespace(
            _consumer=SimpleNamespace(_coordinator=SimpleNamespace(_coordination_task=task))
        )
        reasons.append(worker.stalled())
        await asyncio.wait([task])
        return [*reasons, worker.stalled()]

    *before, after = asyncio.run(story())
    assert before == [None, None, None]
    assert after == "it takes no part in its group any more: AssertionError('shares of another host')"
    assert slept == ([] if name is None else [settings.session_timeout_seconds]), (
        "under its name it may not come sooner"
    )


def test_the_watchdog_waits_for_partitions_from_when_they_were_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(BatchTransport, "markers", BatchTransport.markers)
    monkeypatch.setattr("agents.stream.worker.monotonic", lambda: clock[0])
    settings = Settings()
    patience = 2 * settings.session_timeout_seconds + settings.rebalance_timeout_seconds + 4 * settings.stall_seconds

    async def story() -> list[str | None]:
        worker = Worker(settings)
        worker.ready_at = clock[0]
        clock[0] += 3600  # an hour of work, then a rebalance
        await worker._revoked()
        reasons = [worker.stalled()]
        for waited in (patience, 1.0):
            clock[0] += waited
            reasons.append(worker.stalled())
        return reasons

    assert asyncio.run(story()) == [None, None, f"no partitions for {patience + 1:.0f} s"]
