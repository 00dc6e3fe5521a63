"""`crs-monitor simulate`: a seeded ward, or recorded stays, onto Kafka's feed topics or standard output."""

from __future__ import annotations

import json
from itertools import islice, takewhile
from pathlib import Path

import click

from agents.brokers.preflight import require_topics
from agents.cli.simulate_sending import Sending, now_ms, send
from agents.feeds.registry import open_source
from agents.platform.errors import UserError
from agents.platform.extras import require_extra
from agents.platform.settings import Settings, with_settings
from agents.simulation.census import Census
from agents.simulation.live_ward import WardPlan, simulate
from agents.simulation.stays import recorded, starting_now
from agents.simulation.story import TimedStory
from agents.simulation.story import to_ms as story_ms
from schemas.topics import FEEDS

WARD_SECONDS = 60.0
SPEED_UP = 600.0
SPEED_UP_IS_FOR_STAYS = "--speed-up is for recorded stays (--clif); a ward has --rate and --pace"
LEDGER_IS_FOR_BROKERS = "--ledger says what brokers have accepted; with --stdout there are none"
CENSUS_IS_FOR_BROKERS = "--census is for a run that lasts; --stdout writes everything at once"


@click.command("simulate")
@with_settings
@click.option("--patients", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Occupied beds.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=100.0, show_default=True, help="Events/s.")
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="Seconds. [default: 60; with --clif: all]")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed tells the same story.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Write accepted events there: id, topic, offset.")
@click.option(
    "--census",
    type=click.Path(path_type=Path),
    help="Keep there who is in, under --data-dir: discharged at the end, or at the next start after a run without one.",
)
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
    census: Path | None,
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
    refuse(clif is None and speed_up is not None, SPEED_UP_IS_FOR_STAYS)
    refuse(to_stdout and ledger is not None, LEDGER_IS_FOR_BROKERS)
    refuse(to_stdout and census is not None, CENSUS_IS_FOR_BROKERS)
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
    raise SystemExit(send(Sending(settings, story, count, kept_in(settings, census)), ledger))


def refuse(wrong: bool, why: str) -> None:
    """Raises a usage error when the options do not go together."""
    if wrong:
        raise click.UsageError(why)


def kept_in(settings: Settings, census: Path | None) -> Census | None:
    """The census in this file of the data directory, which is made when it is not there."""
    if census is None:
        return None
    path = settings.data_dir / census
    path.parent.mkdir(parents=True, exist_ok=True)
    return Census(path)


def stays_now(clif: Path, start_ms: int | None, speed_up: float, duration: float | None) -> TimedStory:
    """Recorded stays. They begin when they have been read, which takes seconds."""

    events = recorded(open_source("clif", [str(clif)]))
    begin_ms = start_ms or now_ms()
    story = starting_now(events, begin_ms, speed_up)
    return story if duration is None else takewhile(lambda due: due.at_ms < begin_ms + duration * 1000, story)


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
