"""Patient ids, drug names, units and file names are printed as they are, also when they look like rich's markup."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from agents.cli.main import main
from agents.demo.board import LiveView
from agents.demo.offline import in_words
from agents.demo.schedule import schedule
from agents.feeds.source import SourceRecord
from agents.replay.replay import Replay
from agents.replay.statistics import Statistics
from agents.replay.summary import console_for, summary
from agents.report.narrative import Narrative
from agents.verify.progress_bar import ProgressBar
from monitor.guidelines import in_force
from schemas.alerts import Alert
from schemas.decode import decode
from tests.replay.event_files import course, line, medication, vitals, write

# A closing tag without its opening one, a style, a link, an emoji code: each is changed or refused as markup.
LOOKS_LIKE_MARKUP = ["[/red]x", "[red]x[/red]", "[link=http://example.org]x", "a:bed:b", "x[/]", "\\[x]"]


def any_alert() -> Alert:
    """An alert of a patient with a fever."""
    alerts: list[Alert] = []
    replayed = Replay(in_force.load(), [lambda judged: alerts.extend(judged.step.alerts)], lambda _: None, None)
    for number, event in enumerate(course(), start=1):
        payload = line(event)
        replayed.take(SourceRecord("file", number, payload, decode(payload)))
    return alerts[0]


def replay(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_the_summary_of_a_replay_names_the_patient_as_the_feed_does(tmp_path: Path, text: str) -> None:
    done = replay(write(tmp_path / "in", *course(text)))
    assert done.exit_code == 0, done.output
    assert text in done.stdout


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_unknown_fields_and_unmapped_drugs_and_units_are_named_as_the_feed_does(text: str) -> None:
    tally = Statistics(in_force.load())
    tally.count_unknown_fields((text,))
    written = StringIO()
    # Also on a console that reads markup: the summary itself is plain text.
    Console(file=written, width=200).print(summary(tally, Counter({f"drug {text}": 2, f"dose unit {text}": 1})))
    assert f"1 {text}" in written.getvalue()
    assert f"2 drug {text}, 1 dose unit {text}" in written.getvalue()


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_drug_and_unit_and_file_names_in_dead_letters_are_printed(tmp_path: Path, text: str) -> None:
    file = tmp_path / text.replace("/", "")
    bad = medication("10:00", text, "given", dose=1, dose_unit=text)
    done = replay(write(file, vitals("09:00", heart_rate_per_min=80), bad))
    assert done.exit_code == 3, done.output
    assert f"{file}:2: " in done.stderr


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_a_console_prints_a_file_name_as_it_is(capsys: pytest.CaptureFixture[str], text: str) -> None:
    console_for().print(f"Report: /tmp/{text}.html", soft_wrap=True)
    assert capsys.readouterr().out == f"Report: /tmp/{text}.html\n"


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_the_live_view_of_the_demonstration_names_patient_and_alert(text: str) -> None:
    written = StringIO()
    console = Console(file=written, width=200)
    view = LiveView(console, schedule([], 0, 1))
    view.on_alert(any_alert().model_copy(update={"patient_id": text, "title": f"Title {text}"}))
    console.print(view.view())
    assert f"Title {text}" in written.getvalue()
    assert written.getvalue().count(text) == 2


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_the_story_in_words_is_printed_as_it_is(text: str) -> None:
    written = StringIO()
    story = Narrative(f"Patient {text}", f"why {text}", 1, (f"Given {text}.",))
    Console(file=written, width=200).print(in_words(story))
    assert written.getvalue().count(text) == 3


@pytest.mark.parametrize("text", LOOKS_LIKE_MARKUP)
def test_the_progress_bar_of_verify_prints_any_topic_name(text: str) -> None:
    written = StringIO()
    bar = ProgressBar(Console(file=written, force_terminal=True, width=200))
    with bar:
        bar.begin(f"the topic {text}", 10)
        bar.advance(10)
    assert f"the topic {text}" in written.getvalue()
