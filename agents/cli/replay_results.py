"""What `replay` writes and prints: alerts, states, dead letters, the report, a summary, and why it exits with 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar

import click

from agents.cli.output import STDOUT, NdjsonWriter
from agents.engine.patients import Judged
from agents.feeds.source import Source
from agents.replay.statistics import Statistics
from agents.replay.summary import console_for, most, summary
from agents.report.collect import Charts
from monitor.guidelines.in_force import Guideline
from monitor.model import State
from schemas.dead_letters import DeadLetter
from schemas.state import PatientState

LETTERS_SHOWN = 10
SOME_DEAD_LETTERS = 3
RecordTaken = TypeVar("RecordTaken", contravariant=True)
Record = TypeVar("Record")


class Judgement(Protocol[RecordTaken]):
    """A replay of one source: of recorded events, or of the log."""

    @property
    def tally(self) -> Statistics: ...

    @property
    def last(self) -> Mapping[str, State]: ...

    @property
    def defects(self) -> int: ...

    def take(self, record: RecordTaken, /) -> None: ...

    def finish(self) -> None: ...

    def states(self) -> Iterator[PatientState]: ...


class Results:
    """The files of one replay. `files`: their names by option, None where one is not asked for.

    `is_clif`: whether the source is a CLIF data set, which the report then describes.
    """

    is_clif = False

    def __init__(self, guideline: Guideline, files: Mapping[str, str | None], closing: ExitStack) -> None:
        """Opens them until `closing` closes. Raises UserError when one cannot be written."""
        self._files = files
        names = [files[option] for option in ("alerts", "state", "dead_letters")]
        self._alerts, self._states, self._letters = (NdjsonWriter(name, closing) for name in names)
        self._prints_to_stderr = STDOUT in names
        self._charts = None if files["report"] is None else Charts(guideline)
        self._first: list[DeadLetter] = []
        self.watchers = [self._write_alerts, *([self._charts.watch] if self._charts is not None else [])]

    def refuse(self, letter: DeadLetter) -> None:
        """Writes a dead letter, and keeps the first few to print."""
        self._letters.write(letter)
        if len(self._first) < LETTERS_SHOWN:
            self._first.append(letter)

    def finish(self, judged: Judgement[Record], source: Source[Record]) -> None:
        """Writes states and report; prints a summary. Exits with 3 when something could not be used."""
        for one in judged.states() if self._files["state"] is not None else ():
            self._states.write(one)
        if self._charts is not None:
            self._write_report(judged, self._charts, source.name)
        console_for(stderr=self._prints_to_stderr).print(summary(judged.tally, source.unmapped))
        self._complain(judged.tally, judged.defects)

    def _write_report(self, judged: Judgement[Record], charts: Charts, name: str) -> None:
        from agents.report.page import CLIF_SOURCE, write_page  # The extra `report` is not always installed.

        charts.finish(judged.last)
        report = self._files["report"]
        assert report is not None, "charts are collected for a report"
        write_page(Path(report), judged.tally, charts, CLIF_SOURCE if self.is_clif else name)

    def _complain(self, tally: Statistics, defects: int) -> None:
        """Exits with count and reasons, when something could not be used."""
        total = sum(tally.dead_letters.values())
        if defects:
            click.echo(
                f"crs-monitor: {defects} judgements failed by a defect of ours; see `unmonitored` alerts", err=True
            )
        if not total and not defects:
            return
        for letter in self._first:
            click.echo(f"{letter.detail} [{letter.reason}]", err=True)
        if total > len(self._first):
            click.echo(f"… and {total - len(self._first)} more (--dead-letters FILE has them all)", err=True)
        click.echo(f"crs-monitor: {total} dead letters: {most(tally.dead_letters)}", err=True)
        raise SystemExit(SOME_DEAD_LETTERS)

    def _write_alerts(self, one: Judged) -> None:
        for alert in one.step.alerts:
            self._alerts.write(alert)
