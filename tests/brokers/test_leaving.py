"""Ctrl-C is heard wherever it comes up, and heeded where it does no harm; the second time it is an order."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from agents.demo.processes import Processes
from agents.platform.signals import stop_requested

INTERRUPTED_WHILE_STARTING = """
import signal, sys
from agents.platform import child_processes

def ring(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, ring)
try:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    child_processes.start(["sleep", "60"])
    signal.pause()
except KeyboardInterrupt:
    print("leaving", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_does_not_come_up_in_the_middle_of_something(number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)
    try:
        with stop_requested() as leave:
            signal.raise_signal(number)
            assert leave.is_set()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_the_demonstration_heeds_it_where_it_waits() -> None:
    with stop_requested() as leave, ExitStack() as closing:
        cast = Processes(closing, leave)
        cast.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            cast.wait("somebody", lambda: False)


@pytest.mark.parametrize("microseconds", [50, 100, 200, 300, 400, 800])
def test_whoever_is_interrupted_while_a_child_starts_can_leave(microseconds: int, tmp_path: Path) -> None:
    script = tmp_path / "starting.py"
    script.write_text(INTERRUPTED_WHILE_STARTING, encoding="utf-8")
    command = [sys.executable, str(script), str(microseconds / 1e6)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "leaving\n"), done.stderr
