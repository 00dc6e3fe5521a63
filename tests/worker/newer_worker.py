"""A worker of a planted next build: notes are new in its log format 2, and its heartbeats say that it reads it."""

from __future__ import annotations

import sys

from agents.cli.main import main
from schemas import log_format

if __name__ == "__main__":
    log_format.SINCE["note"] = log_format.LOG_FORMAT = 2
    sys.argv.insert(1, "worker")
    main()
