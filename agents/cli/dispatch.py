"""`crs-monitor dispatch`: delivers alerts to pagers, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agents.platform.logging_setup import limit_repeats, log_level_option, set_up_logging
from agents.platform.settings import Settings, with_settings


@click.command("dispatch")
@with_settings
@click.option("--check", is_flag=True, help="Only say whether the file with the destinations is sound.")
@log_level_option
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
    set_up_logging(log_level)
    limit_repeats()
    if check:
        build.pagers(plan)
        click.echo(f"{len(plan.destinations)} destinations, {len(plan.routes)} routes: sound")
        return
    _require_topics(settings)

    async def deliver() -> None:
        await Dispatcher(settings, plan, build.pagers(plan), Backoff()).run()

    asyncio.run(deliver())


def _file() -> Path | None:
    """The file that --config named; the settings have read their part of it, the rest is ours."""
    context = click.get_current_context()
    return context.params.get("config")


def _require_topics(settings: Settings) -> None:
    """Raises UserError when topics are missing, or when what was delivered would be looked for in a wrong partition."""
    from agents.brokers import preflight, topic_specs
    from schemas import topics

    co_partitioned = [settings.topic(topic) for topic in (topics.ALERTS, topics.PATIENT_STATE, topics.HEARTBEATS)]
    preflight.require_topics(
        settings, [*co_partitioned, topic_specs.delivered(settings)], [settings.topic(topics.ASSESSMENTS)]
    )
