"""`crs-monitor dispatch`: delivers alerts to pagers until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from agents.platform.errors import UserError
from agents.platform.settings import Settings, with_settings

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
# At INFO these log every request with its address, which may contain keys.
VERBOSE_LOGGERS = ("aiokafka", "aiohttp", "asyncio", "kafka", "requests", "urllib3")
REPEAT_SECONDS = 10.0


class RateLimit(logging.Filter):
    """Logs the same message of aiokafka once in ten seconds: while brokers are away it repeats itself many times."""

    def __init__(self) -> None:
        super().__init__()
        self.logged_at: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Messages of other loggers always pass."""
        if not record.name.startswith("aiokafka"):
            return True
        before = self.logged_at.get((record.name, record.msg))
        if before is not None and record.created - before < REPEAT_SECONDS:
            return False
        self.logged_at[record.name, record.msg] = record.created
        return True


@click.command("dispatch")
@with_settings
@click.option("--check", is_flag=True, help="Only check the file with the destinations.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(settings: Settings, check: bool, log_level: str) -> None:
    """Deliver alerts to pagers.

    Destinations, routes and times are in the table [dispatch] of the --config file; deploy/dispatch.example.toml
    shows every setting. Exits 0 after SIGTERM or SIGINT; after any other exit the service manager must restart it.
    """
    from agents.dispatch import config
    from agents.dispatch.backoff import Backoff
    from agents.dispatch.dispatcher import Dispatcher
    from agents.dispatch.pagers.registry import build_pagers

    paging_config = config.load(_file())
    logging.basicConfig(level=log_level.upper(), format=LOG_FORMAT)
    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RateLimit())
    destinations = paging_config.destinations
    if check:
        build_pagers(destinations, paging_config.name)
        click.echo(f"{len(destinations)} destinations, {len(paging_config.routes)} routes: sound")
        return
    _require_topics(settings)

    async def deliver() -> None:
        pagers = build_pagers(destinations, paging_config.name)
        await Dispatcher(settings, paging_config, pagers, Backoff()).run()

    asyncio.run(deliver())


def _file() -> Path | None:
    """The file of --config: the shared settings were read from it before, paging reads its own table."""
    context = click.get_current_context()
    return context.params.get("config")


def _require_topics(settings: Settings) -> None:
    """Raises UserError when a topic is missing, or has another number of partitions than the alerts topic."""
    from agents.brokers import preflight, topic_specs
    from schemas import topics

    described = preflight.describe_topics(settings)
    alerts = settings.topic(topics.ALERTS)
    states, heartbeats = settings.topic(topics.PATIENT_STATE), settings.topic(topics.HEARTBEATS)
    needed = (alerts, states, heartbeats, topic_specs.delivered(settings))
    for name in (*needed, settings.topic(topics.ASSESSMENTS)):
        if name not in described:
            raise UserError(f"topic {name} is missing; {preflight.ADVICE}")
    for name in needed:
        if described[name].partitions != described[alerts].partitions:
            raise UserError(
                f"topic {name} has {described[name].partitions} partitions, {alerts} has "
                f"{described[alerts].partitions}: they must have as many, or what was delivered would be forgotten"
            )
