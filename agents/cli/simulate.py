"""`crs-monitor simulate`: a seeded ward, or recorded stays, onto Kafka's feed topics or standard output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice, takewhile
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agents.brokers.preflight import require_topics
from agents.feeds.registry import open_source
from agents.platform.errors import UserError
from agents.platform.extras import require_extra
from agents.platform.settings import Settings, with_settings
from agents.platform.signals import stop_requested
from agents.simulation.live_ward import WardPlan, simulate
from agents.simulation.sending import Sender, SendingProgress, send_story
from agents.simulation.stays import recorded, starting_now
from agents.simulation.story import TimedStory
from agents.simulation.story import to_ms as story_ms
from schemas.topics import FEEDS

NOT_ALL_ACCEPTED = 1
WARD_SECONDS = 60.0
SPEED_UP = 600.0
TOO_LATE_SECONDS = 2.0


@click.command("simulate")
@with_settings
@click.option("--patients", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Occupied beds.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=100.0, show_default=True, help="Events/s.")
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="Seconds. [default: 60; with --clif: all]")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed tells the same story.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Write accepted events there: id, topic, offset.")
@click.option(
    "--pace",
    type=click.FloatRange(1),
    default=600.0,
    show_default=True,
    help="How many times faster than at a bedside patients fall ill; event times stay near now.",
)
@click.option("--clif", type=click.Path(path_type=Path), help="Recorded stays (CLIF 2.x directory) instead of a ward.")
@click.option("--speed-up", type=click.FloatRange(0, min_open=True), help="With --clif: times faster. [default: 600]")
@click.option("--start", metavar="TIME", help="When the story begins (ISO 8601 with offset); left out: now.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Write NDJSON at once, in arrival order; no broker.")
def command(
    settings: Settings,
    patients: int,
    rate: float,
    duration: float | None,
    seed: int,
    ledger: Path | None,
    pace: float,
    clif: Path | None,
    speed_up: float | None,
    start: str | None,
    to_stdout: bool,
) -> None:
    """Send a simulated ward to the four feed topics; no patient in it is real.

    Exit code 0 when every event was accepted by the brokers, 1 when not. Ctrl-C stops it cleanly: what is on its way is
    waited for, and the ledger is complete.
    """
    if clif is None and speed_up is not None:
        raise click.UsageError("--speed-up is for recorded stays (--clif); a ward has --rate and --pace")
    if to_stdout and ledger is not None:
        raise click.UsageError("--ledger says what brokers have accepted; with --stdout there are none")
    if clif is not None:
        require_extra("replay", "--clif")
    start_ms = None if start is None else instant(start)
    if not to_stdout:
        require_feeds(settings)
    if clif is None:
        count = max(1, round(rate * (duration or WARD_SECONDS)))
        story: TimedStory = islice(simulate(WardPlan(patients, rate, seed, start_ms or now_ms(), pace)), count)
    else:
        count, story = 0, stays_now(clif, start_ms, speed_up or SPEED_UP, duration)
    if to_stdout:
        for due in story:
            click.echo(json.dumps(due.event))
        return
    raise SystemExit(send(settings, story, ledger, count))


def stays_now(clif: Path, start_ms: int | None, speed_up: float, duration: float | None) -> TimedStory:
    """Recorded stays. They begin when they have been read, which takes seconds."""

    events = recorded(open_source("clif", [str(clif)]))
    begin_ms = start_ms or now_ms()
    story = starting_now(events, begin_ms, speed_up)
    return story if duration is None else takewhile(lambda due: due.at_ms < begin_ms + duration * 1000, story)


def now_ms() -> int:
    """The clock on the wall."""
    return round(time.time() * 1000)


def send(settings: Settings, story: TimedStory, ledger: Path | None, count: int) -> int:
    """Sends the story to the brokers; returns the exit code. `count`: how many events there will be, 0: unknown."""
    since = time.monotonic()
    with stop_requested() as leave, writing(ledger) as lines, progressing(count) as progress:
        sender = Sender(settings, lines)
        send_story(story, sender, leave, progress)
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


def require_feeds(settings: Settings) -> None:
    """Raises UserError when brokers or feed topics are not there."""
    require_topics(settings, (), [settings.topic(feed) for feed in FEEDS], 5.0)


def instant(written: str) -> int:
    """An instant from the command line, in ms."""
    try:
        at_ms = story_ms(written)
        aware = written[10:].rstrip().endswith(("Z", "z")) or any(sign in written[10:] for sign in "+-")
    except ValueError as error:
        raise UserError(f"--start {written}: expected ISO 8601 with offset, e.g. 2026-05-01T08:00:00+02:00") from error
    if not aware:
        raise UserError(f"--start {written}: say the offset too, e.g. 2026-05-01T08:00:00+02:00")
    return at_ms
