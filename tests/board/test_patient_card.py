"""A patient's card: every grade with its evidence, the unknown as unknown, and the order of patients."""

from __future__ import annotations

import json
from typing import get_args

from pydantic_core import to_json

from agents.board.patient_card import card
from agents.board.pseudonyms import Pseudonyms
from agents.board.ward import BoardPatient
from agents.dispatch.public_alert import reference
from schemas.alert_kinds import ALERT_KINDS
from schemas.alerts import AlertKind
from tests.board.judged_ward import (
    PATIENT,
    PSEUDONYMS,
    SECRET,
    alert_id,
    alerts,
    answer,
    arrival,
    at,
    axes,
    card_content,
    context,
    event,
    fever,
    given,
    started,
    vitals,
    ward_of,
)

ROOM_AIR = {"oxygen_device": "room_air", "spo2_percent": 97}


def test_a_grade_is_shown_with_its_axes_and_what_they_rest_on() -> None:
    ward = ward_of(
        arrival(),
        fever("09:00", 38.44),
        vitals("09:05", **ROOM_AIR),
        vitals("09:10", systolic_mmhg=84),
    )
    shown = card_content(ward, "09:15")
    assert (shown["grade"], shown["floor"], shown["unknown"]) == (2, False, [])
    assert (shown["bed"], shown["unit"]) == ("12", "4B")
    assert shown["basis_words"] == "fever on record"
    assert shown["onset_at"] == at("09:00")
    assert shown["grade_since"] == at("09:10")
    shown_axes = axes(shown)
    assert [shown_axes[name]["words"] for name in shown_axes] == ["fever", "grade 2", "no finding"]
    assert shown_axes["hypotension"]["evidence"][0]["what"] == "systolic pressure 84 mmHg"
    assert shown_axes["hypotension"]["evidence"][0]["at"] == at("09:10")
    assert shown_axes["hypotension"]["attribution"] == "attribution to CRS not confirmed"
    assert shown_axes["hypoxia"]["attribution"] is None  # nothing there to attribute


def test_what_was_not_measured_is_unknown_and_the_grade_a_floor() -> None:
    ward = ward_of(arrival(), fever("09:00", 38.4))
    shown = card_content(ward, "09:15")
    assert shown["floor"]
    assert shown["unknown"]
    assert [axes(shown)[name]["words"] for name in ("hypotension", "hypoxia")] == ["unknown", "unknown"]
    assert axes(shown)["hypoxia"]["grade"] is None
    assert shown["oxygen"] is None  # not room air
    values = {one["name"]: one["value"] for one in shown["latest"]}
    assert values["temperature"] == "38.4"
    assert values["SpO2"] is None
    assert values["systolic pressure"] is None


def test_a_patient_of_whom_nothing_is_known_does_not_look_well() -> None:
    shown = card_content(ward_of(context("08:00", unit="4B")), "08:01")
    assert (shown["grade"], shown["floor"]) == (0, True)
    assert {one["words"] for one in shown["axes"]} == {"unknown"}
    assert all(one["value"] is None for one in shown["latest"])
    assert shown["bed"] is None
    assert shown["tocilizumab"]["dose"] is None


def test_values_are_shown_at_the_resolution_of_the_rules() -> None:
    ward = ward_of(arrival(), vitals("09:00", temperature_celsius=37.95, systolic_mmhg=89.5))
    values = {one["name"]: one["value"] for one in card_content(ward, "09:01")["latest"]}
    assert values["temperature"] == "38.0"
    assert values["systolic pressure"] == "90"


def test_where_the_scales_differ_both_grades_are_there_and_the_higher_one_sorts() -> None:
    low_dose = started("09:10", "norepinephrine", 4.0)
    ward = ward_of(arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=95), low_dose)
    shown = card_content(ward, "09:15")
    (astct,) = shown["other_grades"]
    assert (shown["grade"], astct["scale"], astct["grade"], astct["shown"]) == (2, "ASTCT 2019", 3, True)
    assert shown["urgency"][2] == 3
    assert shown["supports"][0]["what"] == "norepinephrine 4 mcg/min"


def test_a_masked_fever_is_shown_as_masked() -> None:
    cooled = fever("09:30", 37.1)
    story = [
        arrival(),
        fever("09:00", 38.6),
        given("09:01", "acetaminophen", 1000),
        vitals("09:05", **ROOM_AIR),
        cooled,
    ]
    assert card_content(ward_of(*story), "09:35")["basis_words"] == "fever masked by treatment"


def test_a_grade_that_present_signs_no_longer_support_is_shown_as_held() -> None:
    bad = vitals("09:10", systolic_mmhg=84)
    better = vitals("09:20", systolic_mmhg=124)
    ward = ward_of(arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR), bad)
    assert not card_content(ward, "09:11")["held"]
    ward = ward_of(arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR), bad, better)
    shown = card_content(ward, "09:21")
    assert (shown["grade"], shown["held"]) == (2, True)


def test_an_axis_that_is_not_due_to_crs_is_shown_as_left_out() -> None:
    not_due_to_crs = event("assessment", "09:20") | {
        "kind": "attribution",
        "axis": "hypotension",
        "attributed_to_crs": False,
    }
    ward = ward_of(
        arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR), vitals("09:10", systolic_mmhg=84), not_due_to_crs
    )
    axis = axes(card_content(ward, "09:21"))["hypotension"]
    assert axis["left_out"]
    assert axis["attribution"] == "left out of the grade: a clinician does not attribute it to CRS"


def test_tocilizumab_counts_against_the_limits_and_the_next_dose_is_an_instant() -> None:
    ward = ward_of(
        arrival(),
        fever("09:00", 38.6),
        vitals("09:05", **ROOM_AIR, systolic_mmhg=84),
        given("09:30", "tocilizumab", 560, indication="crs"),
    )
    toci = card_content(ward, "10:00")["tocilizumab"]
    assert (toci["count_24h"], toci["most_24h"], toci["count_total"], toci["most_total"]) == (1, 3, 1, 4)
    assert (toci["last_at"], toci["next_at"]) == (at("09:30"), at("17:30"))
    assert toci["blocked_words"] == "too soon after the last dose"
    assert toci["dose"] == "560 mg"
    assert card(ward.patients[PATIENT], PSEUDONYMS, at("10:00")).changes_at == at("17:30")
    assert card(ward.patients[PATIENT], PSEUDONYMS, at("17:30")).changes_at is None


def test_an_infusion_without_a_rate_and_a_cannula_without_a_flow_say_so() -> None:
    nameless = {key: value for key, value in started("09:10", "norepinephrine", 1.0).items() if "rate" not in key}
    cannula = vitals("09:11", oxygen_device="nasal_cannula", spo2_percent=95)
    shown = card_content(ward_of(arrival(), fever("09:00", 38.6), nameless, cannula), "09:15")
    assert {one["what"] for one in shown["supports"]} == {
        "norepinephrine, rate unknown",
        "nasal cannula, flow unknown",
    }
    assert shown["oxygen"]["what"] == "nasal cannula, flow unknown"


def test_an_alert_shows_message_evidence_rule_and_source() -> None:
    ward = ward_of(arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=84))
    due = alerts(card_content(ward, "09:10"))["dose_indicated"]
    assert due["priority"] == "medium"
    assert "560 mg" in due["message"]
    assert due["recommendation"]["dose_mg"] == 560
    assert "systolic pressure 84 mmHg" in [one["what"] for one in due["evidence"]]
    assert due["rule"] == "dose-first"
    assert due["rule_of"].startswith("house ")
    assert due["source"]


def test_an_acknowledged_alert_names_who_has_seen_it_and_keeps_its_message() -> None:
    story = [arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=84)]
    seen = answer("09:10", "acknowledge", alert_id(ward_of(*story), "escalation"), by="Nurse Okafor")
    ward = ward_of(*story, seen)
    shown_alert = alerts(card_content(ward, "09:11"))["escalation"]
    assert shown_alert["acknowledged_at"] == at("09:10")
    assert "Nurse Okafor" in shown_alert["reason"]
    assert shown_alert["message"].startswith("CRS has reached grade 2")
    assert shown_alert["evidence"]


def test_a_snooze_ends_by_itself() -> None:
    story = [arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=84)]
    kinds = [brief.kind for brief, _ in ward_of(*story).patients[PATIENT].open_alerts()]
    ids = [alert_id(ward_of(*story), kind) for kind in dict.fromkeys(kinds)]
    assert len(ids) > 1
    quiet = answer("09:10", "snooze", ids[0], until="2026-05-01T09:25:00+00:00", reason="asked by Nurse Okafor")
    ward = ward_of(*story, quiet)
    shown = card(ward.patients[PATIENT], PSEUDONYMS, at("09:11"))
    quiet_now = [one for one in shown.content["alerts"] if one["quiet_until"]]
    assert [one["key"] for one in quiet_now] == [ids[0]]
    assert shown.content["alerts"][-1]["key"] == ids[0]  # what waits comes first
    assert shown.changes_at == at("09:25")
    later = card_content(ward, "09:25")
    assert all(one["quiet_until"] is None for one in later["alerts"])
    assert later["urgency"][-1] == shown.content["urgency"][-1] + 1


def test_the_more_urgent_comes_first() -> None:
    feverish = [arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=120)]
    ventilated = vitals("09:10", oxygen_device="invasive_ventilation", fio2_fraction=0.6)
    gone = context("09:20", status="discharged")
    silent = vitals("23:59", heart_rate_per_min=80)  # long after the last word: vitals were lost, and are back
    order = [
        ward_of(*feverish, ventilated),
        ward_of(*feverish, vitals("09:10", systolic_mmhg=84)),
        ward_of(*feverish),
        ward_of(arrival(), vitals("09:05", **ROOM_AIR, systolic_mmhg=120, temperature_celsius=36.8), silent),
        ward_of(*feverish, ventilated, gone),
    ]
    urgencies = [card_content(ward, "23:59")["urgency"] for ward in order]
    assert urgencies == sorted(urgencies, reverse=True)
    assert len({tuple(one) for one in urgencies}) == len(order)


def test_what_has_happened_is_read_before_what_to_do_about_it() -> None:
    ward = ward_of(arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=84))
    kinds = [one["kind"] for one in card_content(ward, "09:10")["alerts"] if one["priority"] == "medium"]
    assert kinds[:2] == ["escalation", "dose_indicated"]
    orders = [ALERT_KINDS[kind].list_order for kind in get_args(AlertKind)]
    assert len(orders) == len(set(orders))


def test_an_unmonitored_patient_ranks_as_high() -> None:
    at_any_rate = dict.fromkeys(("acknowledged_at", "snoozed_until"))
    base = ward_of(arrival(), fever("09:00", 38.6)).patients[PATIENT]
    brief = base.state.alerts[0].model_copy(update=at_any_rate | {"kind": "unmonitored", "priority": "technical"})
    patient = BoardPatient(0, base.state.model_copy(update={"alerts": (brief, *base.state.alerts[1:])}))
    shown = card(patient, PSEUDONYMS, at("09:10")).content
    assert (shown["alerts"][0]["kind"], shown["alerts"][0]["rank"]) == ("unmonitored", 3)
    assert shown["urgency"][1] == 1


def test_only_an_opaque_reference_names_the_patient() -> None:
    name = "MRN-4711-canary"
    story = [
        one | {"patient_id": name, "event_id": f"{name}-{number}"}
        for number, one in enumerate(
            [
                arrival(bed=f"bed of {name}"),
                fever("09:00", 38.6),
                vitals("09:05", **ROOM_AIR, systolic_mmhg=84),
                given("09:30", "tocilizumab", 560),
                started("09:40", "norepinephrine", 4.0),
            ]
        )
    ]
    patient = ward_of(*story).patients[name]
    shown = card(patient, PSEUDONYMS, at("09:45")).content
    assert shown["alerts"]
    assert name not in to_json(shown).decode()
    assert shown["reference"] == reference(SECRET, name)
    assert shown["bed"] is None
    with_ids = card(patient, Pseudonyms(SECRET, show_ids=True), at("09:45")).content
    assert (with_ids["patient_id"], with_ids["bed"]) == (name, f"bed of {name}")


def test_an_alert_id_that_spells_out_the_patient_is_hidden() -> None:
    assert PSEUDONYMS.alert_key("p-1", "alert-of-p-1") == reference(SECRET, "alert-of-p-1")
    assert PSEUDONYMS.alert_key("p-1", "0badcafe") == "0badcafe"


def test_a_card_is_plain_json_and_a_function_of_its_arguments() -> None:
    ward = ward_of(arrival(), fever("09:00", 38.6), vitals("09:05", **ROOM_AIR, systolic_mmhg=84))
    once, again = (to_json(card_content(ward, "09:10")) for _ in range(2))
    assert once == again
    assert json.loads(once)["axes"][0]["name"] == "fever"
