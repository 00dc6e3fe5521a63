"""The demonstration of the whole system: processes, the story in fast time, `verify`, and the report."""

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
from monitor.units import HOUR, to_ms

# The embedded broker keeps the last 5 MB of each partition and compacts nothing, but verify at the end needs all
# that was written. So there are many partitions, and rows and unchanged states are written less often than usual.
PARTITIONS = 32
CHECKPOINT_SECONDS = 5.0
STATE_SECONDS = 60.0
TURN_SECONDS = 0.03
TICK_SECONDS = 0.4
CHECK_SECONDS = 1.0
QUIET_SECONDS = 1.5
SETTLING_SECONDS = 40.0
VERIFY_SECONDS = 120.0


def run(report: Path, hours: int, seconds: float, stay: bool) -> bool:
    """Streams the story, verifies, and writes the report. `hours` of each stay pass in `seconds`.

    `stay`: everything keeps running until Ctrl-C. Returns whether `verify` found no breach.
    Raises UserError when something cannot be started.
    """
    began = monotonic()
    console = console_for()
    with stop_requested() as leave, ExitStack() as closing:
        console.print("Starting an embedded Kafka broker and a worker …")
        processes = Processes(closing, leave)
        settings = closing.enter_context(EmbeddedKafka(PARTITIONS)).settings(
            data_dir=processes.folder / "worker",
            metrics_port=free_port(),
            checkpoint_seconds=CHECKPOINT_SECONDS,
            state_seconds=STATE_SECONDS,
        )
        processes.ours("worker", ["worker", "--log-level", "warning"], settings)
        timeline = prepared(hours)
        processes.wait("worker", lambda: answers(f"http://127.0.0.1:{settings.metrics_port}/readyz"))
        extras = OptionalServices(processes, closing)
        extras.start(settings)
        introduce(console, extras, timeline, seconds)
        client = DemoClient(settings)
        closing.callback(client.close)
        perform(console, processes, client, timeline, seconds, settings.metrics_port)
        console.print("Verifying: the log is judged once more, and compared with all that the live system wrote …")
        verdict = verified(processes, settings)
        console.print(in_one_line(verdict))
        guideline = in_force.load()
        processes.check()
        tally, charts = replay_report(guideline, client.log(), settings)
        processes.check()
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
                processes.check()
                sleep(CHECK_SECONDS)
    return bool(verdict["ok"])


def prepared(hours: int) -> Schedule:
    """The stays and the scripted patient, from the present hour on."""
    try:
        stays = recorded(open_source("clif", [str(demo_dir())]))
    except ClifError as error:
        raise UserError(str(error)) from error
    now = round(time() * 1000)
    return schedule(stays, now - now % HOUR + HOUR, hours)


def introduce(console: Console, extras: OptionalServices, timeline: Schedule, seconds: float) -> None:
    """Prints what will be shown, and the addresses of the pages."""
    length = (timeline.ends - timeline.begins) / HOUR
    console.print(
        f"134 real ICU stays and one scripted patient with CRS: {length:.0f} hours of {timeline.left():,} events in "
        f"{seconds:.0f} s. Tocilizumab is injected by the rules, and marked."
    )
    for name, address in extras.places.items():
        console.print(f"  {name}: {address}")
    if extras.missing:
        console.print(f"  not installed here, so left out: {', '.join(extras.missing)}")


def perform(
    console: Console,
    processes: Processes,
    client: DemoClient,
    timeline: Schedule,
    seconds: float,
    metrics_port: int,
) -> None:
    """Sends the story, and shows the alerts that come back."""
    clock = StoryClock(timeline, seconds, lambda: behind(metrics_port))

    def give(dose: PatientEventType, _still: object) -> None:
        timeline.add(max(to_ms(dose.effective_at), clock.at), dose.model_dump(mode="json", exclude_none=True))

    injector = DoseInjector(give)
    ticked = looked = monotonic()
    with LiveView(console, timeline) as board:

        def show_alerts() -> None:
            for alert in client.alerts():
                board.on_alert(alert)
                # The doses of the scripted patient are in the script.
                if alert.patient_id != scripted.PATIENT:
                    injector.on_alert(alert)
            board.show(clock.at, client.sent)

        while not clock.ended:
            clock.advance()
            for event in timeline.due(clock.at):
                client.send(event)
            if (now := monotonic()) - ticked >= TICK_SECONDS:
                ticked = now
                client.tick(clock.ticked_at)
            if now - looked >= CHECK_SECONDS:
                looked = now
                processes.check()
            show_alerts()
            sleep(TURN_SECONDS)
        client.flush()
        # Events still in intake must come before the last tick, and be judged before verify begins.
        for ends in (clock.ticked_at, timeline.ends):
            client.tick(ends)
            client.flush()
            until = monotonic() + SETTLING_SECONDS
            quiet = monotonic() + QUIET_SECONDS
            while monotonic() < until and (monotonic() < quiet or behind(metrics_port)):
                processes.check()
                show_alerts()
    if clock.shortened:
        console.print(f"This machine is busy: the story was ended at +{since(timeline.ends, timeline)}.")
    if client.refused:
        raise UserError(f"{client.refused} messages were not accepted by the embedded broker")


def verified(processes: Processes, settings: Settings) -> Mapping[str, Any]:
    """The result of `crs-monitor verify`. Raises UserError when it prints nothing."""
    command = [sys.executable, "-m", "agents.cli.main", "verify"]
    with ExitStack() as closing:
        output, errors = (closing.enter_context(TemporaryFile("w+", encoding="utf-8")) for _ in range(2))
        process = child_processes.start(command, env=environment(settings), stdout=output, stderr=errors)
        closing.callback(child_processes.end, [process])
        processes.wait("verify", lambda: process.poll() is not None, VERIFY_SECONDS)
        lines, messages = lines_of(output), lines_of(errors)
    if not lines:
        raise UserError(f"verify printed nothing: {messages[-1:]}")
    return dict(json.loads(lines[-1]))


def lines_of(file: IO[str]) -> list[str]:
    """The lines of an output file."""
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
    """Prints where report, pager page and attribution are."""
    if extras.pager is not None:
        got = ", ".join(f"{count} {act}" for act, count in sorted(extras.pager.counts.items())) or "nothing"
        kept = report.with_name("pager.html")
        kept.write_text(extras.pager.page().replace("<meta http-equiv=refresh content=2>", ""), encoding="utf-8")
        console.print(f"The pager got: {got} ({kept})", soft_wrap=True)
    console.print(ATTRIBUTION)
    console.print(f"Report: {report.resolve()} (open it in a browser; all of it took {seconds:.0f} s)", soft_wrap=True)
