"""What the watching of feeds and of ourselves must not do: flap, fall silent, or forget."""

from __future__ import annotations

from typing import Any

from monitor.defect import step_on_defect
from monitor.step import step
from monitor.units import HOUR, MINUTE, to_datetime
from schemas.events import Tick
from tests.bedside import GUIDELINES
from tests.monitor.bed import START, Bed

GUIDELINE = GUIDELINES["house"]


def test_a_clock_that_runs_ahead_is_not_mended_by_another_feed() -> None:
    bed = Bed()
    monitor: dict[str, Any] = {"device_id": "monitor-7", "heart_rate_per_min": 90.0}
    assert bed.vitals(20, received=10, **monitor) == ["data_quality raised"]
    assert bed.receive(11, type="medication", drug="acetaminophen", action="given") == []
    assert bed.vitals(12, device_id="monitor-8", heart_rate_per_min=90.0) == []
    assert bed.vitals(23, received=13, **monitor) == []
    assert bed.vitals(14, **monitor) == ["data_quality resolved"]


def test_a_depressant_stays_named_when_the_sign_is_charted_again() -> None:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5)
    assert bed.vitals(120, source="charted", ice_score=7) == ["neuro raised"]
    assert bed.receive(130, type="medication", drug="lorazepam", action="given", dose=1.0, dose_unit="mg") == [
        "neuro updated"
    ]
    assert bed.vitals(180, source="charted", ice_score=6) == []
    assert bed.vitals(240, source="charted", ice_score=10, consciousness="alert") == ["neuro resolved"]
    bed.vitals(300, source="charted", ice_score=9)
    assert bed.titles("neuro")[-1] == "Possible ICANS"


def test_the_work_up_is_asked_for_in_each_episode() -> None:
    bed = Bed()
    assert "step raised" in bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=120.0)
    assert bed.receive(70, type="assessment", kind="infection_workup", state="sent") == ["step resolved"]
    days = 5 * 24 * 60
    bed.vitals(days - 60, source="charted", temperature_celsius=37.0, systolic_mmhg=120.0)
    assert bed.log.view("A").monitoring == "live"
    assert "step raised" in bed.vitals(days, source="charted", temperature_celsius=38.5, systolic_mmhg=120.0)
    assert bed.log.view("A").episode == 2


def test_cultures_sent_just_before_the_fever_are_this_episodes() -> None:
    bed = Bed()
    bed.receive(50, type="assessment", kind="infection_workup", state="sent")
    assert bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=120.0) == ["onset raised"]


def test_a_defect_of_ours_does_not_stop_a_patients_timers() -> None:
    bed = Bed()
    bed.vitals(60, source="charted", temperature_celsius=38.5, systolic_mmhg=84.0, spo2_percent=97.0)
    state = bed.log.states["A"]
    done = step_on_defect(GUIDELINE, state, bed.event(61, type="vitals", heart_rate_per_min=80.0))
    assert [alert.kind for alert in done.alerts] == ["unmonitored"]
    assert [r.reason for r in done.rejected] == ["defect"]
    assert done.state.due_at == START + 62 * MINUTE
    again = step_on_defect(GUIDELINE, done.state, Tick(effective_at=to_datetime(done.state.due_at)))
    assert (again.alerts, again.rejected) == ((), ())
    assert again.state.due_at == START + 63 * MINUTE
    after = step(GUIDELINE, again.state, Tick(effective_at=to_datetime(START + 60 * MINUTE + HOUR)))
    assert "dose_indicated" in [alert.kind for alert in after.alerts], "indicated for 60 minutes: louder"
    assert "unmonitored" in [alert.kind for alert in after.state.alerts.open], "until the next event is judged"
    judged = step(GUIDELINE, after.state, bed.event(130, type="vitals", heart_rate_per_min=80.0))
    assert ("unmonitored", "resolved") in [(alert.kind, alert.status) for alert in judged.alerts]


def test_a_drug_nobody_knows_is_shown_as_it_was_written() -> None:
    bed = Bed()
    bed.receive(60, type="medication", drug="norepinephrol", action="started", rate=5.0, rate_unit="mcg/min")
    assert bed.log.view("A").unmapped_drugs == ("norepinephrol",)
