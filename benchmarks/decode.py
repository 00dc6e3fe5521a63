"""Benchmark: microseconds to decode one event, beside the naive way (json.loads, then model_validate).

Run it with `python -m benchmarks.decode`, or with all the others by `make bench`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from timeit import repeat

from schemas.decode import decode
from schemas.decoded import Decoded, Refused
from schemas.events import EVENT

ROUNDS, CALLS = 5, 20_000
VITALS = {
    "type": "vitals",
    "event_id": "monitor-7/000123",
    "patient_id": "p-0001",
    "effective_at": "2026-03-01T10:00:00Z",
    "received_at": "2026-03-01T10:00:00.500Z",
    "heart_rate_per_min": 92,
    "spo2_percent": 96,
    "systolic_mmhg": 118,
}


def compact(fields: object) -> bytes:
    """JSON as feeds write it."""
    return json.dumps(fields, separators=(",", ":")).encode()


def micros(call: Callable[[], object]) -> float:
    """The best of some rounds, µs a call."""
    return min(repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def main() -> None:
    """Prints one line for each kind of message."""
    good = compact(VITALS)
    assert isinstance(decode(good), Decoded)
    assert isinstance(decode(good[:-1]), Refused)
    naive = micros(lambda: EVENT.validate_python(json.loads(good), strict=False))
    cases = {
        "vitals": micros(lambda: decode(good)),
        "vitals, type from its topic": micros(lambda: decode(good, "vitals")),
        "vitals with an unknown field": micros(lambda: decode(compact_unknown)),
        "vitals with an implausible signal": micros(lambda: decode(compact_implausible)),
        "refused: cut off": micros(lambda: decode(good[:-1])),
    }
    print(f"{'json.loads + model_validate':36} {naive:7.2f} µs  {len(good)} bytes")
    for name, each in cases.items():
        print(f"{name:36} {each:7.2f} µs  {each / naive:5.2f} of the naive way")


compact_unknown = compact(VITALS | {"vendor": "x"})
compact_implausible = compact(VITALS | {"spo2_percent": 150})

if __name__ == "__main__":
    main()
