"""`crs-monitor replay`: judges recorded events, from files or a CLIF data set, without broker or clock."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import click

from agents.cli.output import STDOUT, NdjsonWriter, reject_same_file
from agents.engine.patients import Judged
from agents.engine.playback import Watcher
from agents.feeds.ndjson import STDIN
from agents.feeds.registry import open_source
from agents.feeds.source import EventSource
from agents.platform.errors import UserError
from agents.platform.extras import require_extra
from agents.platform.guideline_option import load_guideline
from agents.replay.progress import watched
from agents.replay.replay import Replay
from agents.replay.statistics import Statistics
from agents.replay.summary import console_for, most, summary
from agents.report.collect import Charts
from monitor.units import to_ms
from schemas.dead_letters import DeadLetter

LETTERS_SHOWN = 10
SOME_DEAD_LETTERS = 3


@click.command("replay")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--clif", type=click.Path(path_type=Path), help="A CLIF 2.x data set: a directory of parquet files.")
@click.option("--alerts", metavar="FILE", help="Write alerts there, NDJSON.")
@click.option("--state", metavar="FILE", help="Write the last state of each patient there, NDJSON.")
@click.option("--dead-letters", metavar="FILE", help="Write what could not be used there, NDJSON.")
@click.option("--report", metavar="FILE.html", help="Write a page with the ward and a timeline of each patient.")
@click.option("--profile", default="house", show_default=True, metavar="NAME", help="Grading profile in force.")
@click.option("--until", metavar="TIME", help="Time goes on to then (ISO 8601 with offset); later events are left out.")
def command(
    files: tuple[str, ...],
    clif: Path | None,
    alerts: str | None,
    state: str | None,
    dead_letters: str | None,
    report: str | None,
    profile: str,
    until: str | None,
) -> None:
    """Judge recorded events in arrival order (NDJSON; - is standard input). Output - is standard output.

    Exit 0: done. 2: usage, or input that cannot be read. 3: some input was set aside as dead letters.
    """
    guideline = load_guideline(profile)
    if report is not None:
        require_extra("report", "--report")
    end = None if until is None else to_ms(time_of(until))
    reject_same_file((alerts, state, dead_letters, report), files)
    source = source_of(files, clif)
    with ExitStack() as closing:
        alert_lines, state_lines, letter_lines = (NdjsonWriter(name, closing) for name in (alerts, state, dead_letters))
        letters = Letters(letter_lines)
        charts = None if report is None else Charts(guideline)
        watchers = [writing(alert_lines), *([charts.watch] if charts is not None else [])]
        replay = Replay(guideline, watchers, letters.take, end)
        for record in watched(source):
            replay.take(record)
        replay.finish()
        for one in replay.states() if state is not None else ():
            state_lines.write(one)
        if charts is not None and report is not None:
            from agents.report.page import CLIF_SOURCE, write_page  # The extra `report` is not always installed.

            charts.finish(replay.patients.states)
            origin = CLIF_SOURCE if clif is not None else source.name
            write_page(Path(report), replay.tally, charts, origin)
    stdout_taken = STDOUT in (alerts, state, dead_letters)
    console_for(stderr=stdout_taken).print(summary(replay.tally, source.unmapped))
    complain(replay.tally, letters, sum(replay.patients.defects.values()))


def writing(lines: NdjsonWriter) -> Watcher:
    """Writes every alert."""

    def watch(one: Judged) -> None:
        for alert in one.step.alerts:
            lines.write(alert)

    return watch


class Letters:
    """Writes dead letters, and keeps the first few to print."""

    def __init__(self, lines: NdjsonWriter) -> None:
        self.first: list[DeadLetter] = []
        self._lines = lines

    def take(self, letter: DeadLetter) -> None:
        """One dead letter."""
        self._lines.write(letter)
        if len(self.first) < LETTERS_SHOWN:
            self.first.append(letter)


def complain(tally: Statistics, letters: Letters, defects: int) -> None:
    """Exit 3 with count and reasons, when something could not be used."""
    total = sum(tally.dead_letters.values())
    if defects:
        click.echo(f"crs-monitor: {defects} judgements failed by a defect of ours; see `unmonitored` alerts", err=True)
    if not total and not defects:
        return
    for letter in letters.first:
        click.echo(f"{letter.detail} [{letter.reason}]", err=True)
    if total > len(letters.first):
        click.echo(f"… and {total - len(letters.first)} more (--dead-letters FILE has them all)", err=True)
    click.echo(f"crs-monitor: {total} dead letters: {most(tally.dead_letters)}", err=True)
    raise SystemExit(SOME_DEAD_LETTERS)


def time_of(written: str) -> datetime:
    """An instant from the command line. Raises UserError."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UserError(f"--until {written}: expected a time with its offset, as in 2026-03-01T18:00:00+01:00")
    return at


def source_of(files: tuple[str, ...], clif: Path | None) -> EventSource:
    """The source to replay. Raises UserError when there is nothing, or both kinds."""
    if clif is not None:
        if files:
            raise click.UsageError("give files or --clif, not both")
        return open_source("clif", [str(clif)])
    if not files:
        raise click.UsageError("nothing to replay: give NDJSON files, - for standard input, or --clif DIRECTORY")
    if files == (STDIN,) and sys.stdin.isatty():
        click.echo("reading events from the keyboard; end with Ctrl-D", err=True)
    return open_source("ndjson", files)


if __name__ == "__main__":
    command()
