"""The command `crs-monitor worker`: runs intake, watch and ticker until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio

import click

from agents.platform.logging_setup import log_level_option, set_up_logging
from agents.platform.settings import Settings, with_settings


@click.command("worker")
@with_settings
@log_level_option
def command(settings: Settings, log_level: str) -> None:
    """Run a worker: intake, watch and ticker.

    Exits 0 after SIGTERM or SIGINT and a clean leave. After any other exit a supervisor should start it again.
    """
    from agents.stream.worker import Worker

    set_up_logging(log_level)

    async def work() -> None:
        await Worker(settings).run()

    asyncio.run(work())
