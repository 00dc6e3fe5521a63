"""Starts a board as a child process for a demonstration, on a free port; it ends with the parent process."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from agents.platform import child_processes
from agents.platform.errors import UserError
from agents.platform.kafka_connection import BOOTSTRAP
from agents.platform.settings import Settings

URL_LINE = "board: "


class Launched(NamedTuple):
    """A running board: address, token, process."""

    url: str
    token: str
    process: subprocess.Popen[Any]


@contextmanager
def launched(settings: Settings, *options: str, log: IO[Any] | int = subprocess.DEVNULL) -> Iterator[Launched]:
    """A running board, ended on exit. `options`: more command-line options; `log`: where its log is written.

    The port is any free one, unless the options give another. Raises UserError when the board does not start.
    """
    token = secrets.token_urlsafe(24)
    others = {name: value for name, value in os.environ.items() if not name.startswith("CRS_")}
    environment = others | {
        BOOTSTRAP: settings.bootstrap_servers,
        "CRS_TOPIC_PREFIX": settings.topic_prefix,
        "CRS_PARTITIONS": str(settings.partitions),
        "CRS_FETCH_WAIT_MS": str(settings.fetch_wait_ms),
        "CRS_BOARD_TOKEN": token,
    }
    command = [sys.executable, "-m", "agents.cli.main", "board", "--port", "0", *options]
    process = child_processes.start(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None, "piped"
        line = process.stdout.readline().strip()
        if not line.startswith(URL_LINE):
            raise UserError("the board did not start; its log says why")
        yield Launched(line.removeprefix(URL_LINE), token, process)
    finally:
        child_processes.end([process])
        if process.stdout is not None:
            process.stdout.close()
