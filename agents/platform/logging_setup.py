"""Logging of every process: one line format on standard error, and libraries that log only warnings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import click

LEVELS = ("debug", "info", "warning", "error")
LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"
# The message alone, for a process whose messages are JSON objects.
JSON_LINE = "%(message)s"
# At INFO they log every request: that is a lot, and addresses may hold keys. `agents` is a logger of Faust.
LIBRARIES = ("agents", "aiohttp", "aiokafka", "alembic", "asyncio", "faust", "kafka", "mode", "requests", "urllib3")
REPEAT_SECONDS = 10.0
ClickFunction = TypeVar("ClickFunction", bound=Callable[..., Any])


def log_level_option(command: ClickFunction) -> ClickFunction:
    """Adds the option --log-level to a click command."""
    return click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)(command)


def set_up_logging(level: str = "info", *, libraries: int = logging.WARNING, line: str = LINE) -> None:
    """Logs from `level` (a name of LEVELS) on to standard error; libraries only from `libraries` on."""
    logging.basicConfig(level=level.upper(), format=line)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(libraries, logging.getLevelName(level.upper())))


def limit_repeats() -> None:
    """Lets every handler pass a repeated message of the Kafka client once in REPEAT_SECONDS."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(RepeatFilter())


class RepeatFilter(logging.Filter):
    """Drops repeats of aiokafka's messages: while brokers are away it logs the same ones many times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_at: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True when the record passes; records of our own code always do."""
        if not record.name.startswith("aiokafka"):
            return True
        passed_at = self._passed_at.get((record.name, record.msg))
        if passed_at is not None and record.created - passed_at < REPEAT_SECONDS:
            return False
        self._passed_at[record.name, record.msg] = record.created
        return True
