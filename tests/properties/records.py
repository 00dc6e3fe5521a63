"""Random patient records for Hypothesis: what was charted, when it was true, when it arrived."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from monitor.units import to_datetime
from tests.bedside import Log, as_received
from tests.oracle import HOUR, MINUTE, Charted

START = 1_772_438_400_000  # 2 March 2026, 08:00 UTC
Json = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One event; times in ms."""

    content: Json
    effective_at: int
    received_at: int

    def event(self) -> Charted:
        """The event of the contract."""
        arrival = as_received(
            {**self.content, "effective_at": iso(self.effective_at), "received_at": iso(self.received_at)}
        )
        assert arrival is not None, self.content
        return arrival[0]


def iso(at: int) -> str:
    """An instant as the wire has it."""
    return to_datetime(at).isoformat()


def maybe(*values: object) -> st.SearchStrategy[Any]:
    """One of these values, or the field left out."""
    return st.sampled_from([None, *values])


def fields(type_: str, **choices: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An event of a type; what came out as None is left out."""
    return st.fixed_dictionaries({"type": st.just(type_), **choices}).map(
        lambda event: {name: value for name, value in event.items() if value is not None}
    )


SIGNALS = {
    "temperature_celsius": maybe(36.8, 37.94, 37.95, 38.0, 39.4),
    "systolic_mmhg": maybe(65.0, 69.4, 70.0, 84.0, 89.5, 90.0, 98.0, 120.0),
    "mean_arterial_mmhg": maybe(50.0, 64.4, 64.5, 80.0),
    "spo2_percent": maybe(75.0, 80.0, 89.4, 89.5, 97.0),
    "heart_rate_per_min": st.just(90.0),
}
SUPPORTS = {
    "oxygen_device": maybe("room_air", "nasal_cannula", "blow_by", "face_mask", "bipap", "invasive_ventilation"),
    "oxygen_flow_l_per_min": maybe(0.0, 2.0, 6.4, 6.5, 10.0),
    "fio2_fraction": maybe(0.21, 0.6),
}
MONITORED = fields("vitals", source=st.just("monitor"), **SIGNALS)
CHARTED = fields(
    "vitals",
    source=st.just("charted"),
    **SIGNALS,
    **SUPPORTS,
    ice_score=maybe(10, 7),
    consciousness=maybe("alert", "voice"),
)
GIVEN = (
    "tocilizumab",
    "tocilizumab-aazg",
    "siltuximab",
    "anakinra",
    "acetaminophen",
    "aspirin",
    "dexamethasone",
    "methylprednisolone",
    "fluconazole",
    "cefepime",
    "lorazepam",
    "normal saline",
    "phenylephrine",
    "a drug that nobody knows",
)
DOSES = fields(
    "medication",
    drug=st.sampled_from(GIVEN),
    action=st.sampled_from(["given", "given", "given", "held"]),
    dose=maybe(-1.0, 0.0, 10.0, 500.0, 640.0, 801.0),
    dose_unit=maybe("mg", "mg", "g", "mL"),
    route=maybe("iv", "oral", "topical"),
    indication=maybe("crs", "prophylaxis", "hypotension"),
)
INFUSIONS = fields(
    "medication",
    drug=st.sampled_from(["norepinephrine", "epinephrine", "dopamine", "vasopressin", "dobutamine"]),
    action=st.sampled_from(["started", "rate_changed", "stopped"]),
    rate=maybe(-1.0, 0.0, 0.1, 0.24, 0.25, 5.0, 19.4, 19.5, 30.0),
    rate_unit=maybe("mcg/kg/min", "mcg/min", "mg/h", "units/min"),
    route=st.just("iv"),
)
CONTEXTS = fields(
    "patient",
    status=maybe("admitted", "updated", "transferred", "discharged", "died"),
    weight_kg=maybe(12.0, 29.96, 30.0, 80.0, 110.0),
    age_years=maybe(0.5, 7.0, 17.0, 45.0),
    birth_date=maybe("2008-03-03", "2019-03-03", "1980-05-01"),  # two birthdays in the night after the first day
    high_risk=maybe(True, False),
    neutrophils_per_ul=maybe(100.0, 500.0),
    baseline_systolic_mmhg=maybe(124.0, 90.0),
    baseline_oxygen_device=maybe("nasal_cannula", "invasive_ventilation"),
    baseline_oxygen_flow_l_per_min=maybe(2.0),
    death_attributed_to_crs=maybe(True),
)
STATEMENTS = st.one_of(
    fields(
        "assessment",
        kind=st.just("attribution"),
        axis=st.sampled_from(["fever", "hypotension", "hypoxia"]),
        attributed_to_crs=st.booleans(),
    ),
    fields("assessment", kind=st.just("infection_workup"), state=st.sampled_from(["sent", "negative"])),
)
EVENTS = st.one_of(MONITORED, CHARTED, CHARTED, DOSES, INFUSIONS, CONTEXTS, STATEMENTS)
MINUTES_APART = st.sampled_from([0, 0, 1, 2, 15, 29, 30, 31, 59, 60, 61, 120, 240, 480])


@st.composite
def records(draw: st.DrawFn, *, hours: int = 23, patient_id: str = "A", infused: bool = True) -> list[Entry]:
    """A record in bedside order, every entry received at once; nothing further apart than `hours` from end to end."""
    content = draw(st.lists(st.tuples(MINUTES_APART, EVENTS), min_size=1, max_size=24))
    at = START
    entries = []
    if infused and draw(st.booleans()):
        context = {"type": "patient", "infused_at": iso(START), "weight_kg": 80.0}
        entries.append(_entry(context, patient_id, 0, at))
    for number, (minutes, event) in enumerate(content, 1):
        at = min(at + minutes * MINUTE, START + hours * HOUR)
        entries.append(_entry(event, patient_id, number, at))
    return entries


@st.composite
def shuffled(draw: st.DrawFn, entries: list[Entry]) -> list[Entry]:
    """The same record as it may really arrive: in any order, never before it was true."""
    order = draw(st.permutations(entries))
    clock = 0
    arrived = []
    for entry in order:
        clock = max(clock + draw(st.sampled_from([0, 30_000, 5 * MINUTE])), entry.effective_at)
        arrived.append(replace(entry, received_at=clock))
    return arrived


def _entry(content: Json, patient_id: str, number: int, at: int) -> Entry:
    return Entry({**content, "event_id": f"{patient_id}{number:03d}", "patient_id": patient_id}, at, at)


def play(entries: list[Entry], until: int | None = None, log: Log | None = None) -> Log:
    """The log after these entries, and with the clock at `until`."""
    log = log or Log()
    for entry in entries:
        log.receive(entry.event(), entry.received_at)
    if until is not None:
        log.tick_until(until)
    return log


def end_of(*several: list[Entry]) -> int:
    """When all of these records are in, to the second."""
    return max(entry.received_at for entries in several for entry in entries) // 1000 * 1000 + 1000
