"""CPU cost of judging: a monitor's stream at 1 Hz, a row written and read, a published state, and 134 real stays.

Each is compared with another way of doing it, measured in the same run. `python -m benchmarks.engine`, or `make bench`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from timeit import repeat

from pydantic import TypeAdapter
from pydantic_core import to_json

from agents.engine.partition import next_digest
from agents.engine.playback import Playback
from agents.feeds.clif.demo_data import demo_dir
from agents.feeds.clif.stays import ClifStays
from monitor.course import fast_path
from monitor.guidelines import in_force
from monitor.model import State, fresh
from monitor.patient_view import view
from monitor.record import row
from monitor.record.identity import KnownIds
from monitor.step import PatientEventType, step
from monitor.units import HOUR, MINUTE, SECOND, to_datetime
from schemas.decode import decode
from schemas.decoded import Decoded
from schemas.events import EVENT, Tick
from schemas.state import PatientState

START = 1_772_438_400_000
SECONDS = 10_000
BLOCK = 50
ROUNDS, CALLS = 5, 400
GUIDELINE = in_force.load()
ROW_AS_JSON: TypeAdapter[row.Row] = TypeAdapter(row.Row)


def charted(number: int, at: int, **content: object) -> PatientEventType:
    """An event of the contract, read from JSON as all of them are."""
    times = {"effective_at": to_datetime(at), "received_at": to_datetime(at)}
    event = EVENT.validate_json(
        to_json({"event_id": f"monitor-7/{number:06d}", "patient_id": "p-0001", **times, **content})
    )
    assert not isinstance(event, Tick)
    return event


class Bedside:
    """One patient, event by event, with the ticks between."""

    def __init__(self) -> None:
        self.state: State = fresh("p-0001")
        self.number = 0
        context = {"weight_kg": 78.0, "age_years": 61.0, "unit": "unit-1", "bed": "7", "product": "axi-cel"}
        self.receive(START, type="patient", status="admitted", infused_at=to_datetime(START - HOUR), **context)

    def receive(self, at: int, **content: object) -> None:
        """One event, and the ticks before it."""
        self.number += 1
        while self.state.due_at is not None and self.state.due_at <= at:
            self.state = step(GUIDELINE, self.state, Tick(effective_at=to_datetime(self.state.due_at))).state
        self.state = step(GUIDELINE, self.state, charted(self.number, at, **content)).state

    def give(self, at: int, drug: str, dose: float, **content: object) -> None:
        """A dose in mg."""
        self.receive(at, type="medication", drug=drug, action="given", dose=dose, dose_unit="mg", route="iv", **content)


def full_episode(charted_every_hours: int) -> tuple[State, int]:
    """A patient in the middle of it: two days of fever, pressure, oxygen, three doses, antipyretics, steroids."""
    bedside, rng = Bedside(), Random(7)
    for hour in range(1, 48):
        at, ill = START + hour * HOUR, 4 <= hour < 40
        if hour % charted_every_hours == 0:
            vitals = {
                "temperature_celsius": (38.8 if ill else 37.0) + rng.random() / 2,
                "heart_rate_per_min": 90.0 + rng.randint(0, 20),
                "systolic_mmhg": (86.0 if ill else 112.0) + rng.randint(0, 8),
                "diastolic_mmhg": 55.0,
                "mean_arterial_mmhg": (63.0 if ill else 78.0) + rng.randint(0, 4),
                "spo2_percent": 93.0 + rng.randint(0, 4),
            }
            support = {"oxygen_device": "nasal_cannula", "oxygen_flow_l_per_min": 4.0} if ill else {}
            signs = {"ice_score": 10, "consciousness": "alert"}
            bedside.receive(at, type="vitals", source="charted", **signs, **vitals, **support)
        if hour in (5, 14, 23):
            bedside.give(at + 5 * MINUTE, "tocilizumab", 624.0, indication="crs")
        if ill and hour % 12 == 0:
            bedside.give(at + 6 * MINUTE, "acetaminophen", 650.0)
            bedside.give(at + 7 * MINUTE, "dexamethasone", 10.0, indication="crs")
        if hour in (6, 12, 20):
            rate = {"rate": 0.05 + hour / 100, "rate_unit": "mcg/kg/min", "route": "iv"}
            bedside.receive(at + 8 * MINUTE, type="medication", drug="norepinephrine", action="started", **rate)
    assert bedside.state.alerts.open
    return bedside.state, START + 48 * HOUR


def stream(seconds: int) -> Iterator[PatientEventType]:
    """A monitor at 1 Hz: steady values with a sensor's noise."""
    rng = Random(3)
    for number in range(seconds):
        yield charted(
            number,
            START + number * SECOND,
            type="vitals",
            source="monitor",
            temperature_celsius=36.6 + rng.random() / 2,
            heart_rate_per_min=80.0 + rng.randint(0, 12),
            respiratory_rate_per_min=16.0,
            systolic_mmhg=118.0 + rng.randint(0, 10),
            diastolic_mmhg=70.0,
            mean_arterial_mmhg=84.0 + rng.randint(0, 6),
            spo2_percent=96.0 + rng.randint(0, 2),
        )


def micros_per_step(seconds: int) -> list[float]:
    """µs an event, block by block: the judgement and the row's bookkeeping (its offset and rolling digest)."""
    state = step(
        GUIDELINE, fresh("p-0001"), charted(999_999, START, type="patient", infused_at=to_datetime(START))
    ).state
    digest, taken, events, ids = row.EMPTY_DIGEST, [], stream(seconds), KnownIds()
    offset = 0
    while block := list(islice(events, BLOCK)):
        began = time.thread_time()
        for event in block:
            offset += 1
            state = step(GUIDELINE, state, event, known_ids=ids).state
            digest = next_digest(digest, offset, event.event_id)
        taken.append((time.thread_time() - began) / len(block) * 1e6)
    return taken


def without_fast_path(seconds: int) -> list[float]:
    """The same without the fast path for a reading like the one before."""
    fast, fast_path.course_after = fast_path.course_after, lambda *_, **__: None
    try:
        return micros_per_step(seconds)
    finally:
        fast_path.course_after = fast


def micros(call: Callable[[], object]) -> float:
    """The best of some rounds, µs a call."""
    return min(repeat(call, number=CALLS, repeat=ROUNDS, timer=time.thread_time)) / CALLS * 1e6


def real_stays() -> tuple[float, float, int]:
    """CPU seconds to read the 134 stays, and to judge them; and how many events they are."""
    began = time.process_time()
    events = list(ClifStays(demo_dir()))
    read = time.process_time() - began
    lines = list(map(TypeAdapter(dict).dump_json, events))
    decoded = [decode(line) for line in lines]
    began = time.process_time()
    playback = Playback(GUIDELINE)
    for one, line_of_it in zip(decoded, lines, strict=True):
        assert isinstance(one, Decoded)
        playback.feed(one, line_of_it)
    return read, time.process_time() - began, len(events)


def line(name: str, value: float, unit: str, other: str = "", than: float = 0.0) -> None:
    """One measurement, and how it compares."""
    beside = f"   {than:8.1f} {unit:6} {other}: {than / value:.1f} ×" if than else ""
    print(f"{name:44} {value:8.1f} {unit:6}{beside}")


def rows_and_views(state: State, at: int) -> None:
    """What a patient costs beside the judgement."""
    kept = row.Row(row.VERSION, 123_456, b"12345678", state)
    packed, as_json = row.encode(kept), ROW_AS_JSON.dump_json(kept, warnings=False)
    as_pydantic = micros(lambda: ROW_AS_JSON.dump_json(kept, warnings=False))
    line("  row written", micros(lambda: row.encode(kept)), "µs", "pydantic JSON", as_pydantic)
    as_pydantic = micros(lambda: ROW_AS_JSON.validate_json(as_json))
    line("  row read", micros(lambda: row.decode(packed)), "µs", "pydantic JSON", as_pydantic)
    line("  row size", len(packed), "bytes", "pydantic JSON", len(as_json))
    shown = view(GUIDELINE, state, at, 1)
    validated = micros(lambda: PatientState.model_validate(dict(shown)))
    line("  state for others", micros(lambda: view(GUIDELINE, state, at, 1)), "µs", "of it validating again", validated)
    line("  and as JSON", micros(shown.model_dump_json), "µs")


def main() -> None:
    """Prints all of it."""
    taken, whole = micros_per_step(SECONDS), without_fast_path(SECONDS // 10)
    median = statistics.median(taken)
    line("step at 1 Hz with bookkeeping, median block", median, "µs", "without fast path", statistics.median(whole))
    line("  99th percentile of blocks", statistics.quantiles(taken, n=100)[98], "µs")
    line("  mean", statistics.fmean(taken), "µs", "without fast path", statistics.fmean(whole))
    for where, hours in (("a ward, charted every 4 h", 4), ("intensive care, charted every hour", 1)):
        print(f"full episode on {where}" if hours > 1 else f"full episode in {where}")
        rows_and_views(*full_episode(hours))
    read, judged, number = real_stays()
    line(f"134 real stays, {number} events: judged", judged, "s")
    line("  read from CLIF", read, "s")


if __name__ == "__main__":
    main()
