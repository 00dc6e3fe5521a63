"""`crs-monitor rebuild`: rows and published states anew from the log, while no worker runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from time import monotonic

import click
from confluent_kafka import KafkaException

from agents.checking.brokers import Brokers
from agents.checking.pen import BrokersPen
from agents.checking.rebuilding import Rebuild
from agents.checking.report import line
from agents.checking.watching import Bar
from agents.settings import Settings, with_settings
from agents.surroundings import demand
from agents.usage import Unusable
from monitor import guideline
from monitor.profile import ProfileError


@click.command("rebuild")
@with_settings
@click.option("--accept-cut", is_flag=True, help="Also when the head of the log is gone: builds with what is left.")
def command(settings: Settings, accept_cut: bool) -> None:
    """Build every patient's row anew from the log and write it, while no worker runs.

    Rows are built as of the marker that is there; what lies beyond it the workers will judge and tell when they go on.
    Nothing is told anew. Exit 0: done. 2: workers run, the log is not whole, or brokers cannot be used.
    """
    try:
        judged_by = guideline.load(settings.profile)
    except ProfileError as error:
        raise Unusable(str(error)) from error
    demand(settings)
    began = monotonic()
    try:
        with closing(Brokers(settings)) as brokers, Bar() as bar:
            done = Rebuild(brokers, BrokersPen(settings), settings, judged_by, accept_cut, bar).run()
    except KafkaException as error:
        raise Unusable(f"{settings.bootstrap_servers}: {error.args[0].str()}; are all brokers up?") from error
    click.echo(line(asdict(done) | {"seconds": round(monotonic() - began, 1)}))
