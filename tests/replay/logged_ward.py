"""A ward whose log has all that a real one may have, and what its workers made of it, to be held against a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from agents.engine.partition import Position
from agents.engine.partitioning import partition_of
from agents.replay.log_file import LogFile
from agents.replay.log_replay import LogReplay
from agents.verify.log_export import LogExport
from monitor.units import MINUTE, to_datetime
from schemas.dead_letters import DeadLetter
from tests.properties.records import EVENTS
from tests.verify.installation import ALERTS, HOUSE, LETTERS, LOG, PARTITIONS, STATES, Installation

PATIENTS = ("A", "B", "D", "E")  # two in each partition
Act = tuple[Any, ...]
BAD_VALUES = (
    None,
    b"",
    b"{broken",
    b"\xff\xfe",
    b'"a text"',
    b'{"type": "vitals", "event_id": "NaN", "patient_id": "A", "heart_rate_per_min": NaN}',
    b'{\n  "type": "vitals",\n  "event_id": "lines"\n}',
    b'{"type":"from a later release","event_id":"x","patient_id":"A"}',
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b'{"type":"vitals","event_id":"long","patient_id":"A","note":"' + b"x" * 70_000 + b'"}',
)
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.tuples(
        st.just("event"),
        st.sampled_from(PATIENTS),
        EVENTS,
        st.sampled_from([0, 0, 0, 3, 45, 300]),
        st.sampled_from([None, None, 0, 2, 6]),
    ),
    st.tuples(st.just("merge"), st.sampled_from(PATIENTS), st.sampled_from(PATIENTS)),
    st.tuples(
        st.just("bad"), st.sampled_from([0, 1]), st.sampled_from([None, b"A", b"\xff"]), st.sampled_from(BAD_VALUES)
    ),
    st.tuples(st.just("misplaced"), st.sampled_from(PATIENTS), EVENTS),
    st.tuples(st.just("repeat")),
    st.tuples(st.just("tick"), st.sampled_from([0.5, 1, 29, 60, 119])),
    st.tuples(st.just("late tick"), st.sampled_from([5, 100])),
    st.tuples(st.just("downtime"), st.sampled_from([1, 3, 30, 400])),
    st.tuples(st.just("work")),
    st.tuples(st.just("crash"), st.sampled_from([0, 1])),
)


class Result(NamedTuple):
    """What came of a log, as bytes. `positions`: the last offset and the digest of every patient."""

    alerts: list[bytes]
    states: list[bytes]
    letters: list[bytes]
    positions: dict[tuple[str, int], Position]


class LoggedWard(Installation):
    """An installation that does what a list of acts says."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def perform(self, acts: list[Act]) -> None:
        """All acts, and then ticks until the workers have applied everything that they forwarded."""
        self.tick()
        for act in acts:
            getattr(self, f"do_{act[0].replace(' ', '_')}")(*act[1:])
        for _ in range(6):
            self.tick(1)
            self.work()
        self.tick(90)
        self.work()
        for partition, shard in self.shards.items():
            for patient_id in shard:
                self.publish(partition, patient_id)

    def do_event(self, patient_id: str, content: dict[str, Any], late: int, arrived: int | None) -> None:
        self.send(self.event(patient_id, content, late, arrived))

    def do_merge(self, patient_id: str, into: str) -> None:
        if patient_id != into:
            self.send(self.event(patient_id, {"type": "patient", "status": "updated", "merged_into": into}, 0, None))

    def do_bad(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        self.topics.append(LOG, partition, key, value, self.at)

    def do_misplaced(self, patient_id: str, content: dict[str, Any]) -> None:
        """A foreign writer computes partitions in another way."""
        value = json.dumps(self.event(patient_id, content, 0, 0)).encode()
        self.topics.append(LOG, 1 - partition_of(patient_id.encode(), PARTITIONS), patient_id.encode(), value, self.at)

    def do_repeat(self) -> None:
        """The last record of a partition once more."""
        last = self.topics.records[LOG, 0][-1]
        self.topics.append(LOG, 0, last.key, last.value, self.at)

    def do_tick(self, seconds: float) -> None:
        self.tick(seconds)

    def do_late_tick(self, seconds: int) -> None:
        """A tick that was on its way for so long."""
        value = json.dumps({"type": "tick", "effective_at": to_datetime(self.at - seconds * 1000).isoformat()})
        for partition in range(PARTITIONS):
            self.topics.append(LOG, partition, None, value.encode(), self.at)

    def do_downtime(self, minutes: int) -> None:
        """No worker, so no tick."""
        self.at += minutes * MINUTE

    def do_work(self) -> None:
        self.work()

    def do_crash(self, partition: int) -> None:
        """A worker publishes and dies before it writes rows; the next one publishes the same again."""
        self.work(partition, write_rows=False)
        self.die(partition)
        self.work(partition)

    def event(self, patient_id: str, content: dict[str, Any], late: int, arrived: int | None) -> dict[str, Any]:
        """`late`: minutes from bedside to arrival. `arrived`: minutes ago; None: the feed does not say."""
        self.number += 1
        received = self.at - (arrived or 0) * MINUTE
        times = {"effective_at": to_datetime(received - late * MINUTE).isoformat()}
        if arrived is not None:
            times["received_at"] = to_datetime(received).isoformat()
        return {**content, "event_id": f"e{self.number}", "patient_id": patient_id, **times}

    def export(self, path: Path) -> None:
        """The log as `verify --export` writes it, from a run that finds nothing wrong."""
        with LogExport(str(path)) as file:
            findings = self.verify(export=file.write)
        assert findings.breaches == {}, findings.first

    def result(self) -> Result:
        """What the workers published, each message once, and the positions in their rows."""
        places = sorted((patient_id, number) for number, shard in self.shards.items() for patient_id in shard)
        states = {(r.key, n): r.value for n in self.shards for r in self.topics.records[STATES, n]}
        letters = sorted(once(self._letters()), key=lambda value: place_of(value))
        return Result(
            [value for number in self.shards for value in once(self._alerts(number))],
            [states[patient_id.encode(), number] or b"" for patient_id, number in places],
            letters,
            {place: self.shards[place[1]].positions[place[0]] for place in places},
        )

    def _alerts(self, partition: int) -> Iterator[bytes]:
        for record in self.topics.records[ALERTS, partition]:
            yield record.value or b""

    def _letters(self) -> Iterator[bytes]:
        for record in self.topics.records[LETTERS, 0]:
            if json.loads(record.value or b"{}")["topic"] == LOG:
                yield record.value or b""


def once(values: Iterator[bytes]) -> list[bytes]:
    """The messages without their repeats."""
    return list(dict.fromkeys(values))


def place_of(letter: bytes) -> tuple[int, int]:
    """Partition and offset of a dead letter."""
    fields = json.loads(letter)
    return fields["partition"], fields["offset"]


def replayed(path: Path) -> Result:
    """What a replay of the exported log gives."""
    alerts: list[bytes] = []
    letters: list[DeadLetter] = []
    log = LogFile(str(path), PARTITIONS)
    watchers = [lambda one: alerts.extend(alert.model_dump_json().encode() for alert in one.step.alerts)]
    replay = LogReplay(HOUSE, LOG, log.partitions, watchers, letters.append)
    for line in log:
        replay.take(line)
    places = sorted((patient_id, number) for number, one in replay.judged.items() for patient_id in one)
    return Result(
        alerts,
        [state.model_dump_json().encode() for state in replay.states()],
        once(letter.model_dump_json().encode() for letter in letters),
        {place: replay.judged[place[1]].positions[place[0]] for place in places},
    )
