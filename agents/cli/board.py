"""`crs-monitor board`: serves the ward on an authenticated web page, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import click

from agents.platform.logging_setup import log_level_option, set_up_logging
from agents.platform.settings import Settings, with_settings


@click.command("board")
@with_settings
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0: any that is free. [default: 8780]")
@click.option("--certificate", type=click.Path(path_type=Path), help="Our certificate (PEM), for HTTPS.")
@click.option("--key", type=click.Path(path_type=Path), help="Its key (PEM).")
@click.option("--behind-proxy", metavar="URL", help="The address people use, when a proxy does the TLS.")
@click.option("--show-ids", is_flag=True, default=None, help="Show patient ids beside the opaque references.")
@log_level_option
def command(settings: Settings, log_level: str, **options: Any) -> None:
    """Show the ward on an authenticated page.

    The token that people enter comes from CRS_BOARD_TOKEN or CRS_BOARD_TOKEN_FILE; on loopback, without one, a token
    is generated and printed. Decision support: not a medical device, and not a primary alarm.
    """
    from agents.board import config
    from agents.board.process import BoardProcess

    board_config = config.load(click.get_current_context().params.get("config"), **options)
    board_config.ssl_context()
    set_up_logging(log_level, libraries=logging.ERROR)
    partitions = _require_topics(settings)

    async def show() -> None:
        await BoardProcess(settings, board_config, partitions, click.echo).run()

    asyncio.run(show())


def _require_topics(settings: Settings) -> int:
    """The number of partitions. Raises UserError when a topic is missing or has another number of them."""
    from agents.brokers import preflight
    from schemas import topics

    co_partitioned = [settings.topic(topic) for topic in (topics.PATIENT_STATE, topics.ALERTS, topics.HEARTBEATS)]
    return preflight.require_topics(settings, co_partitioned, [settings.topic(topics.ASSESSMENTS)])
