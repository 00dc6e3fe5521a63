"""Replays the log of a demonstration, record by record as the worker did, for the counts and charts of its report."""

from __future__ import annotations

from collections.abc import Iterable

from agents.demo.kafka_client import DemoRecord
from agents.engine.patients import Judged, Patients, judge, refusals
from agents.replay.statistics import Statistics
from agents.report.collect import Charts
from monitor.guidelines.in_force import Guideline
from schemas.decode import Refused, decode
from schemas.events import Tick


def replay_report(guideline: Guideline, log: Iterable[DemoRecord], partitions: int) -> tuple[Statistics, Charts]:
    """Counts and charts. What a merge forwards is not followed here: the log holds it as a record of its own."""
    tally, charts = Statistics(guideline), Charts(guideline)
    patients_of = [Patients(guideline) for _ in range(partitions)]

    def watch(one: Judged) -> None:
        tally.observe(one)
        charts.watch(one)
        for refused in refusals(one):
            tally.refuse(refused.reason)

    for record in log:
        decoded = decode(record.value)
        patients = patients_of[record.partition]
        if isinstance(decoded, Refused):
            tally.refuse(decoded.reason)
        elif isinstance(decoded.event, Tick):
            for one in patients.tick(decoded.event):
                watch(one)
        else:
            watch(judge(patients, decoded, record.appended_ms))
    charts.finish({name: state for patients in patients_of for name, state in patients.states.items()})
    return tally, charts
