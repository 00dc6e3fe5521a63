"""`crs-monitor replay`: judges recorded events, from files of any format or the log, without broker or clock."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import click
from click.core import ParameterSource

from agents.cli.output import reject_same_file
from agents.cli.replay_results import Judgement, Results
from agents.feeds.merged import ClockedSource, MergedSources
from agents.feeds.ndjson import STDIN
from agents.feeds.registry import open_fhir, open_hl7, open_ndjson, open_source
from agents.feeds.source import EventSource, Source
from agents.platform.errors import UserError
from agents.platform.extras import require_extra
from agents.platform.guideline_option import load_guideline
from agents.replay.log_file import LogFile
from agents.replay.log_replay import LogReplay
from agents.replay.progress import watched
from agents.replay.replay import Replay
from monitor.guidelines.in_force import Guideline
from monitor.units import to_ms
from schemas.topics import PATIENT_EVENTS

Record = TypeVar("Record")
LOG_OPTIONS = ("partitions", "topic_prefix")


@click.command("replay")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--clif", type=click.Path(path_type=Path), help="A CLIF 2.x data set: a directory of parquet files.")
@click.option("--hl7", multiple=True, metavar="FILE", help="HL7 v2 messages, as `translate` reads them; repeatable.")
@click.option("--fhir", multiple=True, metavar="FILE", help="FHIR resources, bundles or NDJSON; repeatable.")
@click.option("--feeds", envvar="CRS_FEEDS_FILE", metavar="FILE", help="Settings and tables for --hl7 and --fhir.")
@click.option("--from-log", metavar="FILE", help="Records of the log, from `verify --export FILE`.")
@click.option("--alerts", metavar="FILE", help="Write alerts there, NDJSON.")
@click.option("--state", metavar="FILE", help="Write the last state of each patient there, NDJSON.")
@click.option("--dead-letters", metavar="FILE", help="Write what could not be used there, NDJSON.")
@click.option("--report", metavar="FILE.html", help="Write a page with the ward and a timeline of each patient.")
@click.option("--profile", default="house", show_default=True, metavar="NAME", help="Grading profile in force.")
@click.option("--until", metavar="TIME", help="Time goes on to then (ISO 8601 with offset); later events are left out.")
@click.option(
    "--partitions",
    type=click.IntRange(1, 4096),
    help="With --from-log: how many partitions the log has, where the file does not have all of them.",
)
@click.option(
    "--topic-prefix",
    envvar="CRS_TOPIC_PREFIX",
    default="crs.",
    show_default=True,
    help="With --from-log: what the log's name starts with; dead letters name it.",
)
@click.pass_context
def command(
    context: click.Context,
    /,
    files: tuple[str, ...],
    clif: Path | None,
    hl7: tuple[str, ...],
    fhir: tuple[str, ...],
    feeds: str | None,
    from_log: str | None,
    profile: str,
    until: str | None,
    partitions: int | None,
    topic_prefix: str,
    **written: str | None,
) -> None:
    """Judge recorded events in arrival order (NDJSON; - is standard input). Output - is standard output.

    With --from-log, judge them as the worker did: same alerts, states and dead letters. The log has its own clock, so
    --until only leaves out what was appended later.

    Exit 0: done. 2: usage, or input that cannot be read. 3: some input was set aside as dead letters.
    """
    inputs = Inputs(files, clif, hl7, fhir, feeds, from_log)
    guideline = load_guideline(profile)
    if written["report"] is not None:
        require_extra("report", "--report")
    end = None if until is None else to_ms(time_of(until))
    refuse_two_inputs(context, inputs)
    reject_same_file(written.values(), inputs.read)
    with ExitStack() as closing:
        if from_log is None:
            replay_events(source_of(inputs), guideline, Results(guideline, written, closing), end, clif is not None)
        else:
            log = LogFile(from_log, partitions)
            replay_log(log, guideline, Results(guideline, written, closing), end, topic_prefix)


class Inputs(NamedTuple):
    """What is to be replayed, by the options that name it."""

    files: tuple[str, ...]
    clif: Path | None
    hl7: tuple[str, ...]
    fhir: tuple[str, ...]
    feeds: str | None
    from_log: str | None

    @property
    def read(self) -> tuple[str, ...]:
        """The files that are read."""
        return (*self.files, *self.hl7, *self.fhir) if self.from_log is None else (self.from_log,)


def replay_events(source: EventSource, guideline: Guideline, results: Results, end: int | None, is_clif: bool) -> None:
    """Judges recorded events."""
    results.is_clif = is_clif
    play(source, Replay(guideline, results.watchers, results.refuse, end), results)


def replay_log(log: LogFile, guideline: Guideline, results: Results, end: int | None, topic_prefix: str) -> None:
    """Judges records of the log as the worker did."""
    for what in log.incomplete:
        click.echo(f"crs-monitor: {what}", err=True)
    topic = PATIENT_EVENTS.full_name(topic_prefix)
    play(log, LogReplay(guideline, topic, log.partitions, results.watchers, results.refuse, end), results)


def play(source: Source[Record], judged: Judgement[Record], results: Results) -> None:
    """Judges a source to its end; writes and prints what came of it."""
    for record in watched(source):
        judged.take(record)
    judged.finish()
    results.finish(judged, source)


def refuse_two_inputs(context: click.Context, inputs: Inputs) -> None:
    """Raises UsageError for inputs that cannot be played together, and for options that only the log has."""
    together = bool(inputs.files or inputs.hl7 or inputs.fhir)
    if (inputs.from_log is not None) + (inputs.clif is not None) + together > 1:
        raise click.UsageError("give one input, not both: files (with --hl7, --fhir), --clif or --from-log")
    for name in LOG_OPTIONS if inputs.from_log is None else ():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} is about the log: it needs --from-log FILE")


def time_of(written: str) -> datetime:
    """An instant from the command line. Raises UserError."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UserError(f"--until {written}: expected a time with its offset, as in 2026-03-01T18:00:00+01:00")
    return at


def source_of(inputs: Inputs) -> EventSource:
    """The source to replay. Raises UserError when it cannot be read, UsageError when there is none."""
    if inputs.clif is not None:
        return open_source("clif", [str(inputs.clif)])
    if inputs.read.count(STDIN) > 1:
        raise UserError("`-` (standard input) can be given once only")
    if inputs.read == (STDIN,) and sys.stdin.isatty():
        click.echo("reading events from the keyboard; end with Ctrl-D", err=True)
    sources: list[ClockedSource] = []
    if inputs.files:
        sources.append(open_ndjson(inputs.files))
    if inputs.hl7:
        sources.append(open_hl7(inputs.hl7, inputs.feeds))
    if inputs.fhir:
        sources.append(open_fhir(inputs.fhir, inputs.feeds))
    if not sources:
        raise click.UsageError(
            "nothing to replay: give NDJSON files, - for standard input, --hl7 FILE, --fhir FILE, --clif DIRECTORY, "
            "or --from-log FILE"
        )
    return sources[0] if len(sources) == 1 else MergedSources(sources)


if __name__ == "__main__":
    command()
