"""What is counted: grades reached, flaps, patient-days; and what is kept apart from the record: injected doses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import StringIO

from rich.console import Console

from agents.feeds.source import SourceRecord
from agents.replay.injected_doses import GIVEN_AFTER, DoseInjector, is_injected
from agents.replay.progress import watched
from agents.replay.replay import Replay
from agents.replay.statistics import SHORT_LIFE, Stay
from agents.report.collect import Charts
from agents.report.narrative import most_instructive
from monitor.guidelines import in_force
from monitor.units import DAY, MINUTE, to_datetime, to_ms
from schemas.alerts import Alert
from schemas.decode import decode
from schemas.decoded import Refused
from tests.replay.event_files import at, context, course, line, medication, vitals

GUIDELINE = in_force.load()


def played(
    *events: dict[str, object], inject: bool = False, until: str | None = None
) -> tuple[Replay, list[Alert], Charts]:
    """A replay of these events, with a pharmacy that gives what is due if asked for."""
    alerts: list[Alert] = []
    charts = Charts(GUIDELINE)
    pharmacy = DoseInjector(lambda dose, still: replay.playback.plan(dose, still))
    watchers = [lambda one: alerts.extend(one.step.alerts), charts.watch, *([pharmacy.observe] if inject else [])]
    end = None if until is None else to_ms(to_datetime(0).fromisoformat(at(until)))
    replay = Replay(GUIDELINE, watchers, lambda _: None, end)
    for number, event in enumerate(events, start=1):
        payload = line(event)
        replay.take(SourceRecord("file", number, payload, decode(payload)))
    replay.finish()
    charts.finish(replay.patients.states)
    return replay, alerts, charts


def ill(*more: dict[str, object]) -> tuple[dict[str, object], ...]:
    return (*course()[:4], *more)


def test_the_third_short_life_in_a_day_is_a_flap() -> None:
    stay = Stay(0, 0)
    for over_at in (MINUTE, 60 * MINUTE):
        stay.record_flap("neuro:", over_at)
    assert stay.flapping == set()
    stay.record_flap("neuro:", MINUTE + DAY)
    assert stay.flapping == {"neuro:"}


def test_three_short_lives_on_three_days_are_none() -> None:
    stay = Stay(0, 0)
    for over_at in (MINUTE, DAY, MINUTE + DAY + 1):
        stay.record_flap("neuro:", over_at)
    assert stay.flapping == set()


def test_an_alert_that_comes_and_goes_is_caught() -> None:
    swings = [
        vitals(f"{10 + minute // 60}:{minute % 60:02}", consciousness="voice" if minute % 20 == 0 else "alert")
        for minute in range(30, 120, 10)
    ]
    replay, _, _ = played(*ill(*swings))
    assert replay.tally.flaps == 1
    assert next(iter(replay.tally.stays.values())).flapping == {"neuro:"}


def test_an_alert_that_stands_longer_is_none() -> None:
    assert SHORT_LIFE == 30 * MINUTE
    swings = [
        vitals(f"{10 + minute // 60}:{minute % 60:02}", consciousness="voice" if minute % 80 == 0 else "alert")
        for minute in range(80, 600, 40)
    ]
    replay, _, _ = played(*ill(*swings))
    assert replay.tally.raised()["neuro"] >= 3
    assert replay.tally.flaps == 0


def test_grades_reached_are_counted_in_both_scales() -> None:
    drip = medication("10:30", "norepinephrine", "started", rate=5, rate_unit="mcg/min")
    replay, _, _ = played(*ill(drip), vitals("11:00", "q", heart_rate_per_min=70))
    reached = replay.tally.reached()
    assert [reached["house"][grade] for grade in (0, 2, 3)] == [1, 1, 0]
    assert [reached["astct-2019"][grade] for grade in (0, 2, 3)] == [1, 0, 1]


def test_patient_days_run_from_the_first_event_to_the_last() -> None:
    replay, _, _ = played(vitals("10:00", heart_rate_per_min=70), vitals("22:00", heart_rate_per_min=70))
    assert replay.tally.patient_days == 0.5


def test_a_dose_that_is_due_is_injected_later_and_marked_everywhere() -> None:
    replay, alerts, charts = played(*ill(), inject=True, until="12:00")
    due = next(alert for alert in alerts if alert.kind == "dose_indicated")
    (state,) = replay.states()
    (dose,) = [one for one in state.doses if one.drug == "tocilizumab"]
    assert (dose.dose_mg, dose.effective_at) == (640, to_datetime(to_ms(due.raised_at) + GIVEN_AFTER))
    assert is_injected(dose.event_id)
    assert [given.injected for given in charts.by_patient["p"].doses.values()] == [True]
    assert [(alert.kind, alert.status, alert.reason) for alert in alerts if alert.alert_id == due.alert_id][-1] == (
        "dose_indicated",
        "resolved",
        "a dose was given",
    )


def test_without_the_pharmacy_nothing_is_injected() -> None:
    replay, _, _ = played(*ill(), until="12:00")
    (state,) = replay.states()
    assert state.doses == ()


def test_nobody_gets_a_dose_who_has_left() -> None:
    replay, _, _ = played(*ill(context("10:30", status="discharged")), inject=True, until="12:00")
    (state,) = replay.states()
    assert state.doses == ()


def test_a_dose_that_may_be_considered_is_not_given() -> None:
    warm = [context("10:00", high_risk=True, weight_kg=80), vitals("10:00", temperature_celsius=38.4)]
    replay, alerts, _ = played(*warm, inject=True, until="13:00")
    assert any(alert.rule.id == "dose-consider" for alert in alerts)
    (state,) = replay.states()
    assert state.doses == ()


def test_the_story_is_in_order_and_shows_what_was_injected() -> None:
    worse = medication("11:30", "norepinephrine", "started", rate=30, rate_unit="mcg/min")
    better = [
        medication("20:00", "norepinephrine", "stopped"),
        vitals("20:10", systolic_mmhg=120, mean_arterial_mmhg=80),
        vitals("22:00", systolic_mmhg=122, mean_arterial_mmhg=82),
        context("30:00", status="discharged"),
    ]
    _, _, charts = played(*ill(worse, *better), inject=True)
    story = most_instructive(charts.by_patient.values())
    assert story is not None
    first, *_, last = story.sentences
    assert first.startswith("01 Mar 10:00 UTC: Temperature 38.4 °C. CRS is suspected: episode 1 begins.")
    assert "discharged" in last
    whole = " ".join(story.sentences)
    for words in ("CRS reaches grade 2.", "CRS reaches grade 3", "injected by the demonstration", "The grade fell"):
        assert words in whole, words
    assert whole.index("grade 2.") < whole.index("is given (injected") < whole.index("The grade fell")


def test_a_ward_without_alerts_has_no_story() -> None:
    _, _, charts = played(vitals("10:00", heart_rate_per_min=70))
    assert most_instructive(charts.by_patient.values()) is None


THREE = [SourceRecord("file", number, b"", Refused("not_json", "no")) for number in (1, 2, 3)]


class Source:
    """Three lines, and a total."""

    name = "three"
    read = 3
    total = 3

    def __init__(self) -> None:
        self.unmapped: Counter[str] = Counter()

    def __iter__(self) -> Iterator[SourceRecord]:
        return iter(THREE)


def test_a_progress_bar_is_for_terminals_only() -> None:
    for is_terminal in (True, False):
        written = StringIO()
        console = Console(file=written, force_terminal=is_terminal, width=80)
        assert list(watched(Source(), console)) == THREE
        assert ("replaying" in written.getvalue()) is is_terminal
