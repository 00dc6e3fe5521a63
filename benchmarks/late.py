"""What a busy feed costs where much comes late: 120 patients, 1,000 events/s, one event in fifteen late.

Beside it the same with late events folded anew from the checkpoint each time instead of from where the course has
passed; both in CPU time, in one run. `python -m benchmarks.late`, or `make bench`.
"""

from __future__ import annotations

import time
from itertools import islice
from unittest.mock import patch

import click
from pydantic_core import to_json

from agents.folding import Fold
from agents.simulation.ward import WardPlan, simulated
from monitor import guideline, placing
from monitor.instant import LONG_AGO, SECOND
from schemas.decode import Decoded, decode
from schemas.events import Tick
from tests.chaos.plans import LONG

START = 1_772_438_400_000


@click.command()
@click.option("--seconds", default=300.0, show_default=True, help="Of the feed's time.")
def main(seconds: float) -> None:
    """Measure both, and say how they compare."""
    plan = WardPlan(LONG.patients, LONG.rate, LONG.seed, START, pace=600.0)
    events = [decode(to_json(due.event)) for due in islice(simulated(plan), round(LONG.rate * seconds))]
    nearby, late = micros_per_event(events)
    click.echo(f"{len(events)} events of {LONG.patients} patients, {late / len(events):.1%} late")
    from_nearby = placing.refolded
    with patch.object(placing, "refolded", lambda guideline, state, _: from_nearby(guideline, state, LONG_AGO)):
        anew, _ = micros_per_event(events)
    click.echo(f"judged: {nearby:.0f} µs an event; from the checkpoint: {anew:.0f} µs, {anew / nearby:.1f} ×")


def micros_per_event(events: list[object]) -> tuple[float, int]:
    """CPU time of judging, and how many events came late."""
    fold, late = Fold(guideline.load()), 0
    began = time.process_time()
    for decoded in events:
        assert isinstance(decoded, Decoded), "the ward sends nothing that is no event"
        event = decoded.event
        assert not isinstance(event, Tick), "and no ticks"
        assert event.received_at is not None, "a simulated feed says when"
        at = event.received_at.timestamp() * SECOND
        while (due := fold.next_due()) is not None and due <= at:
            fold.tick(Tick.model_validate({"effective_at": due / SECOND}))
        late += any(verdict.reason == "late" for one in fold.apply(event) for verdict in one.step.verdicts)
    return (time.process_time() - began) / len(events) * 1e6, late


if __name__ == "__main__":
    main()
