"""Replays the log of a demonstration, record by record as the worker did, for the counts and charts of its report."""

from __future__ import annotations

from collections.abc import Iterable

from agents.engine.log_lines import LogLine
from agents.platform.settings import Settings
from agents.replay.log_replay import LogReplay
from agents.replay.statistics import Statistics
from agents.report.collect import Charts
from monitor.guidelines.in_force import Guideline
from schemas.topics import PATIENT_EVENTS


def replay_report(guideline: Guideline, log: Iterable[LogLine], settings: Settings) -> tuple[Statistics, Charts]:
    """Counts and charts. What a merge forwards is not followed here: the log holds it as a record of its own."""
    charts = Charts(guideline)
    replay = LogReplay(guideline, settings.topic(PATIENT_EVENTS), settings.partitions, [charts.watch])
    for line in log:
        replay.take(line)
    charts.finish(replay.last)
    return replay.tally, charts
