"""`crs-monitor worker`: intake, watch and ticker, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging

import click

from agents.platform.settings import Settings, with_settings

LEVELS = ("debug", "info", "warning", "error")
LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"


@click.command("worker")
@with_settings
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def command(settings: Settings, log_level: str) -> None:
    """Run a worker: intake, watch and ticker.

    Exits 0 after SIGTERM or SIGINT and a clean leave; after anything else whoever runs it starts it again.
    """
    from agents.stream.worker import Worker

    logging.basicConfig(level=log_level.upper(), format=LINE)
    for chatty in ("faust", "aiokafka", "mode", "asyncio", "agents"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(log_level.upper())))

    async def work() -> None:
        await Worker(settings).run()

    asyncio.run(work())
