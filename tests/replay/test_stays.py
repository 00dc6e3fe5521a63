"""134 real ICU stays: the whole way from parquet to the report, calm, and the same every time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import plotly.graph_objects as go
import pytest

from agents.feeds.clif.demo_data import demo_dir
from agents.feeds.clif.source import ClifEvents
from agents.replay.injected_doses import DoseInjector
from agents.replay.replay import Replay
from agents.report.collect import Charts
from agents.report.narrative import most_instructive
from agents.report.page import CLIF_SOURCE, page
from agents.report.timeline import timeline
from monitor.guidelines import in_force
from schemas.dead_letters import DeadLetter

pytestmark = pytest.mark.slow
GUIDELINE = in_force.load()


class Ward:
    """One replay of all stays, with or without tocilizumab by the rules."""

    def __init__(self, *, inject: bool) -> None:
        self.charts = Charts(GUIDELINE)
        self.letters: list[DeadLetter] = []
        self.pharmacy = DoseInjector(lambda dose, still: self.replay.playback.plan(dose, still))
        watchers = [self.charts.watch, *([self.pharmacy.observe] if inject else [])]
        self.replay = Replay(GUIDELINE, watchers, self.letters.append, None)
        for record in ClifEvents(demo_dir()):
            self.replay.take(record)
        self.replay.finish()
        self.charts.finish(self.replay.patients.states)


@pytest.fixture(scope="module")
def recorded() -> Ward:
    return Ward(inject=False)


@pytest.fixture(scope="module")
def treated() -> Ward:
    return Ward(inject=True)


def test_all_of_it_is_judged(recorded: Ward) -> None:
    tally = recorded.replay.tally
    assert len(tally.stays) == 134
    assert recorded.replay.patients.defects == Counter()
    assert set(tally.dead_letters) == {"implausible_value"}
    assert all(state.monitoring for state in recorded.replay.states())


def test_no_alert_flaps(recorded: Ward, treated: Ward) -> None:
    for ward in (recorded, treated):
        tally = ward.replay.tally
        raised = sum(tally.raised().values())
        print(f"{raised} alerts in {tally.patient_days:.0f} patient-days: {tally.per_day(raised)} a patient-day")
        assert tally.flaps == 0
        assert 0 < raised / tally.patient_days < 3


def test_the_record_holds_no_tocilizumab_and_what_was_injected_is_marked(recorded: Ward, treated: Ward) -> None:
    def doses(ward: Ward) -> list[bool]:
        charts = ward.charts.by_patient.values()
        return [given.injected for chart in charts for given in chart.doses.values() if given.role == "tocilizumab"]

    assert doses(recorded) == []
    assert len(doses(treated)) == sum(treated.pharmacy.injected.values()) > 100
    assert all(doses(treated))


def test_injected_doses_keep_to_the_rules(treated: Ward) -> None:
    for chart in treated.charts.by_patient.values():
        given = sorted(dose.at for dose in chart.doses.values() if dose.injected)
        assert len(given) <= 4
        assert all(later - earlier >= 8 * 3_600_000 for earlier, later in pairwise(given))
        assert all(later - earlier >= 24 * 3_600_000 for earlier, later in zip(given, given[3:], strict=False))
        assert all((dose.dose_mg or 0) <= 800 for dose in chart.doses.values() if dose.injected)


def test_the_chosen_story_fulfils_its_rule(treated: Ward) -> None:
    story = most_instructive(treated.charts.by_patient.values())
    assert story is not None
    whole = " ".join(story.sentences)
    assert 8 <= len(story.sentences) <= 18
    for words in ("CRS is suspected", "Tocilizumab indicated", "injected by the demonstration", "The grade fell"):
        assert words in whole, words


def test_every_timeline_is_one_that_plotly_accepts(treated: Ward) -> None:
    for chart in list(treated.charts.by_patient.values())[::6]:
        go.Figure(timeline(GUIDELINE, chart))


def test_the_report_stays_small_enough_to_send(treated: Ward) -> None:
    text = page(treated.replay.tally, treated.charts, CLIF_SOURCE)
    assert text.count('<section class="patient"') == 134
    assert len(text) < 14_000_000
