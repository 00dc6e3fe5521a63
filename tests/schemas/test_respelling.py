"""Messages in the everyday spellings of JSON and ISO 8601, read as the contract means them, and so put into the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from json import loads

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine.stamp import log_value
from agents.verify.reader import StoredRecord
from schemas.decode import decode
from schemas.decoded import Decoded, ImplausibleSignal, Refused
from schemas.events import PatientEventType, Tick, Vitals
from schemas.instants import in_extended_form
from schemas.patient_event import Void
from schemas.respelling import KNOWN, REQUIRED
from tests.schemas.messages import message

AT_NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
ARRIVED_MS = 1_772_355_660_000  # 09:01


def event_of(payload: bytes) -> PatientEventType:
    """The event in a message; a refusal fails the test with its reason."""
    decoded = decode(payload)
    assert isinstance(decoded, Decoded), decoded
    assert not isinstance(decoded.event, Tick)
    return decoded.event


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01 09:00:00+00", AT_NINE),
        ("20260301T090000Z", AT_NINE),
        ("20260301T0900Z", AT_NINE),
        ("20260301 090000-0000", AT_NINE),
        ("20260301T09Z", AT_NINE),
        ("20260301T100000+01", AT_NINE),
        ("20260301T143000+0530", AT_NINE),
        ("2026-03-01t09:00:00z", AT_NINE),
        ("2026-03-01T09:00:00 +00:00", AT_NINE),
        ("2026-03-01T09:00:00 Z", AT_NINE),
        ("2026-03-01T09:00Z", AT_NINE),
        ("2026-03-01T09Z", AT_NINE),
        ("2026-03-01T06:00:00\N{MINUS SIGN}03:00", AT_NINE),
        ("2026-03-01T09:00:00.Z", AT_NINE),
        ("2026-03-01T09:00:00.5Z", AT_NINE + timedelta(seconds=0.5)),
        ("2026-03-01T09:00:00,250Z", AT_NINE + timedelta(seconds=0.25)),
        ("2026-03-01T09:00:00.123456789Z", AT_NINE + timedelta(microseconds=123_456)),
        ("2026-03-01T09:00:00,123456789Z", AT_NINE + timedelta(microseconds=123_456)),
        ("2026-03-01T09:30.5Z", AT_NINE + timedelta(minutes=30, seconds=30)),
        ("2026-02-28T24:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("20260228T2400+0000", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T08:59:60Z", AT_NINE),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_however_people_write_it(written: str, meant: datetime) -> None:
    event = event_of(message("vitals", spo2_percent=95, effective_at=written, received_at=written))
    assert isinstance(event, Vitals)
    assert (event.effective_at, event.received_at) == (meant, meant)


@pytest.mark.parametrize("name", ["received_at", "infused_at"])
def test_every_time_of_an_event_is_read_so(name: str) -> None:
    assert getattr(event_of(message("patient", bed="12", **{name: "20260301T090000Z"})), name) == AT_NINE


@pytest.mark.parametrize(
    "written",
    [
        "2026-W09-7T09:00:00Z",  # a week date
        "2026W097T090000Z",
        "2026-060T09:00:00Z",  # an ordinal date
        "2026060T090000Z",
        "2026-0301T09:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T24:00:00.001Z",
        "2026-03-01T09:60:00Z",
        "2026-03-01T09:00:61Z",
        "2026-02-30T090000Z",
        "2026-03-01T09:00:00+24:00",
        "2026-03-01T09:00:00+01:60",
        "2026-03-01T09:00:00 GMT",
        "2026-03-01T09:00:00.1234567890,Z",
        "20260301090000Z",
        "1772355600",
    ],
)
def test_what_is_no_time_is_refused(written: str) -> None:
    verdict = decode(message("vitals", spo2_percent=95, effective_at=written))
    assert isinstance(verdict, Refused)
    assert verdict == Refused("not_a_time", "effective_at: must be ISO 8601 text")


@given(st.integers(-(10**12), 10**12), st.integers(-12 * 60, 14 * 60), st.sampled_from(",."))
def test_basic_and_extended_form_mean_the_same_instant(ms: int, offset_minutes: int, point: str) -> None:
    zone = timezone(timedelta(minutes=offset_minutes))
    time = (AT_NINE + timedelta(milliseconds=ms)).astimezone(zone)
    read = in_extended_form(time.strftime(f"%Y%m%dT%H%M%S{point}%f%z"))
    assert read is not None
    assert datetime.fromisoformat(read) == time


@pytest.mark.parametrize("name", sorted(KNOWN - REQUIRED - {"type", "kind"}))
def test_null_is_the_same_as_left_out(name: str) -> None:
    events = (
        message("vitals", heart_rate_per_min=80, spo2_percent=95),
        message("medication", drug="tocilizumab", action="given"),
        message("patient", bed="12", unit="a"),
        message("assessment", kind="note", text="well"),
        message("assessment", kind="acknowledge", alert_id="a1", by="dr-7"),
    )
    for whole in events:
        fields = loads(whole)
        fields.pop(name, None)
        without = message(None, **fields)
        assert event_of(message(None, **fields, **{name: None})) == event_of(without)


@pytest.mark.parametrize("name", ["received_at", "status", "source", "type"])
def test_null_leaves_no_field_twice_in_the_log(name: str) -> None:
    payload = message(None, spo2_percent=95, **{name: None})
    decoded = decode(payload, "vitals")
    assert isinstance(decoded, Decoded)
    in_log = log_value(StoredRecord(0, ARRIVED_MS, b"p1", payload), decoded, "vitals")
    assert in_log.count(b'"%b"' % name.encode()) <= 1
    after = event_of(in_log)
    assert after.model_copy(update={"received_at": None}) == decoded.event
    assert isinstance(after, Vitals)
    assert after.received_at == datetime(2026, 3, 1, 9, 1, tzinfo=UTC)


def test_null_for_what_is_required_is_refused() -> None:
    verdict = decode(message("vitals", spo2_percent=95, patient_id=None))
    assert isinstance(verdict, Refused)
    assert verdict.reason == "wrong_type"


@pytest.mark.parametrize(("written", "score"), [(7.0, 7), (0.0, 0), (10.0, 10)])
def test_a_whole_number_may_be_written_with_a_point(written: float, score: int) -> None:
    event = event_of(message("vitals", ice_score=written))
    assert isinstance(event, Vitals)
    assert event.ice_score == score
    assert isinstance(event.ice_score, int)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_no_spelling_makes_a_number_of_what_is_none(number: float) -> None:
    for other in ({}, {"status": None}):
        verdict = decode(message("vitals", ice_score=number, spo2_percent=95, **other))
        assert isinstance(verdict, Refused)
        assert verdict.reason == "not_finite"


@pytest.mark.parametrize(("written", "rule"), [(7.5, "a whole number"), (10.5, "a whole number"), (11.0, "at most 10")])
def test_a_number_that_is_not_whole_is_implausible_and_the_rest_stays(written: float, rule: str) -> None:
    decoded = decode(message("vitals", ice_score=written, spo2_percent=95))
    assert isinstance(decoded, Decoded)
    assert decoded.implausible == (ImplausibleSignal("ice_score", written, f"ice_score: must be {rule}"),)
    assert isinstance(decoded.event, Vitals)
    assert (decoded.event.ice_score, decoded.event.spo2_percent) == (None, 95)


def test_an_implausible_value_beside_another_spelling_still_goes_to_the_log() -> None:
    """The worker that reads the log writes the dead letter, so intake must not take the value out."""
    decoded = decode(message("vitals", spo2_percent=950, temperature_celsius=39, status=None))
    assert isinstance(decoded, Decoded)
    assert decoded.respelled is not None
    assert decode(decoded.respelled) == decoded._replace(respelled=None)
    assert [one.signal for one in decoded.implausible] == ["spo2_percent"]


@pytest.mark.parametrize("payload", [message("vitals", spo2_percent=95), message("patient", bed=None, unit="a")])
def test_what_the_models_read_goes_on_as_it_came(payload: bytes) -> None:
    decoded = decode(payload)
    assert isinstance(decoded, Decoded)
    assert decoded.respelled is None


@pytest.mark.parametrize("event_type", ["vitals", "medication", "patient", "assessment"])
def test_a_void_needs_no_content_beside_its_ids(event_type: str) -> None:
    ids = {"event_id": "e2", "replaces": "e1", "status": "entered_in_error"}
    void = event_of(message(event_type, **ids))
    assert isinstance(void, Void)
    assert (void.type, void.event_id, void.replaces) == (event_type, "e2", "e1")
    repeated = event_of(message(event_type, **ids, drug=5, spo2_percent=950, kind="note", text=None))
    assert repeated == void


def test_a_void_on_its_topic_needs_no_type_and_has_one_in_the_log() -> None:
    void = {"event_id": "e2", "replaces": "e1", "status": "entered_in_error", "effective_at": "20260301T090000Z"}
    assert decode(message(None, type=None, **void), "medication") == decode(message(None, **void), "medication")
    payload = message(None, **void)
    decoded = decode(payload, "medication")
    assert isinstance(decoded, Decoded)
    in_log = log_value(StoredRecord(0, ARRIVED_MS, b"p1", payload), decoded, "medication")
    assert in_log.count(b'"type"') == 1
    assert event_of(in_log).type == "medication"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"replaces": None}, "void_without_replaces"),
        ({"replaces": "e2"}, "refers_to_itself"),
        ({"replaces": 5}, "wrong_type"),
        ({"patient_id": ""}, "wrong_length"),
        ({"effective_at": "today"}, "not_a_time"),
        ({"type": "visit"}, "unknown_type"),
        ({"spo2_percent": float("nan")}, "not_finite"),
    ],
)
def test_a_void_with_wrong_ids_is_refused(fields: dict[str, object], reason: str) -> None:
    ids = {"event_id": "e2", "replaces": "e1", "status": "entered_in_error"}
    verdict = decode(message(None, **({"type": "medication"} | ids | fields)))
    assert isinstance(verdict, Refused)
    assert verdict.reason == reason


def test_only_a_void_needs_no_content() -> None:
    for kept in ({"status": "final"}, {}):
        verdict = decode(message("medication", replaces="e0", **kept))
        assert isinstance(verdict, Refused)
        assert verdict.reason == "missing_field"
