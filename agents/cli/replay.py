"""`crs-monitor replay`: judges recorded events, from files, a CLIF data set or the log, without broker or clock."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource

from agents.cli.output import reject_same_file
from agents.cli.replay_results import Judgement, Results
from agents.feeds.ndjson import STDIN
from agents.feeds.registry import open_source
from agents.feeds.source import EventSource, Source
from agents.platform.errors import UserError
from agents.platform.extras import require_extra
from agents.platform.guideline_option import load_guideline
from agents.replay.log_file import LogFile
from agents.replay.log_replay import LogReplay
from agents.replay.progress import watched
from agents.replay.replay import Replay
from monitor.units import to_ms
from schemas.topics import PATIENT_EVENTS

Record = TypeVar("Record")
LOG_OPTIONS = ("partitions", "topic_prefix")


@click.command("replay")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--clif", type=click.Path(path_type=Path), help="A CLIF 2.x data set: a directory of parquet files.")
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
    guideline = load_guideline(profile)
    if written["report"] is not None:
        require_extra("report", "--report")
    end = None if until is None else to_ms(time_of(until))
    refuse_two_inputs(context, files, clif, from_log)
    reject_same_file(written.values(), files if from_log is None else (from_log,))
    log = None if from_log is None else LogFile(from_log, partitions)
    events = source_of(files, clif) if log is None else None
    with ExitStack() as closing:
        results = Results(guideline, written, closing)
        if log is not None:
            for what in log.incomplete:
                click.echo(f"crs-monitor: {what}", err=True)
            topic = PATIENT_EVENTS.full_name(topic_prefix)
            play(log, LogReplay(guideline, topic, log.partitions, results.watchers, results.refuse, end), results)
        elif events is not None:
            results.is_clif = clif is not None
            play(events, Replay(guideline, results.watchers, results.refuse, end), results)


def play(source: Source[Record], judged: Judgement[Record], results: Results) -> None:
    """Judges a source to its end; writes and prints what came of it."""
    for record in watched(source):
        judged.take(record)
    judged.finish()
    results.finish(judged, source)


def refuse_two_inputs(context: click.Context, files: tuple[str, ...], clif: Path | None, from_log: str | None) -> None:
    """Raises UsageError for two kinds of input, and for options that only the log has."""
    if (from_log is not None) + (clif is not None) + bool(files) > 1:
        raise click.UsageError("give one input, not both: files, --clif or --from-log")
    for name in LOG_OPTIONS if from_log is None else ():
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


def source_of(files: tuple[str, ...], clif: Path | None) -> EventSource:
    """The source to replay. Raises UserError when it cannot be read, UsageError when there is none."""
    if clif is not None:
        return open_source("clif", [str(clif)])
    if not files:
        raise click.UsageError(
            "nothing to replay: give NDJSON files, - for standard input, --clif DIRECTORY, or --from-log FILE"
        )
    if files == (STDIN,) and sys.stdin.isatty():
        click.echo("reading events from the keyboard; end with Ctrl-D", err=True)
    return open_source("ndjson", files)


if __name__ == "__main__":
    command()
