"""`crs-monitor dispatch`: delivers alerts to pagers until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agents.platform.logging_setup import limit_repeats, log_level_option, set_up_logging
from agents.platform.settings import Settings, with_settings


@click.command("dispatch")
@with_settings
@click.option("--check", is_flag=True, help="Only check the file with the destinations.")
@log_level_option
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
    set_up_logging(log_level)
    limit_repeats()
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
    """Raises UserError when topics are missing, or when delivered pages would be looked for in the wrong partition."""
    from agents.brokers import preflight, topic_specs
    from schemas import topics

    co_partitioned = [settings.topic(topic) for topic in (topics.ALERTS, topics.PATIENT_STATE, topics.HEARTBEATS)]
    preflight.require_topics(
        settings, [*co_partitioned, topic_specs.delivered_topic(settings)], [settings.topic(topics.ASSESSMENTS)]
    )
