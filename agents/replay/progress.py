"""A progress bar over a source of records, when a person looks on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agents.feeds.ndjson import SourceRecord
from agents.replay.replay import EventSource

LINES_A_GLANCE = 512


def watched(source: EventSource, console: Console | None = None) -> Iterator[SourceRecord]:
    """The source's lines, with a progress bar when a person looks on."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield from source
        return
    columns = (
        SpinnerColumn(),
        TextColumn("replaying"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=source.total or None, lines=0)
        for number, line in enumerate(source, start=1):
            yield line
            if number % LINES_A_GLANCE == 0:
                progress.update(task, completed=source.read, lines=number)
