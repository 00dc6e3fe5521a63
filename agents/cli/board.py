"""`crs-monitor board`: serves the ward on an authenticated web page, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import click

from agents.platform.errors import UserError
from agents.platform.settings import Settings, with_settings

LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"
CHATTY = ("aiokafka", "aiohttp", "asyncio", "kafka")


@click.command("board")
@with_settings
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: any that is free. [default: 8780]")
@click.option("--certificate", type=click.Path(path_type=Path), help="Our certificate (PEM), for HTTPS.")
@click.option("--key", type=click.Path(path_type=Path), help="Its key (PEM).")
@click.option("--behind-proxy", metavar="URL", help="The address people use, when a proxy does the TLS.")
@click.option("--show-ids", is_flag=True, default=None, help="Show patient ids beside the opaque references.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(settings: Settings, log_level: str, **options: Any) -> None:
    """Show the ward on an authenticated page.

    The token that people enter comes from CRS_BOARD_TOKEN or CRS_BOARD_TOKEN_FILE; on loopback, without one, a token
    is generated and printed. Decision support: not a medical device, and not a primary alarm.
    """
    from agents.board import config
    from agents.board.process import BoardProcess

    plan = config.load(click.get_current_context().params.get("config"), **options)
    plan.ssl_context()
    logging.basicConfig(level=log_level.upper(), format=LINE)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    partitions = _demand(settings)

    async def show() -> None:
        await BoardProcess(settings, plan, partitions, click.echo).run()

    asyncio.run(show())


def _demand(settings: Settings) -> int:
    """The partitions of the ward. Raises UserError when a topic that we need is missing."""
    from agents.brokers import preflight
    from schemas import topics

    there = preflight.describe_topics(settings)
    co_partitioned = [settings.topic(topic) for topic in (topics.PATIENT_STATE, topics.ALERTS, topics.HEARTBEATS)]
    names = [*co_partitioned, settings.topic(topics.ASSESSMENTS)]
    for name in names:
        if name not in there:
            raise UserError(f"topic {name} is missing; {preflight.ADVICE}")
    counts = {name: there[name].partitions for name in co_partitioned}
    for name, count in counts.items():
        if count != counts[names[0]]:
            raise UserError(
                f"topic {names[0]} has {counts[names[0]]} partitions, {name} has {count}: they must have equally many"
            )
    return counts[names[0]]
