"""A progress bar while a source is read, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agents.feeds.source import Source

LINES_PER_UPDATE = 512
Record = TypeVar("Record")


def watched(source: Source[Record], console: Console | None = None) -> Iterator[Record]:
    """The records of a source, with a progress bar if `console` (standard error by default) is a terminal."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield from source
        return
    columns = (
        SpinnerColumn(),
        TextColumn("replaying", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]:,} lines", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=source.total or None, lines=0)
        for number, record in enumerate(source, start=1):
            yield record
            if number % LINES_PER_UPDATE == 0:
                progress.update(task, completed=source.read, lines=number)
