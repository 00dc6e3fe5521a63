"""Rows of builds before and after this one, with one field more or less in any type: read, and judged further."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.course import axes, observations
from monitor.fact_types import VitalsFact
from monitor.model import CatchingUp, ChartedSign, Course, HypotensionBolus, OpenAlert, Oxygen, Reading, Signal, State
from monitor.record import latest_vitals, row
from monitor.step import step
from monitor.units import to_ms
from schemas.assessments import Acknowledge
from schemas.events import Patient
from tests.bedside import GUIDELINES
from tests.golden import planted
from tests.golden.record import OFFSET, Kept, kept
from tests.golden.stepping import Stepped, stepped

FIRST, *OTHERS = kept()


def with_the_rest(one: Kept) -> Kept:
    """The row with what no story leaves behind: a bolus that still counts, a backlog that is being read."""
    read = row.decode(one.payload)
    course = read.state.course._replace(treated=HypotensionBolus("ringer lactate", read.state.course.at, "bolus"))
    state = read.state._replace(course=course, catching_up=CatchingUp(read.state.clock, read.state.clock + 5000))
    return one._replace(payload=row.encode(read._replace(state=state)))


KEPT = [FIRST, with_the_rest(FIRST), *OTHERS]
TYPES = planted.types_of_a_state()
HAS_DEFAULT = [kind for kind in TYPES if kind is State or kind._fields[-1] in kind._field_defaults]
CLOSED_SETS = planted.closed_sets()
AFTER: dict[Kept, Stepped] = {}


def after(one: Kept) -> Stepped:
    """What four more events do to the row as this build wrote it."""
    if one not in AFTER:
        AFTER[one] = stepped(one, row.decode(one.payload).state)
    return AFTER[one]


def by_name(kind: Any) -> str:
    return str(kind.__name__)


def test_the_types_of_a_state_are_all_found() -> None:
    assert {"State", "Course", "Reading", "VitalsFact", "LatestFromEvent", "OpenAlert"} <= set(map(by_name, TYPES))


@pytest.mark.parametrize("kind", TYPES, ids=by_name)
def test_a_row_with_one_field_more_in_any_type_is_read_and_judged_further(kind: Any) -> None:
    unknown = (planted.NEW_VALUE,) if kind is State else ()
    in_some = False
    for one in KEPT:
        fields = planted.fields_of(one.payload)
        longer = planted.changed(State, fields, planted.with_new_field(kind))
        if longer == fields:
            continue
        in_some = True
        for v in (row.VERSION, row.VERSION + 1, row.VERSION + 7):
            read = row.decode(planted.with_fields(one.payload, longer, v))
            assert (read.v, read.log_offset, read.state.unknown_fields) == (row.VERSION, OFFSET, unknown)
            assert read.state._replace(unknown_fields=()) == row.decode(one.payload).state
        found = stepped(one, read.state)
        assert found.alerts == after(one).alerts
        assert found.state == after(one).state._replace(unknown_fields=unknown), "kept for the newer build"
    assert in_some, "a kept row holds this type"


@pytest.mark.parametrize("kind", TYPES, ids=by_name)
def test_the_next_build_reads_our_rows_with_its_default(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [row.decode(one.payload).state for one in KEPT]
    planted.read_by(planted.next_model(kind), monkeypatch)
    found = []
    for one, state in zip(KEPT, ours, strict=True):
        theirs = row.decode(one.payload).state
        assert planted.agrees(state, theirs)
        found += [value for value in values_of(theirs) if planted.NEW_FIELD in getattr(value, "_fields", ())]
    assert all(getattr(value, planted.NEW_FIELD) == planted.NEW_DEFAULT for value in found)
    assert found


def test_the_next_build_gets_back_what_we_did_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """N+1 writes a row, N reads it, judges further and writes it, N+1 reads its own field of the state again."""
    one = KEPT[0]
    longer = planted.changed(State, planted.fields_of(one.payload), planted.with_new_field(State))
    read = row.decode(planted.with_fields(one.payload, longer, row.VERSION + 1))
    handed_back = row.encode(read._replace(state=stepped(one, read.state).state))
    planted.read_by(planted.next_model(State), monkeypatch)
    assert getattr(row.decode(handed_back).state, planted.NEW_FIELD) == tuple(planted.NEW_VALUE)


def values_of(value: Any) -> list[Any]:
    """A value and all that it holds."""
    return [value, *(each for one in value for each in values_of(one))] if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("kind", HAS_DEFAULT, ids=by_name)
def test_a_row_from_before_the_last_field_of_any_type_is_read_and_judged_further(kind: Any) -> None:
    for one in KEPT:
        fields = planted.fields_of(one.payload)
        shorter = planted.changed(State, fields, planted.without_last_field(kind))
        if shorter == fields:
            continue
        read, earlier = (
            row.decode(planted.with_fields(one.payload, shorter, v)) for v in (row.VERSION, row.VERSION + 1)
        )
        assert read == earlier
        found = stepped(one, read.state)
        if read.state == row.decode(one.payload).state:
            assert found == after(one)


@pytest.mark.parametrize("more", [1, -1])
def test_a_displayed_signal_more_or_less_is_read_and_judged_further(more: int) -> None:
    """A signal that is not known is no longer displayed; one that is missing is displayed once it comes."""

    def change(kind: Any, fields: list[Any]) -> list[Any]:
        if kind.__name__ != "LatestFromEvent":
            return fields
        return [*fields[:2], [*fields[2], 3.5] if more > 0 else fields[2][:-1]]

    for one in KEPT:
        fields = planted.changed(State, planted.fields_of(one.payload), change)
        found = stepped(one, row.decode(planted.with_fields(one.payload, fields)).state)
        assert found.alerts == after(one).alerts
        assert all(len(latest.values) == len(latest_vitals.DISPLAYED) for latest in found.state.latest)
        if more > 0:
            assert found == after(one)


@pytest.mark.parametrize(("kind", "name"), CLOSED_SETS, ids=[f"{by_name(kind)}.{name}" for kind, name in CLOSED_SETS])
def test_a_value_that_only_a_newer_build_knows_is_kept_and_judged_without_a_defect(kind: Any, name: str) -> None:
    for one in KEPT:
        fields = planted.fields_of(one.payload)
        unknown = planted.changed(State, fields, planted.with_unknown_value(kind, name))
        read = row.decode(planted.with_fields(one.payload, unknown))
        if unknown == fields:
            continue
        assert planted.fields_of(row.encode(read)) == unknown, "written back as it came"
        found = stepped(one, read.state)
        if kind is OpenAlert and name == "kind":
            before, now = ({alert.alert_id for alert in state.alerts.open} for state in (read.state, found.state))
            assert before <= now, "an alert whose kind is not known is left open"


def test_oxygen_by_a_device_that_is_not_known_is_graded_as_oxygen_and_called_unknown() -> None:
    """10 L/min by a device of the next build is grade 3 as by one that was not named; without a flow at least 2."""
    for flow, grade in ((10.0, 3), (None, 2)):
        course = with_oxygen(Oxygen("helmet", flow, None, 5, 5, "o"))  # type: ignore[arg-type]
        found, unknown = axes.hypoxia(GUIDELINES["house"].profile, course)
        assert (found, "oxygen_device" in unknown) == (grade, True)


def test_a_home_device_that_is_not_known_makes_no_support_the_usual_one() -> None:
    course = with_oxygen(Oxygen("invasive_ventilation", None, None, 5, 5, "o"))
    at_home = course.context._replace(baseline_oxygen_device="helmet")  # type: ignore[arg-type]
    assert axes.hypoxia(GUIDELINES["house"].profile, course._replace(context=at_home))[0] == 4


def with_oxygen(oxygen: Oxygen) -> Course:
    return Course(oxygen=oxygen, spo2=Signal(counted=Reading(97, 5, "s")))


def test_a_consciousness_that_is_not_known_is_not_normal() -> None:
    fact = VitalsFact(5, "v", True, None, None, None, None, None, None, None, None, "confused")  # type: ignore[arg-type]
    profile = GUIDELINES["house"].profile
    course = observations.with_vitals(profile, Course(), (fact, fact._replace(event_id="w", consciousness="pain")), 5)
    assert course.consciousness == ChartedSign("confused", 5, "v", 5), "worse than any level that is known"


@pytest.mark.parametrize("planted_in", [{"kind": "delirium"}, {"rule_id": "step-delirium"}])
def test_an_alert_of_a_newer_build_stays_open_until_it_is_acknowledged_or_the_record_ends(
    planted_in: dict[str, str],
) -> None:
    state = row.decode(FIRST.payload).state
    theirs = state.alerts.open[0]._replace(key="theirs", alert_id="theirs", **planted_in)  # type: ignore[arg-type]
    state = state._replace(alerts=state.alerts._replace(open=(*state.alerts.open, theirs)))
    found = stepped(FIRST, state)
    assert theirs in found.state.alerts.open
    about = {"patient_id": FIRST.patient_id, "effective_at": datetime(2026, 3, 9, 8, tzinfo=UTC)}
    seen = Acknowledge.model_validate({**about, "event_id": "seen", "alert_id": "theirs", "by": "A. Nurse"})
    after = step(GUIDELINES["house"], found.state, seen, at=to_ms(seen.effective_at))
    assert [alert.version for alert in after.alerts if alert.alert_id == "theirs"] == [theirs.version + 1]
    (open_alert,) = (alert for alert in after.state.alerts.open if alert.alert_id == "theirs")
    assert open_alert.acknowledged_at is not None
    merged = Patient.model_validate({**about, "event_id": "merged", "merged_into": "B"})
    ended = step(GUIDELINES["house"], after.state, merged, at=to_ms(merged.effective_at))
    assert [alert.status for alert in ended.alerts if alert.alert_id == "theirs"] == ["resolved"]


def test_an_acknowledged_alert_of_a_kind_that_is_not_known_stays_closed_for_the_newer_build() -> None:
    state = row.decode(FIRST.payload).state
    closed = (*state.alerts.closed, "new_kind:key")
    found = stepped(FIRST, state._replace(alerts=state.alerts._replace(closed=closed)))
    assert "new_kind:key" in found.state.alerts.closed


def test_a_value_of_a_wrong_type_is_damage() -> None:
    one = KEPT[0]
    for place in range(len(State._fields)):
        fields = planted.fields_of(one.payload)
        fields[place] = {"not": "ours"}
        if State._fields[place] != "unknown_fields":
            with pytest.raises(row.RowError, match="crs-monitor rebuild"):
                row.decode(planted.with_fields(one.payload, fields, row.VERSION + 1))
