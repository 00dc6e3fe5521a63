"""`crs-monitor verify`: replays the log offline and demands that the live system wrote exactly that."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic

import click
from confluent_kafka import KafkaException

from agents.cli.output import reject_same_file
from agents.platform.errors import UserError
from agents.platform.guideline_option import load_guideline
from agents.platform.settings import Settings, with_settings
from agents.verify.kafka_reader import KafkaReader
from agents.verify.log_export import LogExport
from agents.verify.progress_bar import ProgressBar
from agents.verify.report import line, summary
from agents.verify.verification import Verification

BREACH = 1


@click.command("verify")
@with_settings
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long workers may take to catch up with what is in the log now.",
)
@click.option("--ledger", type=click.Path(path_type=Path), metavar="FILE", help="What `simulate` says was accepted.")
@click.option("--export", metavar="FILE", help="Write the checked records there, for `replay --from-log FILE`.")
@click.option("--show", is_flag=True, help="Show patient and values of the first divergence. Mind who reads it.")
def command(settings: Settings, wait: float, ledger: Path | None, export: str | None, show: bool) -> None:
    """Replay the log offline; compare rows, alerts, states and dead letters with what the live system wrote.

    Prints one JSON object as its last line. Exit 0: all is as the log says. 1: it is not. 2: it could not be checked.
    """
    guideline = load_guideline(settings.profile)
    reject_same_file((export,), () if ledger is None else (str(ledger),))
    began = monotonic()
    try:
        with ExitStack() as stack:
            file = None if export is None else stack.enter_context(LogExport(export))
            brokers = stack.enter_context(closing(KafkaReader(settings)))
            run = Verification(brokers, settings, guideline, wait, ledger, stack.enter_context(ProgressBar()))
            if file is not None:
                run.export = file.write
            run.run()
            output = summary(run, monotonic() - began, show)
    except KafkaException as error:
        raise UserError(f"{settings.bootstrap_servers}: {error.args[0].str()}; are all brokers up?") from error
    if file is not None:
        click.echo(f"crs-monitor: {file.written} records of the log written to {file.name}", err=True)
    if output["partial"]:
        click.echo(
            "crs-monitor: the head of the log is gone (retention): patients whose story begins before it cannot be "
            f"checked ({output['unverified']} of them)",
            err=True,
        )
    click.echo(line(output))
    if not output["ok"]:
        sys.exit(BREACH)
