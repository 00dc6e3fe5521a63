"""`crs-monitor rebuild`: rebuilds rows and published states from the log, while no worker runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from time import monotonic

import click
from confluent_kafka import KafkaException

from agents.brokers.preflight import require_all
from agents.platform.errors import UserError
from agents.platform.guideline_option import load_guideline
from agents.platform.settings import Settings, with_settings
from agents.verify.kafka_reader import KafkaReader
from agents.verify.kafka_writer import KafkaWriter
from agents.verify.progress_bar import ProgressBar
from agents.verify.rebuild import Rebuild
from agents.verify.report import line


@click.command("rebuild")
@with_settings
@click.option("--accept-cut", is_flag=True, help="Also when the head of the log is gone: builds with what is left.")
def command(settings: Settings, accept_cut: bool) -> None:
    """Build every patient's row anew from the log and write it, while no worker runs.

    Rows are built as of the marker that is there; what lies beyond it the workers will judge and tell when they go on.
    Nothing is told anew. Exit 0: done. 2: workers run, the log is not whole, or brokers cannot be used.
    """
    guideline = load_guideline(settings.profile)
    require_all(settings)
    began = monotonic()
    try:
        with closing(KafkaReader(settings)) as brokers, ProgressBar() as bar:
            done = Rebuild(brokers, KafkaWriter(settings), settings, guideline, accept_cut, bar).run()
    except KafkaException as error:
        raise UserError(f"{settings.bootstrap_servers}: {error.args[0].str()}; are all brokers up?") from error
    click.echo(line(asdict(done) | {"seconds": round(monotonic() - began, 1)}))
