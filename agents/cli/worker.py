"""The command `crs-monitor worker`: runs intake, watch and ticker until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging

import click

from agents.platform.settings import Settings, with_settings

LEVELS = ("debug", "info", "warning", "error")
NOISY = ("faust", "aiokafka", "mode", "asyncio", "agents")  # not below warning
LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"


@click.command("worker")
@with_settings
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
def command(settings: Settings, log_level: str) -> None:
    """Run a worker: intake, watch and ticker.

    Exits 0 after SIGTERM or SIGINT and a clean leave. After any other exit a supervisor should start it again.
    """
    from agents.stream.worker import Worker

    logging.basicConfig(level=log_level.upper(), format=LINE)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(log_level.upper())))

    async def work() -> None:
        await Worker(settings).run()

    asyncio.run(work())
