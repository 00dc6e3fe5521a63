"""A progress bar for `verify` and `rebuild`, on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn


class ProgressBar:
    """A Progress on standard error, hidden when that is not a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        """`console`: where to draw instead of standard error, also when it is not a terminal."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        hidden = console is None and not sys.stderr.isatty()
        self._bar = Progress(*columns, console=console or Console(stderr=True), transient=True, disable=hidden)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, what: str, records: int) -> None:
        """Starts a bar for one part of the work: `records` are to be read."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=records)

    def advance(self, records: int) -> None:
        """Moves the bar on by `records`."""
        if self._task is not None:
            self._bar.advance(self._task, records)
