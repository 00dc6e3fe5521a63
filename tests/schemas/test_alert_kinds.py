"""The table of alert kinds is complete, and a further kind needs an entry there and nothing elsewhere.

The further kind is `bleeding`: its entry is planted in the table and a rule is planted that raises it. Board, dispatch,
report, history and dashboards then show it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from rich.console import Console

from agents.board import patient_card, sorting
from agents.board.pseudonyms import Pseudonyms
from agents.board.ward import AlertVersions, BoardPatient
from agents.dispatch import public_alert
from agents.engine.patients import Judged
from agents.history.parse import alert_row
from agents.replay import summary
from agents.replay.statistics import Statistics
from agents.report import narrative, page
from agents.report.chart import Chart
from agents.stream.ward_collector import WardCollector
from monitor.alerts import lifecycle, rules
from monitor.alerts.candidate import AlertCandidate, RuleContext, RuleResult
from monitor.guidelines.in_force import load
from monitor.model import State, fresh
from monitor.patient_view import view
from monitor.step import step
from schemas.alert_kinds import ALERT_KINDS, PRIORITIES, PRIORITY_RANK, AlertKindEntry, report_order
from schemas.alerts import Alert, AlertKind, Priority
from schemas.events import Vitals
from schemas.state import PatientState

GUIDELINE = load()
DASHBOARDS = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
BLEEDING: Any = "bleeding"  # a kind that the published schema does not know
ENTRY = AlertKindEntry("Signs of bleeding", 2, "medium", high_from_grade_3=True, shows_grade=True, resolution="stopped")
# The kind is not in the schema's list, and pydantic says so when it writes the alert.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


class Raised(NamedTuple):
    """The patient after the reading at which the further kind was raised."""

    alert: Alert
    state: State
    published: PatientState
    judged: Judged


def reading(clock: str, temperature: float) -> Vitals:
    at = datetime.fromisoformat(f"2026-03-02T{clock}:00+00:00")
    return Vitals(
        event_id=clock,
        patient_id="A",
        effective_at=at,
        received_at=at,
        temperature_celsius=temperature,
        source="charted",
    )


def planted(context: RuleContext) -> Iterator[AlertCandidate]:
    """A rule of the further kind: true while the temperature is above 39."""
    temperature = context.course.temperature
    if temperature is not None and temperature.value > 390:
        priority = context.priority(BLEEDING)
        yield AlertCandidate(BLEEDING, "", priority, "onset", context.at, "Signs of bleeding", "Look for it.", tuple)


@pytest.fixture(autouse=True)
def further_kind(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "raised" not in request.fixturenames:
        return
    known = rules.desired_alerts

    def with_planted(context: RuleContext) -> Iterable[RuleResult]:
        return [*known(context), *planted(context)]

    monkeypatch.setitem(ALERT_KINDS, BLEEDING, ENTRY)
    monkeypatch.setattr(lifecycle, "desired_alerts", with_planted)


@pytest.fixture
def raised(further_kind: None) -> Raised:
    before, event = fresh("A"), reading("10:00", 39.5)
    done = step(GUIDELINE, before, event)
    (alert,) = (one for one in done.alerts if one.kind == BLEEDING)
    return Raised(alert, done.state, view(GUIDELINE, done.state), Judged("A", event, before, done))


def test_the_table_has_every_kind_of_the_published_schema_in_its_order() -> None:
    assert tuple(ALERT_KINDS) == get_args(AlertKind)
    assert [report_order(kind) for kind in get_args(AlertKind)] == list(range(len(ALERT_KINDS)))


def test_no_two_kinds_share_a_place_on_the_board() -> None:
    assert sorted(entry.list_order for entry in ALERT_KINDS.values()) == list(range(1, len(ALERT_KINDS) + 1))


def test_every_priority_has_its_rank() -> None:
    assert set(PRIORITIES) == set(get_args(Priority))
    assert sorted(PRIORITIES, key=PRIORITY_RANK.__getitem__) == ["technical", "low", "medium", "high"]


def test_a_pager_never_shows_a_drug_a_number_or_a_line_break() -> None:
    for entry in ALERT_KINDS.values():
        assert not re.search(r"tocilizumab|dexamethasone|\d|\n", entry.public_text, re.IGNORECASE)


def test_a_further_kind_has_the_priority_and_the_resolution_of_its_entry(raised: Raised) -> None:
    assert raised.alert.priority == "medium"
    over = step(GUIDELINE, raised.state, reading("10:05", 36.8))
    (closed,) = (one for one in over.alerts if one.kind == BLEEDING)
    assert (closed.status, closed.reason) == ("resolved", "stopped")


def test_a_further_kind_that_waits_for_acknowledgement_stays_open(
    raised: Raised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALERT_KINDS, BLEEDING, ENTRY._replace(closed_by="acknowledgement"))
    over = step(GUIDELINE, raised.state, reading("10:05", 36.8))
    assert BLEEDING in {one.kind for one in over.state.alerts.open}


def test_the_board_shows_a_further_kind_at_its_place(raised: Raised) -> None:
    patient = BoardPatient(0, raised.published, {raised.alert.alert_id: AlertVersions(raised.alert, raised.alert, 1)})
    at = datetime(2026, 3, 2, 10, 1, tzinfo=UTC)
    shown = patient_card.card(patient, Pseudonyms(b"a secret that only tests know"), at).content["alerts"]
    assert [one["kind"] for one in shown] == [BLEEDING, "step", "onset"]
    assert shown[0]["message"] == "Look for it."
    assert sorting.urgency(patient, patient.open_alerts(), at)[3] == PRIORITY_RANK["medium"]


def test_a_page_shows_the_public_text_of_a_further_kind_and_the_grade(raised: Raised) -> None:
    public = public_alert.public_version(raised.alert, public_alert.Location("7A", "12"), b"secret")
    assert public_alert.text(public).startswith("Signs of bleeding, grade 1 - bed 12 7A")


def test_a_report_describes_lists_and_counts_a_further_kind(raised: Raised) -> None:
    chart, tally = Chart("A", 1), Statistics(GUIDELINE)
    for alert in raised.judged.step.alerts:
        chart.add_alert(alert)
    tally.observe(raised.judged)
    assert "Signs of bleeding." in " ".join(narrative.story_of(chart).sentences)
    assert page.PageLine(chart, tally.stays["A"], "").lives[-1].first.kind == BLEEDING
    assert (BLEEDING, 1, 1) in [row[:3] for row in page.kinds(tally)]
    console = Console(width=100, record=True, file=StringIO())
    console.print(summary.alerts(tally))
    assert BLEEDING in console.export_text()


def test_the_history_keeps_a_further_kind(raised: Raised) -> None:
    assert alert_row(raised.alert)["kind"] == BLEEDING


def test_the_metrics_behind_the_dashboards_count_a_further_kind(raised: Raised) -> None:
    ward = WardCollector()
    ward.own(0, {"A": raised.state})
    samples = [sample for metric in ward.collect() for sample in metric.samples if sample.name == "crs_open_alerts"]
    assert BLEEDING in {sample.labels["kind"] for sample in samples}


def test_no_query_of_a_dashboard_names_a_kind() -> None:
    """So every dashboard that shows kinds shows every kind."""
    queries = [
        target[key]
        for path in DASHBOARDS.glob("*.json")
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", [])
        for key in ("expr", "rawSql")
        if key in target
    ]
    assert any("by (kind)" in query for query in queries)
    for query in queries:
        assert not [kind for kind in ALERT_KINDS if re.search(rf"kind\W+['\"]?{kind}\b|['\"]{kind}['\"]", query)]
