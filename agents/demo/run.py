"""The demonstration of the whole system: broker, worker, pager; a story in fast time; then the proof and the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep, time
from typing import IO, Any

from rich.console import Console
from rich.text import Text

from agents.brokers.embedded import EmbeddedKafka
from agents.demo import scripted
from agents.demo.board import LiveView, since
from agents.demo.kafka_client import DemoClient
from agents.demo.offline import ATTRIBUTION, in_words
from agents.demo.optional_services import OptionalServices
from agents.demo.processes import Processes, answers, environment, free_port
from agents.demo.replay_report import replay_report
from agents.demo.schedule import Schedule, schedule
from agents.demo.story_clock import StoryClock, behind
from agents.feeds.clif.demo_data import demo_dir
from agents.feeds.clif.errors import ClifError
from agents.feeds.registry import open_source
from agents.platform import child_processes
from agents.platform.errors import UserError
from agents.platform.settings import Settings
from agents.platform.signals import stop_requested
from agents.replay.injected_doses import DoseInjector
from agents.replay.summary import console_for, summary
from agents.report.narrative import story_of
from agents.report.page import CLIF_SOURCE, write_page
from agents.simulation.stays import recorded
from monitor.guidelines import in_force
from monitor.step import PatientEventType
from monitor.units.instants import HOUR, to_ms

# The embedded broker keeps the last 5 MB of each partition and compacts nothing, but the proof at the end needs all
# that was written. So there are many partitions, and rows and unchanged states are written less often than usual.
PARTITIONS = 32
CHECKPOINT_SECONDS = 5.0
STATE_SECONDS = 60.0
TURN_SECONDS = 0.03
TICK_SECONDS = 0.4
LOOK_SECONDS = 1.0
LAST_WORDS_SECONDS = 1.5
SETTLING_SECONDS = 40.0
VERIFY_SECONDS = 120.0


def run(report: Path, hours: int, seconds: float, stay: bool) -> bool:
    """Plays, proves, reports. `hours` of each stay in so many `seconds`; `stay`: all keeps running until Ctrl-C.

    Gives whether `verify` found everything as it should be. Raises UserError when something cannot be started.
    """
    began = monotonic()
    console = console_for()
    with stop_requested() as leave, ExitStack() as closing:
        console.print("Starting an embedded Kafka broker and a worker …")
        cast = Processes(closing, leave)
        settings = closing.enter_context(EmbeddedKafka(PARTITIONS)).settings(
            data_dir=cast.folder / "worker",
            metrics_port=free_port(),
            checkpoint_seconds=CHECKPOINT_SECONDS,
            state_seconds=STATE_SECONDS,
        )
        cast.ours("worker", ["worker", "--log-level", "warning"], settings)
        play = prepared(hours)
        cast.wait("worker", lambda: answers(f"http://127.0.0.1:{settings.metrics_port}/readyz"))
        extras = OptionalServices(cast, closing)
        extras.start(settings)
        introduce(console, extras, play, seconds)
        line = DemoClient(settings)
        closing.callback(line.close)
        perform(console, cast, line, play, seconds, settings.metrics_port)
        console.print("Verifying: the log is judged once more, and compared with all that the live system wrote …")
        verdict = verified(cast, settings)
        console.print(in_one_line(verdict))
        guideline = in_force.load()
        cast.check()
        tally, charts = replay_report(guideline, line.log(), settings.partitions)
        cast.check()
        story = story_of(
            charts.by_patient[scripted.PATIENT], "The scripted patient, in words", "Made up; all others are real."
        )
        write_page(report, tally, charts, CLIF_SOURCE, story)
        console.print(summary(tally))
        console.print(in_words(story))
        close(console, extras, report, monotonic() - began)
        if stay:
            console.print("Everything keeps running. Ctrl-C ends it.")
            while True:
                cast.check()
                sleep(LOOK_SECONDS)
    return bool(verdict["ok"])


def prepared(hours: int) -> Schedule:
    """The stays and the scripted patient, from the present hour on."""
    try:
        stays = recorded(open_source("clif", [str(demo_dir())]))
    except ClifError as error:
        raise UserError(str(error)) from error
    now = round(time() * 1000)
    return schedule(stays, now - now % HOUR + HOUR, hours)


def introduce(console: Console, extras: OptionalServices, play: Schedule, seconds: float) -> None:
    """What is about to be seen, and where else to look."""
    length = (play.ends - play.begins) / HOUR
    console.print(
        f"134 real ICU stays and one scripted patient with CRS: {length:.0f} hours of {play.left():,} events in "
        f"{seconds:.0f} s. Tocilizumab is injected by the rules, and marked."
    )
    for name, address in extras.places.items():
        console.print(f"  {name}: {address}")
    if extras.missing:
        console.print(f"  not installed here, so left out: {', '.join(extras.missing)}")


def perform(
    console: Console, cast: Processes, line: DemoClient, play: Schedule, seconds: float, metrics_port: int
) -> None:
    """Sends the story, and shows the alerts that come back."""
    pace = StoryClock(play, seconds, lambda: behind(metrics_port))

    def give(dose: PatientEventType, _still: object) -> None:
        play.add(max(to_ms(dose.effective_at), pace.at), dose.model_dump(mode="json", exclude_none=True))

    pharmacy = DoseInjector(give)
    ticked = looked = monotonic()
    with LiveView(console, play) as board:

        def listen() -> None:
            for alert in line.alerts():
                board.hear(alert)
                # The scripted patient has a pharmacy of their own: the script.
                if alert.patient_id != scripted.PATIENT:
                    pharmacy.on_alert(alert)
            board.show(pace.at, line.sent)

        while not pace.over:
            pace.go_on()
            for event in play.due(pace.at):
                line.send(event)
            if (now := monotonic()) - ticked >= TICK_SECONDS:
                ticked = now
                line.tick(pace.ticked_at)
            if now - looked >= LOOK_SECONDS:
                looked = now
                cast.check()
            listen()
            sleep(TURN_SECONDS)
        line.flush()
        # What is still on its way through intake comes before the last tick, and all of it is judged before the proof.
        for ends in (pace.ticked_at, play.ends):
            line.tick(ends)
            line.flush()
            until = monotonic() + SETTLING_SECONDS
            quiet = monotonic() + LAST_WORDS_SECONDS
            while monotonic() < until and (monotonic() < quiet or behind(metrics_port)):
                cast.check()
                listen()
    if pace.shortened:
        console.print(f"This machine is busy: the story was ended at +{since(play.ends, play)}.")
    if line.refused:
        raise UserError(f"{line.refused} messages were not accepted by the embedded broker")


def verified(cast: Processes, settings: Settings) -> Mapping[str, Any]:
    """What `crs-monitor verify` says. Raises UserError when it says nothing."""
    command = [sys.executable, "-m", "agents.cli.main", "verify"]
    with ExitStack() as closing:
        said, complaint = (closing.enter_context(TemporaryFile("w+", encoding="utf-8")) for _ in range(2))
        process = child_processes.start(command, env=environment(settings), stdout=said, stderr=complaint)
        closing.callback(child_processes.end, [process])
        cast.wait("verify", lambda: process.poll() is not None, VERIFY_SECONDS)
        lines, complaints = lines_of(said), lines_of(complaint)
    if not lines:
        raise UserError(f"verify said nothing: {complaints[-1:]}")
    return dict(json.loads(lines[-1]))


def lines_of(file: IO[str]) -> list[str]:
    """What somebody has written there."""
    file.seek(0)
    return file.read().strip().splitlines()


def in_one_line(verdict: Mapping[str, Any]) -> Text:
    """The verdict for people."""
    counted = (
        f"{verdict['patients']:,} patients, {verdict['events']:,} log records, {verdict['alerts']:,} alert messages"
    )
    if verdict["ok"]:
        return Text(f"verify: ok. {counted}: nothing missing, nothing spurious, every state equal.", style="bold green")
    found = ", ".join(
        f"{verdict[name]} {name.replace('_', ' ')}" for name in ("missing", "spurious", "state_mismatches")
    )
    return Text(f"verify: NOT ok. {counted}; {found}; first: {verdict['first']}", style="bold red")


def close(console: Console, extras: OptionalServices, report: Path, seconds: float) -> None:
    """Where to look now."""
    if extras.pager is not None:
        got = ", ".join(f"{count} {act}" for act, count in sorted(extras.pager.counts.items())) or "nothing"
        kept = report.with_name("pager.html")
        kept.write_text(extras.pager.page().replace("<meta http-equiv=refresh content=2>", ""), encoding="utf-8")
        console.print(f"The pager got: {got} ({kept})", soft_wrap=True)
    console.print(ATTRIBUTION)
    console.print(f"Report: {report.resolve()} (open it in a browser; all of it took {seconds:.0f} s)", soft_wrap=True)
