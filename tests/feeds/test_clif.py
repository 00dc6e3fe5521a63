"""ICU stays in CLIF format: what rows say, in the contract's words; and what a real data set holds."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.feeds.clif.demo_data import demo_dir
from agents.feeds.clif.errors import ClifError
from agents.feeds.clif.stays import ClifStays
from schemas.decode import decode
from schemas.decoded import Decoded
from schemas.events import Vitals

Row = dict[str, Any]
Write = Callable[..., ClifStays]


def at(clock: str, day: int = 1) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 3, day, int(hour), int(minute), tzinfo=UTC)


def stay(**fields: Any) -> Row:
    return {
        "patient_id": "p",
        "hospitalization_id": "s",
        "admission_dttm": at("08:00"),
        "discharge_dttm": at("20:00", day=3),
        "age_at_admission": 7,
        "discharge_category": "Home",
    } | fields


def vital(clock: str, category: str, value: float | None, name: str | None = None, site: str | None = None) -> Row:
    return {
        "hospitalization_id": "s",
        "recorded_dttm": at(clock),
        "vital_category": category,
        "vital_value": value,
        "vital_name": name,
        "meas_site_name": site,
    }


def support(clock: str, category: str | None, name: str | None, flow: float | None, fio2: float | None) -> Row:
    return {
        "hospitalization_id": "s",
        "recorded_dttm": at(clock),
        "device_category": category,
        "device_name": name,
        "lpm_set": flow,
        "fio2_set": fio2,
    }


def medication(clock: str, drug: str, action: str, dose: float | None, unit: str, **fields: Any) -> Row:
    return {
        "hospitalization_id": "s",
        "admin_dttm": at(clock),
        "med_order_id": "order",
        "med_name": drug,
        "med_category": drug.casefold(),
        "mar_action_name": None,
        "mar_action_category": action,
        "med_dose": dose,
        "med_dose_unit": unit,
        "med_route_category": "iv",
    } | fields


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a data set: one stay, one heart rate, and the tables given."""

    def write(**tables: list[Row]) -> ClifStays:
        base = {"hospitalization": [stay()], "vitals": [vital("08:00", "heart_rate", 80)]}
        for name, rows in (base | tables).items():
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"clif_{name}.parquet")
        return ClifStays(tmp_path)

    return write


def events_of(stays: ClifStays, *types: str) -> list[Row]:
    """The events of these types, without ids and other fields that all have."""
    dull = {"type", "event_id", "patient_id", "source", "effective_at"}
    events = []
    for event in stays:
        assert isinstance(decode(json.dumps(event).encode()), Decoded)
        if event["type"] in types and event.get("heart_rate_per_min") != 80:
            clock = event["effective_at"][11:16]
            events.append({"at": clock} | {field: value for field, value in event.items() if field not in dull})
    return events


# ---- vitals ----


def test_rows_of_one_instant_are_one_observation_charted_by_a_person(write: Write) -> None:
    stays = write(
        vitals=[
            vital("10:00", "temp_c", 38.0, "Temperature Fahrenheit", "Oral"),
            vital("10:00", "sbp", 84.0, "Non Invasive Blood Pressure systolic"),
            vital("10:00", "spo2", 91.0),
            vital("10:05", "respiratory_rate", 22.0),
        ]
    )
    assert events_of(stays, "vitals") == [
        {
            "at": "10:00",
            "temperature_celsius": 38.0,
            "temperature_site": "oral",
            "systolic_mmhg": 84.0,
            "spo2_percent": 91.0,
        },
        {"at": "10:05", "respiratory_rate_per_min": 22.0},
    ]
    assert {event.get("source") for event in stays if event["type"] == "vitals"} == {"charted"}


def test_support_charted_with_the_vitals_is_part_of_the_observation(write: Write) -> None:
    stays = write(
        vitals=[vital("10:00", "spo2", 91.0), vital("10:05", "spo2", 93.0)],
        respiratory_support=[
            support("10:00", "Nasal Cannula", None, 4.0, None),
            support("10:07", None, None, 6.0, None),
        ],
    )
    assert events_of(stays, "vitals") == [
        {"at": "10:00", "spo2_percent": 91.0, "oxygen_device": "nasal_cannula", "oxygen_flow_l_per_min": 4.0},
        {"at": "10:05", "spo2_percent": 93.0},
        {"at": "10:07", "oxygen_flow_l_per_min": 6.0},
    ]


def test_two_lines_of_support_at_one_instant_stay_two(write: Write) -> None:
    stays = write(
        vitals=[vital("10:00", "spo2", 91.0)],
        respiratory_support=[
            support("10:00", "Nasal Cannula", None, 4.0, None),
            support("10:00", "Face Mask", None, 8.0, None),
        ],
    )
    devices = [str(event.get("oxygen_device")) for event in events_of(stays, "vitals")]
    assert sorted(devices) == ["face_mask", "nasal_cannula"]


def test_arterial_line_and_cuff_at_one_instant_are_both_read_and_never_mixed(write: Write) -> None:
    stays = write(
        vitals=[
            vital("10:00", "map", 801.0, "Arterial Blood Pressure mean"),
            vital("10:00", "map", 61.0, "Non Invasive Blood Pressure mean"),
            vital("10:00", "sbp", 92.0, "Non Invasive Blood Pressure systolic"),
        ]
    )
    cuff = {"at": "10:00", "mean_arterial_mmhg": 61.0, "systolic_mmhg": 92.0}
    assert events_of(stays, "vitals") == [{"at": "10:00", "mean_arterial_mmhg": 801.0}, cuff]


def test_two_readings_of_a_signal_at_one_instant_are_both_read(write: Write) -> None:
    stays = write(vitals=[vital("10:00", "temp_c", 38.4, "a"), vital("10:00", "temp_c", 37.1, "b")])
    assert [event["temperature_celsius"] for event in events_of(stays, "vitals")] == [38.4, 37.1]


def test_an_implausible_value_is_left_for_the_decoder_and_the_rest_survives(write: Write) -> None:
    stays = write(vitals=[vital("10:00", "temp_c", 99.0), vital("10:00", "spo2", 95.0)])
    [event] = [event for event in stays if event["type"] == "vitals"]
    decoded = decode(json.dumps(event).encode())
    assert isinstance(decoded, Decoded)
    assert [(one.signal, one.value) for one in decoded.implausible] == [("temperature_celsius", 99.0)]
    assert isinstance(decoded.event, Vitals)
    assert decoded.event.spo2_percent == 95.0


def test_a_childs_weight_survives(write: Write) -> None:
    """CLIF's own quality rules drop weights under 30 kg: that would erase the children."""
    stays = write(vitals=[vital("10:00", "weight_kg", 21.5)])
    assert {"at": "10:00", "status": "updated", "weight_kg": 21.5} in events_of(stays, "patient")


def test_no_value_is_no_reading_and_unknown_words_are_counted(write: Write) -> None:
    stays = write(
        vitals=[
            vital("10:00", "map", None),
            vital("10:00", "sbp", float("nan")),
            vital("10:01", "height_cm", 170.0),
            vital("10:02", "temp_c", 37.0, site="Elbow"),
        ]
    )
    assert events_of(stays, "vitals") == [{"at": "10:02", "temperature_celsius": 37.0, "temperature_site": "unknown"}]
    assert stays.unmapped == {"vital height_cm": 1, "temperature site Elbow": 1}
    assert stays.left_out["vitals: no value"] == 2


# ---- oxygen ----

DEVICES = [
    ("IMV", "Endotracheal tube", "invasive_ventilation"),
    ("NIPPV", "Bipap mask ", "bipap"),
    ("CPAP", "CPAP mask ", "cpap"),
    ("High Flow NC", "High flow nasal cannula", "high_flow_nasal_cannula"),
    ("Face Mask", "Face tent", "face_mask"),
    ("Face Mask", "Non-rebreather", "non_rebreather"),
    ("Face Mask", "Venti mask ", "venturi"),
    ("Other", "Venturi mask", "venturi"),
    ("Other", "Blow by", "blow_by"),
    ("Trach Collar", "Trach mask", "face_mask"),
    ("Nasal Cannula", "Nasal cannula", "nasal_cannula"),
    ("Room Air", None, "room_air"),
]


@pytest.mark.parametrize(("category", "name", "device"), DEVICES)
def test_devices(write: Write, category: str, name: str | None, device: str) -> None:
    stays = write(respiratory_support=[support("10:00", category, name, 6.0, None)])
    assert events_of(stays, "vitals") == [{"at": "10:00", "oxygen_device": device, "oxygen_flow_l_per_min": 6.0}]
    assert not stays.unmapped


def test_an_unknown_device_is_counted_and_its_flow_still_stands(write: Write) -> None:
    stays = write(respiratory_support=[support("10:00", "Other", "Oxymizer", 8.0, None)])
    assert events_of(stays, "vitals") == [{"at": "10:00", "oxygen_flow_l_per_min": 8.0}]
    assert stays.unmapped == {"oxygen device Other: Oxymizer": 1}


@pytest.mark.parametrize(("written", "fraction"), [(0.21, 0.21), (1.0, 1.0), (21.0, 0.21), (45.0, 0.45), (100.0, 1.0)])
def test_oxygen_comes_as_fraction_or_percent(write: Write, written: float, fraction: float) -> None:
    stays = write(respiratory_support=[support("10:00", None, None, None, written)])
    assert events_of(stays, "vitals") == [{"at": "10:00", "fio2_fraction": fraction}]


def test_an_oxygen_value_that_is_neither_fraction_nor_percent_is_not_guessed(write: Write) -> None:
    stays = write(respiratory_support=[support("10:00", None, None, None, 4.0)])
    [_, _, event, _] = stays
    decoded = decode(json.dumps(event).encode())
    assert isinstance(decoded, Decoded)
    assert [(one.signal, one.value) for one in decoded.implausible] == [("fio2_fraction", 4.0)]


def test_ventilator_settings_alone_say_nothing(write: Write) -> None:
    stays = write(respiratory_support=[support("10:00", None, None, None, None)])
    assert events_of(stays, "vitals") == []
    assert stays.left_out["respiratory_support: no device, flow or oxygen fraction"] == 1


# ---- infusions ----


def infusions(stays: ClifStays) -> list[tuple[Any, ...]]:
    return [
        (e["at"], e["drug"], e["action"], e.get("rate"), e.get("rate_unit")) for e in events_of(stays, "medication")
    ]


def test_an_infusion_starts_changes_pauses_and_stops(write: Write) -> None:
    drug = "Norepinephrine"
    stays = write(
        medication_admin_continuous=[
            medication("10:00", drug, "start", 0.1, "mcg/kg/min"),
            medication("10:30", drug, "dose_change", 0.2, "mcg/kg/min"),
            medication("11:00", drug, "going", 0.2, "mcg/kg/min"),
            medication("12:00", drug, "dose_change", 0.0, "mcg/kg/min"),
            medication("13:00", drug, "start", None, "mcg/kg/min"),
            medication("14:00", drug, "stop", 0.0, "mcg/kg/min"),
        ]
    )
    assert infusions(stays) == [
        ("10:00", drug, "started", 0.1, "mcg/kg/min"),
        ("10:30", drug, "rate_changed", 0.2, "mcg/kg/min"),
        ("11:00", drug, "rate_changed", 0.2, "mcg/kg/min"),
        ("12:00", drug, "stopped", None, None),  # a rate of zero is a stop
        ("13:00", drug, "started", None, None),  # rate unknown, and it runs
        ("14:00", drug, "stopped", None, None),
    ]


def test_a_bag_that_relieves_another_is_no_stop(write: Write) -> None:
    """Two strengths of one ingredient: the engine must never see it stop while one of them runs."""
    old, new = {"med_order_id": "1"}, {"med_order_id": "2"}
    stays = write(
        medication_admin_continuous=[
            medication("10:00", "Norepinephrine 4 mg", "start", 0.1, "mcg/kg/min", **old),
            medication("11:00", "Norepinephrine 4 mg", "stop", 0.0, "mcg/kg/min", **old),
            medication("11:00", "Norepinephrine 16 mg", "start", 0.2, "mcg/kg/min", **new),
            medication("12:00", "Norepinephrine 4 mg", "start", 0.1, "mcg/kg/min", **old),
            medication("12:10", "Norepinephrine 16 mg", "stop", 0.0, "mcg/kg/min", **new),
        ]
    )
    assert [(clock, *rest) for clock, _, *rest in infusions(stays)] == [
        ("10:00", "started", 0.1, "mcg/kg/min"),
        ("11:00", "rate_changed", 0.2, "mcg/kg/min"),
        ("12:00", "rate_changed", 0.3, "mcg/kg/min"),  # two pumps add up
        ("12:10", "rate_changed", 0.1, "mcg/kg/min"),
    ]


def test_bags_in_different_units_run_at_an_unknown_rate(write: Write) -> None:
    stays = write(
        medication_admin_continuous=[
            medication("10:00", "Epinephrine", "start", 0.1, "mcg/kg/min", med_order_id="1"),
            medication("11:00", "Epinephrine", "start", 5.0, "mcg/min", med_order_id="2"),
        ]
    )
    assert infusions(stays)[1] == ("11:00", "Epinephrine", "rate_changed", None, None)


@pytest.mark.parametrize(
    ("written", "unit", "rate", "expected_unit"),
    [
        (3.0, "mL/hour", 3.0, "mL/h"),
        (2.0, "mL/hr", 2.0, "mL/h"),
        (0.1, "mcg/kg/min", 0.1, "mcg/kg/min"),
        (0.1, "ug/kg/min", 0.1, "mcg/kg/min"),
        (0.1, "µg/kg/min", 0.1, "mcg/kg/min"),  # micro sign
        (0.1, "μg/kg/min", 0.1, "mcg/kg/min"),  # Greek letter
        (20.0, "ng/kg/min", 0.02, "mcg/kg/min"),
        (0.6, "mcg/kg/hour", 0.01, "mcg/kg/min"),
        (50.0, "mcg/hour", 0.833333, "mcg/min"),
        (1.0, "mg/min", 1000.0, "mcg/min"),
        (2.0, "mg/hour", 2.0, "mg/h"),
        (1.0, "grams/hour", 1000.0, "mg/h"),
        (2.4, "units/hour", 2.4, "units/h"),
        (0.04, "units/min", 0.04, "units/min"),
        (0.04, "Units / Minute", 0.04, "units/min"),
    ],
)
def test_rates_come_in_many_units(write: Write, written: float, unit: str, rate: float, expected_unit: str) -> None:
    stays = write(medication_admin_continuous=[medication("10:00", "Vasopressin", "start", written, unit)])
    assert infusions(stays) == [("10:00", "Vasopressin", "started", rate, expected_unit)]
    assert not stays.unmapped


@pytest.mark.parametrize("unit", ["mEq/min", "mcg", "mcg/kg", "mcg/m2/min", "", "units/kg/hour"])
def test_a_rate_in_an_unknown_unit_is_unknown_and_counted(write: Write, unit: str) -> None:
    stays = write(medication_admin_continuous=[medication("10:00", "Vasopressin", "start", 1.0, unit)])
    assert infusions(stays) == [("10:00", "Vasopressin", "started", None, None)]
    assert stays.unmapped == {f"rate unit {unit}": 1}


def test_an_unknown_action_is_counted_and_changes_nothing(write: Write) -> None:
    stays = write(medication_admin_continuous=[medication("10:00", "Vasopressin", "other", 1.0, "units/h")])
    assert infusions(stays) == []
    assert stays.unmapped == {"infusion action other: None": 1}


# ---- doses ----


@pytest.mark.parametrize(
    ("category", "name", "dose", "action"),
    [
        ("given", "Given", 650.0, "given"),
        ("bolus", "Bolus", 650.0, "given"),
        ("given", "Partial", 300.0, "given"),
        ("given", "Delayed", 650.0, "given"),
        ("given", "FinishedRunning", 0.0, "not_given"),  # nothing went in
        ("not_given", "Not Given", 650.0, "not_given"),
        ("other", "Hold", 650.0, "held"),
        ("other", "Refused", 650.0, "not_given"),
    ],
)
def test_only_what_was_given_is_given(write: Write, category: str, name: str, dose: float, action: str) -> None:
    row = medication("10:00", "Acetaminophen", category, dose, "mg", mar_action_name=name, med_route_category="enteral")
    [event] = events_of(write(medication_admin_intermittent=[row]), "medication")
    expected = {"drug": "Acetaminophen", "action": action, "dose": dose, "dose_unit": "mg", "route": "oral"}
    assert event == {"at": "10:00"} | expected


def test_doses_routes_and_drugs_that_we_do_not_know_are_counted_never_guessed(write: Write) -> None:
    stays = write(
        medication_admin_intermittent=[
            medication("10:00", "Cefepime", "given", 1.0, "dose"),
            medication("10:01", "Dexamethasone", "given", 4.0, "mg", med_route_category="intrathecal"),
            medication("10:02", "Wonderdrug", "given", 1.0, "grams"),
            medication("10:03", "Cefepime", "other", 1.0, "dose", mar_action_name="See comments"),
        ]
    )
    assert events_of(stays, "medication") == [
        {"at": "10:00", "drug": "Cefepime", "action": "given", "route": "iv"},
        {"at": "10:01", "drug": "Dexamethasone", "action": "given", "dose": 4.0, "dose_unit": "mg", "route": "other"},
        {"at": "10:02", "drug": "Wonderdrug", "action": "given", "dose": 1.0, "dose_unit": "g", "route": "iv"},
    ]
    assert stays.unmapped == {
        "dose unit dose": 1,
        "route intrathecal": 1,
        "drug Wonderdrug": 1,
        "dose action other: See comments": 1,
    }


@pytest.mark.parametrize(
    ("name", "category", "drug"),
    [
        ("VASO 40 UNIT/100", "vasopressin", "vasopressin"),  # only the category is known
        ("NaCl 0.9%", "sodium_chloride", "NaCl 0.9%"),  # only the name is known
        ("Phenylephrine 2.5 % Ophth Soln", "phenylephrine", "Phenylephrine 2.5 % Ophth Soln"),  # eye drops stay so
        (None, "dexamethasone", "dexamethasone"),
    ],
)
def test_the_category_names_the_drug_where_the_sites_name_does_not(
    write: Write, name: str | None, category: str, drug: str
) -> None:
    row = medication("10:00", "-", "given", 1.0, "mg", med_name=name, med_category=category)
    [event] = events_of(write(medication_admin_intermittent=[row]), "medication")
    assert event["drug"] == drug


def test_a_dose_filed_under_two_categories_is_one_dose(write: Write) -> None:
    rows = [medication("10:00", "Dextrose 5%", "given", 50.0, "mL", med_category=name) for name in ("dextrose", "d5w")]
    stays = write(medication_admin_intermittent=rows)
    assert len(events_of(stays, "medication")) == 1
    assert stays.left_out["medication_admin_intermittent: a dose under a second category"] == 1


# ---- movements ----


def test_a_stay_begins_in_the_emergency_room_moves_and_ends(write: Write) -> None:
    stays = write(
        adt=[
            {"hospitalization_id": "s", "in_dttm": at("06:00"), "location_name": "Emergency Department"},
            {"hospitalization_id": "s", "in_dttm": at("09:00"), "location_name": "MICU"},
            {"hospitalization_id": "s", "in_dttm": at("20:30", day=3), "location_name": "Discharge Lounge"},
        ]
    )
    assert events_of(stays, "patient") == [
        {"at": "06:00", "status": "admitted", "age_years": 7.0},
        {"at": "06:00", "status": "transferred", "unit": "Emergency Department"},
        {"at": "09:00", "status": "transferred", "unit": "MICU"},
        {"at": "20:00", "status": "discharged"},
    ]
    assert stays.left_out["adt: a move after the discharge"] == 1


@pytest.mark.parametrize(
    ("fields", "died_at", "end"),
    [
        ({"discharge_category": "Expired"}, at("00:00", day=3), ["died"]),
        ({"discharge_category": "Home"}, at("00:00", day=30), ["discharged"]),
        ({"discharge_category": None}, at("12:00", day=3), ["died"]),
        ({"discharge_category": "Still Admitted"}, None, []),
        ({"discharge_dttm": None, "discharge_category": "Missing"}, None, []),
    ],
)
def test_how_a_stay_ends(write: Write, fields: Row, died_at: datetime | None, end: list[str]) -> None:
    row = stay(**fields)
    tables = {"hospitalization": [row, stay(hospitalization_id="other")], "patient": [person(died_at)]}
    assert [event["status"] for event in events_of(write(**tables), "patient")] == ["admitted", *end]


def person(died_at: datetime | None) -> Row:
    return {"patient_id": "p", "birth_date": date(2019, 5, 4), "death_dttm": died_at}


def test_the_birth_date_stands_in_for_an_age_that_is_missing(write: Write) -> None:
    stays = write(hospitalization=[stay(age_at_admission=None)], patient=[person(None)])
    assert events_of(stays, "patient")[0] == {"at": "08:00", "status": "admitted", "birth_date": "2019-05-04"}


def test_stays_without_bedside_data_have_no_story(write: Write) -> None:
    stays = write(hospitalization=[stay(), stay(hospitalization_id="quiet")])
    assert stays.patients == ("s",)
    assert {event["patient_id"] for event in stays} == {"s"}
    assert stays.left_out["hospitalization: no bedside data"] == 1


# ---- the data set ----


def test_reading_twice_gives_the_same_with_the_same_ids(write: Write) -> None:
    stays = write(vitals=[vital("10:00", "temp_c", 38.4), vital("10:00", "temp_c", 38.4), vital("09:00", "spo2", 95.0)])
    first, unmapped = list(stays), stays.left_out.copy()
    assert list(stays) == first
    assert stays.left_out == unmapped
    assert stays.left_out["vitals: identical row"] == 1
    assert stays.rows_read + 1 == stays.total


def test_tables_that_a_site_does_not_have_are_named(write: Write) -> None:
    stays = write()
    assert [event["type"] for event in stays] == ["patient", "vitals", "patient"]
    assert {what for what in stays.left_out if what.endswith("no such table")} == {
        "respiratory_support: no such table",
        "medication_admin_continuous: no such table",
        "medication_admin_intermittent: no such table",
        "adt: no such table",
        "patient: no such table",
    }


def test_ids_may_be_numbers_and_rows_without_a_time_are_counted(write: Write) -> None:
    stays = write(
        hospitalization=[stay(hospitalization_id=77)],
        vitals=[
            vital("10:00", "spo2", 95.0) | {"hospitalization_id": 77, "recorded_dttm": t} for t in (at("10:00"), None)
        ],
    )
    assert {event["patient_id"] for event in stays} == {"77"}
    assert stays.left_out["vitals: no stay or no time"] == 1


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClifError, match="nowhere: not a directory; expected a CLIF"):
        ClifStays(tmp_path / "nowhere")


def test_a_directory_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ClifError, match=r"clif_hospitalization\.parquet is missing"):
        ClifStays(tmp_path)


def test_a_file_that_is_not_parquet(write: Write, tmp_path: Path) -> None:
    write()
    (tmp_path / "clif_vitals.parquet").write_bytes(b"hello")
    with pytest.raises(ClifError, match=r"clif_vitals\.parquet: cannot be read as parquet"):
        ClifStays(tmp_path)


def test_a_column_that_is_missing(write: Write) -> None:
    row = vital("10:00", "spo2", 95.0)
    del row["vital_value"]
    with pytest.raises(ClifError, match=r"clif_vitals\.parquet: column vital_value is missing; expected"):
        write(vitals=[row])


def test_a_column_of_the_wrong_type(write: Write) -> None:
    with pytest.raises(ClifError, match="column vital_value is string; expected a number"):
        write(vitals=[vital("10:00", "spo2", 95.0) | {"vital_value": "95"}])


def test_a_time_without_a_zone_is_refused(write: Write) -> None:
    row = vital("10:00", "spo2", 95.0) | {"recorded_dttm": datetime(2026, 3, 1, 10)}  # noqa: DTZ001
    with pytest.raises(ClifError, match=r"column recorded_dttm is timestamp.*; expected a timestamp with a time zone"):
        write(vitals=[row])


# ---- 134 real stays ----


@pytest.fixture(scope="module")
def demo() -> tuple[ClifStays, list[Row]]:
    stays = ClifStays(demo_dir())
    return stays, list(stays)


def test_the_demo_is_134_stays_in_time_order(demo: tuple[ClifStays, list[Row]]) -> None:
    stays, events = demo
    assert len(stays.patients) == 134
    assert {event["patient_id"] for event in events} == set(stays.patients)
    times = [datetime.fromisoformat(event["effective_at"]) for event in events]
    assert times == sorted(times)
    assert stays.rows_read == stays.total == 119_490


def test_every_event_of_the_demo_is_accepted_and_only_dirt_is_taken_out(demo: tuple[ClifStays, list[Row]]) -> None:
    decoded = [decode(json.dumps(event).encode()) for event in demo[1]]
    assert [one for one in decoded if not isinstance(one, Decoded)] == []
    dirt = Counter(gone.signal for one in decoded if isinstance(one, Decoded) for gone in one.implausible)
    assert dirt == {"mean_arterial_mmhg": 27, "temperature_celsius": 3, "weight_kg": 1}
    assert sum(len(one.unknown_fields) for one in decoded if isinstance(one, Decoded)) == 0


def test_ids_in_the_demo_are_short_and_unique(demo: tuple[ClifStays, list[Row]]) -> None:
    ids = [event["event_id"] for event in demo[1]]
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 24


def test_the_demos_boundaries_and_pressors_are_all_there(demo: tuple[ClifStays, list[Row]]) -> None:
    """Facts that were counted on the raw tables by other means."""
    stays, events = demo
    temperatures = [event["temperature_celsius"] for event in events if "temperature_celsius" in event]
    assert sum(value == 38.0 for value in temperatures) == 40
    cannula = [event for event in events if event.get("oxygen_device") == "nasal_cannula"]
    assert sum(event.get("oxygen_flow_l_per_min") == 6.0 for event in cannula) == 61
    febrile = {event["patient_id"] for event in events if 38.0 <= event.get("temperature_celsius", 0) <= 45.0}
    assert len(febrile) == 34
    pressors = {"Norepinephrine", "Epinephrine", "Phenylephrine", "Dopamine", "Vasopressin"}
    on_pressor: dict[str, set[str]] = {}
    for event in events:
        if event.get("drug") in pressors:
            on_pressor.setdefault(event["patient_id"], set()).add(event["drug"])
    assert len(febrile & on_pressor.keys()) == 18
    assert {"oxygen device Other: Other", "rate unit mEq/min", "dose unit dose"} <= stays.unmapped.keys()


def test_no_infusion_of_the_demo_runs_on_after_its_last_row(demo: tuple[ClifStays, list[Row]]) -> None:
    last: dict[tuple[str, str], str] = {}
    for event in demo[1]:
        if event.get("action") in {"started", "rate_changed", "stopped"}:
            last[event["patient_id"], event["drug"]] = event["action"]
    assert set(last.values()) == {"stopped"}
