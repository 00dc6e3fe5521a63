"""Translates a line of a story, written as a nurse would, into an event of the contract.

temperature_celsius 38.4 charted                     one observation, several signals separated by commas
norepinephrine started 0.3 mcg/kg/min                drug, action, then dose or rate, route, `for` an indication
tocilizumab given 560 mg iv under 17 by pump pump-3  the line or order, the source, the pump
patient weight_kg 80, high_risk yes, infused_at 08:00, status discharged
attribution hypotension no                           an axis is not due to CRS, by a clinician
infection_workup sent                                the work-up is under way
acknowledge escalation 2                             of the alert that is open by that name
snooze dose_indicated until 11:00
corrects 10:00: temperature_celsius 37.2             replaces what was charted as true at 10:00
voids 10:00                                          what was charted at 10:00 never happened
[cuff] systolic_mmhg 84                              an entry with a name, for `again`, `corrects` and `voids`
voids vitals [cuff]                                  the same before the entry itself has come
again 10:00                                          the same message once more
defect: temperature_celsius 38.4                     an event on which judging raises an exception
B: …                                                 all of these, for a second patient
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from monitor.units import to_datetime
from schemas.events import Medication, Patient, Vitals
from tests.stories import clock
from tests.stories.clock import When

Event = dict[str, Any]
FindAlert = Callable[[str, str], str]
UNITS_OF_DOSE = ("mg", "g", "mcg", "mL", "L", "units")
ACTIONS = ("given", "started", "rate_changed", "stopped", "held", "not_given")
ROUTES = ("iv", "oral", "sc", "im", "rectal", "topical", "ophthalmic", "inhaled", "other")
TIMES = {"infused_at"}
# What a void repeats of the event that it takes back: its type, and what that type requires.
VOID_REPEATS = ("type", "kind", "axis", "attributed_to_crs", "state", "drug", "action")
_MEDICATION = re.compile(
    rf"(?P<drug>.+?) (?P<action>{'|'.join(ACTIONS)})"
    rf"(?: (?P<amount>-?[\d.]+)(?: (?P<unit>[\w/]+))?)?(?: (?P<route>{'|'.join(ROUTES)}))?(?: for (?P<indication>\w+))?"
    r"(?: under (?P<administration_id>\S+))?(?: by (?P<source>pump|record))?(?: (?P<device_id>pump-\w+))?"
)


class Chart:
    """The events of a story so far, so that a later line can correct, void or repeat an earlier one."""

    def __init__(self, find_alert: FindAlert) -> None:
        self._find_alert = find_alert
        self.events: list[Event] = []

    def read(self, what: str, when: When) -> Event:
        """The event of a line of a story."""
        patient_id, what = patient_of(what)
        name, what = _named(what)
        if what.startswith("again "):
            earlier = self._earlier(patient_id, what.removeprefix("again "), when)
            return {**earlier, "received_at": _iso(when.received_at)}
        event = {
            **self._own_fields(patient_id, what, when),
            "event_id": f"{patient_id}-{name or len(self.events) + 1}",
            "patient_id": patient_id,
            "effective_at": _iso(when.effective_at),
            "received_at": _iso(when.received_at),
        }
        self.events.append(event)
        return event

    def _own_fields(self, patient_id: str, what: str, when: When) -> Event:
        if unborn := re.fullmatch(r"voids (\w+) \[(\w+)\]", what):
            return {"type": unborn[1], "replaces": f"{patient_id}-{unborn[2]}", "status": "entered_in_error"}
        if what.startswith("voids "):
            earlier = self._earlier(patient_id, what.removeprefix("voids "), when)
            kept = {name: earlier[name] for name in VOID_REPEATS if name in earlier}
            return {**kept, "replaces": earlier["event_id"], "status": "entered_in_error"}
        if what.startswith("corrects "):
            label, rest = what.removeprefix("corrects ").split(": ", 1)
            earlier = self._earlier(patient_id, label, when)
            return {**self._own_fields(patient_id, rest, when), "replaces": earlier["event_id"]}
        first, _, rest = what.partition(" ")
        match first:
            case "patient":
                return {"type": "patient", **_fields(rest, Patient, when)}
            case "attribution":
                axis, word = rest.split()
                return _assessment("attribution", axis=axis, attributed_to_crs=_value(word))
            case "infection_workup":
                return _assessment("infection_workup", state=rest)
            case "note":
                return _assessment("note", text=rest)
            case "acknowledge":
                return _assessment("acknowledge", alert_id=self._find_alert(patient_id, rest), by="nurse")
            case "snooze":
                name, until = rest.split(" until ")
                until_at = clock.read_one(until, clock.midnight(when.effective_at))
                return _assessment("snooze", alert_id=self._find_alert(patient_id, name), until=_iso(until_at))
        if first in Vitals.model_fields or first in ("monitor", "charted"):
            return _vitals(what, when)
        return _medication(what)

    def _earlier(self, patient_id: str, label: str, when: When) -> Event:
        if label.startswith("["):
            return next(e for e in self.events if e["event_id"] == f"{patient_id}-{label.strip('[]')}")
        at = _iso(clock.read_one(label, clock.midnight(when.effective_at)))
        found = [e for e in self.events if e["patient_id"] == patient_id and e["effective_at"] == at]
        if not found:
            raise ValueError(f"nothing was charted for {patient_id} as true at {label}")
        return found[-1]


def patient_of(what: str) -> tuple[str, str]:
    """The patient a line is about, and the line without the name; `A` unless it names another."""
    named = re.match(r"([A-Z]): ", what)
    return (named[1], what[named.end() :]) if named else ("A", what)


def _named(what: str) -> tuple[str, str]:
    """The name of an entry, if it has one, and the entry."""
    named = re.match(r"\[(\w+)\] ", what)
    return (named[1], what[named.end() :]) if named else ("", what)


def _vitals(what: str, when: When) -> Event:
    source = "charted" if what.endswith(" charted") else "monitor"
    return {"type": "vitals", "source": source, **_fields(what.removesuffix(" charted"), Vitals, when)}


def _fields(text: str, model: type[Vitals] | type[Patient], when: When) -> Event:
    event: Event = {}
    for part in text.split(", "):
        name, _, value = part.partition(" ")
        if name not in model.model_fields:
            raise ValueError(f"'{name}' is no field of a {model.__name__} event")
        if name in TIMES:
            event[name] = _iso(clock.read_one(value, clock.midnight(when.effective_at)))
        else:
            event[name] = _value(value)
    return event


def _medication(what: str) -> Event:
    found = _MEDICATION.fullmatch(what)
    if found is None:
        raise ValueError(f"'{what}' is neither an observation nor a line of the medication record")
    event: Event = {"type": "medication", "drug": found["drug"], "action": found["action"]}
    if found["amount"]:
        name = "dose" if found["unit"] in UNITS_OF_DOSE else "rate"
        event[name] = float(found["amount"])
        if found["unit"]:
            event[f"{name}_unit"] = found["unit"]
    more = ("route", "indication", "administration_id", "source", "device_id")
    event |= {name: found[name] for name in more if found[name]}
    assert event.keys() <= Medication.model_fields.keys()
    return event


def _assessment(kind: str, **fields: object) -> Event:
    return {"type": "assessment", "kind": kind, **fields}


def _value(text: str) -> float | int | bool | str:
    if text in ("yes", "no"):
        return text == "yes"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d+\.\d+", text) else text


def _iso(at: int) -> str:
    return to_datetime(at).isoformat()
