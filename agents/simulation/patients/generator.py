"""A simulated ward: patients who fall ill, are treated, recover or die, and a record kept the way real ones are.

Seeded and endless: the same generator state gives the same story. Used for load, for demonstrations and to search for
disagreements between the engine and its oracle; no patient in it is real. Yields contract events in arrival order.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from agents.platform.json_types import Json
from agents.simulation.patients.bed import Bed
from agents.simulation.patients.bed_record import Cadence
from agents.simulation.patients.illness import SECOND_MS


def ward(
    rng: Random,
    patients: int,
    start: datetime,
    *,
    duration: timedelta | None = None,
    cadence: Cadence | None = None,
) -> Iterator[Json]:
    """Contract events of a ward with that many occupied beds, in order of `received_at`; endless without `duration`."""
    cadence = cadence or Cadence()
    start_ms = round(start.timestamp() * 1000)
    until_ms = None if duration is None else start_ms + round(duration.total_seconds() * 1000)
    spread_ms = max(1, round(cadence.vitals_every_s * SECOND_MS))
    beds = [Bed(rng, number, cadence, start_ms) for number in range(patients)]
    turns = [(start_ms + number * spread_ms // max(patients, 1), number) for number in range(patients)]
    waiting: list[tuple[int, int, Json]] = []
    sequence = 0
    while turns:
        at_ms, number = turns[0]
        while waiting and waiting[0][0] <= at_ms:
            yield heapq.heappop(waiting)[2]
        if until_ms is not None and at_ms > until_ms:
            break
        heapq.heapreplace(turns, (at_ms + spread_ms, number))
        for received_ms, event in beds[number].events_at(at_ms):
            sequence += 1
            heapq.heappush(waiting, (received_ms, sequence, event))
    while waiting and (until_ms is None or waiting[0][0] <= until_ms):
        yield heapq.heappop(waiting)[2]
