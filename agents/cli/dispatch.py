"""`crs-monitor dispatch`: delivers alerts to pagers, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from agents.platform.errors import UserError
from agents.platform.settings import Settings, with_settings

LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"
# These say at INFO what was asked of whom: addresses may hold keys.
CHATTY = ("aiokafka", "aiohttp", "asyncio", "kafka", "requests", "urllib3")


SELDOM_SECONDS = 10.0


class Seldom(logging.Filter):
    """A client whose brokers are away says so many times a second; once in a while is enough."""

    def __init__(self) -> None:
        super().__init__()
        self.said_at: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """What our own code says always passes."""
        if not record.name.startswith("aiokafka"):
            return True
        before = self.said_at.get((record.name, record.msg))
        if before is not None and record.created - before < SELDOM_SECONDS:
            return False
        self.said_at[record.name, record.msg] = record.created
        return True


@click.command("dispatch")
@with_settings
@click.option("--check", is_flag=True, help="Only say whether the file with the destinations is sound.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(settings: Settings, check: bool, log_level: str) -> None:
    """Deliver alerts to pagers.

    Destinations, routes and patience stand in the table [dispatch] of the --config file; deploy/dispatch.example.toml
    shows every setting. Exits 0 after SIGTERM or SIGINT; after anything else whoever runs it starts it again.
    """
    from agents.dispatch import config
    from agents.dispatch.destination_queue import Backoff
    from agents.dispatch.dispatcher import Dispatcher
    from agents.dispatch.pagers import build

    plan = config.load(_file())
    logging.basicConfig(level=log_level.upper(), format=LINE)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    if check:
        build.pagers(plan)
        click.echo(f"{len(plan.destinations)} destinations, {len(plan.routes)} routes: sound")
        return
    _demand(settings)

    async def deliver() -> None:
        await Dispatcher(settings, plan, build.pagers(plan), Backoff()).run()

    asyncio.run(deliver())


def _file() -> Path | None:
    """The file that --config named; the settings have read their part of it, the rest is ours."""
    context = click.get_current_context()
    return context.params.get("config")


def _demand(settings: Settings) -> None:
    """Raises UserError when the topics are not as paging needs them."""
    from agents.brokers import preflight, topic_specs
    from schemas import topics

    there = preflight.describe_topics(settings)
    alerts = settings.topic(topics.ALERTS)
    needed = (alerts, settings.topic(topics.PATIENT_STATE), topic_specs.delivered(settings))
    for name in (*needed, settings.topic(topics.ASSESSMENTS)):
        if name not in there:
            raise UserError(f"topic {name} is missing; {preflight.ADVICE}")
    for name in needed:
        if there[name].partitions != there[alerts].partitions:
            raise UserError(
                f"topic {name} has {there[name].partitions} partitions, {alerts} has {there[alerts].partitions}: "
                "they must have as many, or what was delivered would be forgotten"
            )
