"""SIGINT and SIGTERM set an event and interrupt nothing; a second one acts as it would have without us."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from agents.demo.processes import Processes
from agents.platform.signals import set_on_stop, stop_requested, wait_for_stop

SIGNALS = [signal.SIGINT, signal.SIGTERM]
INTERRUPTED_WHILE_STARTING = """
import signal, sys
from agents.platform import child_processes

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
try:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    child_processes.start(["sleep", "60"])
    signal.pause()
except KeyboardInterrupt:
    print("leaving", flush=True)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_sets_the_event_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)
    try:
        with stop_requested() as stopping:
            signal.raise_signal(number)
            assert stopping.is_set()
            wait_for_stop(stopping)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_an_event_that_the_work_already_has_is_set() -> None:
    own = threading.Event()
    with stop_requested(own) as stopping:
        assert stopping is own
        signal.raise_signal(signal.SIGTERM)
    assert own.is_set()


def test_outside_the_main_thread_only_the_caller_sets_the_event() -> None:
    found: list[bool] = []

    def work() -> None:
        with stop_requested() as stopping:
            found.append(stopping.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_event_loop_is_stopped_by_the_same_signals(number: signal.Signals) -> None:
    async def run_until_stopped() -> bool:
        stopping = asyncio.Event()
        set_on_stop(stopping)
        signal.raise_signal(number)
        await asyncio.wait_for(stopping.wait(), 60)
        return stopping.is_set()

    assert asyncio.run(run_until_stopped())


def test_the_demonstration_stops_where_it_waits() -> None:
    with stop_requested() as stopping, ExitStack() as closing:
        processes = Processes(closing, stopping)
        processes.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            processes.wait("somebody", lambda: False)


@pytest.mark.parametrize("microseconds", [50, 100, 200, 300, 400, 800])
def test_an_interrupt_while_a_child_starts_does_not_hang(microseconds: int, tmp_path: Path) -> None:
    script = tmp_path / "starting.py"
    script.write_text(INTERRUPTED_WHILE_STARTING, encoding="utf-8")
    command = [sys.executable, str(script), str(microseconds / 1e6)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "leaving\n"), done.stderr
