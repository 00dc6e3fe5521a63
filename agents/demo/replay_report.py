"""The report of what was streamed: the log is judged once more, record by record, as the worker did it."""

from __future__ import annotations

from collections.abc import Iterable

from agents.demo.kafka_client import DemoRecord
from agents.engine.patients import Judged, Patients
from agents.replay.statistics import Statistics
from agents.report.collect import Charts
from monitor.guidelines.in_force import Guideline
from monitor.step import ImplausibleSignal
from monitor.units.instants import to_datetime
from schemas.decode import Refused, decode
from schemas.events import Tick


def replay_report(guideline: Guideline, log: Iterable[DemoRecord], partitions: int) -> tuple[Statistics, Charts]:
    """Counts and charts. What a merge sends on stands in the log itself and is not followed here."""
    tally, charts = Statistics(guideline), Charts(guideline)
    folds = [Patients(guideline) for _ in range(partitions)]

    def watch(one: Judged) -> None:
        tally.observe(one)
        charts.watch(one)
        for rejected in one.step.rejected:
            tally.refuse(rejected.reason)

    for record in log:
        said = decode(record.value)
        fold = folds[record.partition]
        if isinstance(said, Refused):
            tally.refuse(said.reason)
        elif isinstance(said.event, Tick):
            for one in fold.tick(said.event):
                watch(one)
        else:
            implausible = tuple(ImplausibleSignal(*part) for part in said.implausible)
            at = None if said.event.received_at is not None else to_datetime(record.appended_ms)
            watch(fold.judge(said.event.patient_id, said.event, implausible, at))
    charts.finish({patient_id: state for fold in folds for patient_id, state in fold.states.items()})
    return tally, charts
