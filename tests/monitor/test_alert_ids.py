"""An alert's id: the same log gives the same one, and no two alerts ever share one, however long a stay lasts."""

from __future__ import annotations

from monitor.alerts.lifecycle import MAX_NAMES
from monitor.units import to_datetime
from tests.bedside import Log, as_received
from tests.oracle import Charted

START = 1_772_438_400_000


def event(number: int, at: int, **content: object) -> Charted:
    arrival = as_received(
        {"event_id": f"E{number}", "patient_id": "A", "effective_at": to_datetime(at).isoformat(), **content}
    )
    assert arrival is not None
    return arrival[0]


def ids(log: Log) -> list[str]:
    return [alert.alert_id for alert in log.alerts["A"] if alert.status == "raised"]


def test_an_alert_that_comes_and_goes_within_one_instant_has_a_new_id_each_time() -> None:
    log = Log()
    log.receive(event(0, START, type="patient", infused_at=to_datetime(START).isoformat(), weight_kg=80.0), START)
    for number in range(1, 5 * MAX_NAMES, 2):
        fever = event(number, START, type="vitals", source="charted", temperature_celsius=39.0)
        log.receive(fever, START)
        void = event(number + 1, START, type="vitals", status="entered_in_error", replaces=f"E{number}")
        log.receive(void, START)
    assert len(ids(log)) > 2 * MAX_NAMES
    assert len(set(ids(log))) == len(ids(log))


def test_hundreds_of_unsafe_doses_have_hundreds_of_ids() -> None:
    log = Log()
    for number in range(300):
        at = START + number * 60_000
        dose = event(number, at, type="medication", drug="tocilizumab", action="given", dose=801.0, dose_unit="mg")
        log.receive(dose, at)
    assert len(ids(log)) >= 299
    assert len(set(ids(log))) == len(ids(log))


def test_a_record_that_is_merged_away_and_taken_back_does_not_use_an_id_twice() -> None:
    log = Log()
    fever = {"type": "vitals", "source": "charted", "temperature_celsius": 39.0}
    log.receive(event(1, START, **fever), START)
    log.receive(event(2, START, type="patient", merged_into="B"), START)
    back = as_received(
        {"event_id": "E3", "patient_id": "B", "effective_at": to_datetime(START).isoformat(), "type": "patient"}
        | {"merged_into": "A"}
    )
    assert back is not None
    log.receive(back[0], START)
    assert log.states["A"].merged_into == "B"
    both = [*ids(log), *(alert.alert_id for alert in log.alerts["B"] if alert.status == "raised")]
    assert len(both) >= 6
    assert len(set(both)) == len(both)
