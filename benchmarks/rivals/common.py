"""The work that every rival does with a record: decode it, judge it, and encode the row to write."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from monitor.guidelines import in_force
from monitor.model import State, fresh
from monitor.record import row
from monitor.step import step
from schemas.decode import decode
from schemas.decoded import Refused
from schemas.events import Tick

GUIDELINE = in_force.load("house")


@dataclass
class Judge:
    """The engine on one patient at a time. `states` keeps decoded states, unless a rival keeps rows itself."""

    expected: int
    states: dict[bytes, State] = field(default_factory=dict)
    taken: int = 0
    began: tuple[float, float] | None = None

    def judge(self, key: bytes, value: bytes | None, packed: bytes | None = None) -> State | None:
        """The patient's state after one event; None for what is no patient's event. `packed`: the row so far."""
        if self.began is None:
            self.began = time.process_time(), time.perf_counter()
        self.taken += 1
        decoded = decode(value)
        if isinstance(decoded, Refused) or isinstance(decoded.event, Tick):
            return None
        if packed is not None:
            state = row.decode(packed).state
        else:
            state = self.states.get(key) or fresh(key.decode())
        self.states[key] = after = step(GUIDELINE, state, decoded.event).state
        return after

    def row(self, state: State, offset: int) -> bytes:
        """The row to be written."""
        return row.encode(row.Row(row.VERSION, offset, row.EMPTY_DIGEST, state))

    @property
    def is_done(self) -> bool:
        """Whether all events were judged."""
        return self.taken >= self.expected

    def report(self) -> None:
        """CPU and wall seconds, for the benchmark to read."""
        assert self.began is not None
        cpu, wall = self.began
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "events": self.taken}
        print(json.dumps(spent), flush=True)
