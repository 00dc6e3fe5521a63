"""CPU cost of a busy feed with late events: 120 patients, 1,000 events/s, one event in fifteen late.

Compared with folding late events anew from the checkpoint instead of from a remembered course, in one run.
`python -m benchmarks.late`, or `make bench`.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice

import click
from pydantic_core import to_json

from agents.engine.playback import Playback
from agents.simulation.live_ward import WardPlan, simulate
from agents.simulation.story import TimedEvent
from monitor.guidelines import in_force
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.chaos.plans import LONG
from tests.properties.test_fast_path import from_the_checkpoint

START = 1_772_438_400_000


@click.command()
@click.option("--seconds", default=300.0, show_default=True, help="Of the feed's time.")
def main(seconds: float) -> None:
    """Measure both, and say how they compare."""
    plan = WardPlan(LONG.patients, LONG.rate, LONG.seed, START, pace=600.0)
    events = [message_of(due) for due in islice(simulate(plan), round(LONG.rate * seconds))]
    nearby, late = micros_per_event(events)
    click.echo(f"{len(events)} events of {LONG.patients} patients, {late / len(events):.1%} late")
    with from_the_checkpoint():
        anew, _ = micros_per_event(events)
    click.echo(f"judged: {nearby:.0f} µs an event; from the checkpoint: {anew:.0f} µs, {anew / nearby:.1f} ×")


def message_of(due: TimedEvent) -> tuple[Decoded, bytes]:
    """What a worker would read from the log, decoded, and its bytes."""
    value = to_json(due.event)
    decoded = decode(value)
    assert isinstance(decoded, Decoded), "the ward sends nothing that is no event"
    return decoded, value


def micros_per_event(events: list[tuple[Decoded, bytes]]) -> tuple[float, int]:
    """CPU time of judging, and how many events came late."""
    verdicts: Counter[str] = Counter()
    ward = Playback(in_force.load(), [lambda one: verdicts.update(v.reason for v in one.step.verdicts)])
    began = time.process_time()
    for decoded, value in events:
        ward.feed(decoded, value)
    return (time.process_time() - began) / len(events) * 1e6, verdicts["late"]


if __name__ == "__main__":
    main()
