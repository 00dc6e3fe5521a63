"""`crs-monitor history`: writes state changes and alerts to a database, for dashboards and later questions."""

from __future__ import annotations

import json
import logging

import click
from pydantic import SecretStr

from agents.history import database
from agents.history.sink import Sink
from agents.history.store import Store
from agents.platform import health
from agents.platform.logging_setup import JSON_LINE, set_up_logging
from agents.platform.settings import Settings, with_settings
from agents.platform.signals import stop_requested


@click.command()
@with_settings
@click.option("--database-url", help="postgresql://user@host/database; left out: an SQLite file in --data-dir.")
@click.option("--migrate", is_flag=True, help="Bring the tables up to date first (an SQLite file always is).")
@click.option("--migrate-only", is_flag=True, help="Bring the tables up to date and stop.")
@click.option("--until-end", is_flag=True, help="Stop when all messages present at the start are written.")
@click.option("--begin-anew", is_flag=True, help="Delete what the database holds and read everything again.")
def command(
    settings: Settings, database_url: str | None, migrate: bool, migrate_only: bool, until_end: bool, begin_anew: bool
) -> None:
    """Write patients' state changes, doses, vitals and alerts to PostgreSQL or SQLite.

    Late and corrected data rewrites what it changes. After a restart nothing is lost and nothing is written twice.
    """
    if database_url is not None:
        settings = settings.model_copy(update={"database_url": SecretStr(database_url)})
    set_up_logging(line=JSON_LINE)
    url = database.url_of(settings)
    engine = database.connect(url)
    if migrate or migrate_only or url.get_backend_name() == "sqlite":
        database.migrate(engine)
    database.require_migrated(engine)
    if migrate_only:
        click.echo(f"{database.without_password(url)} is up to date")
        return
    sink = Sink(settings, Store(engine))
    with stop_requested(sink.stopping):  # The batch at hand is finished first.
        serve(settings, sink)
        log_event("started", database=database.without_password(url))
        sink.run(begin_anew=begin_anew, until_end=until_end)
    engine.dispose()
    log_event("stopped", **dict(sorted(sink.counts.items())))


def log_event(event: str, **details: str | int) -> None:
    """Logs one JSON line about the process, never about a patient."""
    logging.getLogger("crs.history").info(json.dumps({"event": event} | details))


def serve(settings: Settings, sink: Sink) -> None:
    """/metrics, /healthz and /readyz, when a port is set."""
    if settings.metrics_port:
        health.serve(settings.metrics_host, settings.metrics_port, sink.stuck, sink.not_ready)
