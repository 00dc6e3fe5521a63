"""Sends a simulated story to the brokers: with a bar on a terminal, a ledger, and a census of who is in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agents.platform.settings import Settings
from agents.platform.signals import stop_requested
from agents.simulation.census import Census
from agents.simulation.sending import Sender, SendingProgress, send_story
from agents.simulation.story import TimedStory

NOT_ALL_ACCEPTED = 1
TOO_LATE_SECONDS = 2.0


class Sending(NamedTuple):
    """What is to be sent, and to which brokers. `events`: how many there will be, 0: unknown."""

    settings: Settings
    story: TimedStory
    events: int
    census: Census | None

    def to(self, sender: Sender, leave: threading.Event, progress: Callable[[SendingProgress], None]) -> None:
        """Sends the story. With a census, those of an earlier run are discharged first, and at the end everybody."""
        if self.census is None:
            send_story(self.story, sender, leave, progress)
            return
        story = chain(self.census.discharges(now_ms()), self.census.follow(self.story))
        send_story(story, sender, leave, progress)
        send_story(self.census.discharges(now_ms()), sender, threading.Event(), progress)


def send(sending: Sending, ledger: Path | None) -> int:
    """Sends the story to the brokers; returns the exit code."""
    since = time.monotonic()
    with stop_requested() as leave, writing(ledger) as lines, progressing(sending.events) as progress:
        sender = Sender(sending.settings, lines)
        sending.to(sender, leave, progress)
    account = sender.account
    took = max(time.monotonic() - since, 0.001)
    click.echo(
        f"{account.sent} events, {account.accepted} accepted, {took:.1f} s, {account.accepted / took:.0f} events/s"
        + (", stopped early" if leave.is_set() else ""),
        err=True,
    )
    if account.behind_seconds > TOO_LATE_SECONDS:
        click.echo(f"the last event was sent {account.behind_seconds:.0f} s late: the rate was not reached", err=True)
    for why, times in account.refused.most_common():
        click.echo(f"crs-monitor: {times} events were not accepted: {why}", err=True)
    return 0 if account.complete else NOT_ALL_ACCEPTED


@contextmanager
def writing(ledger: Path | None) -> Iterator[IO[str] | None]:
    """The ledger, opened before the first event is sent."""
    if ledger is None:
        yield None
        return
    with ledger.open("w", encoding="utf-8") as lines:
        yield lines


@contextmanager
def progressing(count: int) -> Iterator[Callable[[SendingProgress], None]]:
    """A bar on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("sending", total=count or None, counts="")

        def show(account: SendingProgress) -> None:
            on_their_way = account.sent - account.accepted - account.refused.total()
            counts = f"{account.accepted} accepted, {on_their_way} on their way"
            bar.update(task, completed=account.accepted, counts=counts)

        yield show


def now_ms() -> int:
    """The clock on the wall."""
    return round(time.time() * 1000)
