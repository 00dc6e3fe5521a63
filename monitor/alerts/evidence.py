"""Evidence of alerts and axes: observations with value, unit, bedside time and the event that carried them."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.course import axes
from monitor.course.episodes import on_board
from monitor.guidelines.model import Profile
from monitor.model import Course, Dose, FeedHealth, ImplausibleReadings, Infusion, Reading
from monitor.record.identity import plain_id
from monitor.units import LONG_AGO, to_datetime
from schemas.alerts import Evidence
from schemas.trusted import trusted

CONTEXT_UNITS = {
    "weight_kg": "kg",
    "age_years": "years",
    "neutrophils_per_ul": "/µl",
    "baseline_systolic_mmhg": "mmHg",
    "baseline_oxygen_flow_l_per_min": "L/min",
}


def reading(signal: str, unit: str, value: Reading, scale: int = 1) -> Evidence:
    """One reading as evidence."""
    shown = value.value / scale if scale != 1 else value.value
    return trusted(
        Evidence,
        signal=signal,
        value=float(shown),
        unit=unit,
        effective_at=to_datetime(value.at),
        event_id=plain_id(value.event_id),
    )


def fever(course: Course) -> tuple[Evidence, ...]:
    """The last fever."""
    return () if course.fever is None else (reading("temperature_celsius", "°C", course.fever, 10),)


def temperature(course: Course) -> tuple[Evidence, ...]:
    """The latest temperature."""
    return () if course.temperature is None else (reading("temperature_celsius", "°C", course.temperature, 10),)


def hypotension(profile: Profile, course: Course) -> tuple[Evidence, ...]:
    """What the grade of the hypotension axis rests on; without a sign, the pressure itself."""
    found = list(infusions(i for i in course.infusions if i.role in ("vasopressor", "vasopressin")))
    for name, signal, below in (
        ("systolic_mmhg", course.sbp, course.sbp_below),
        ("mean_arterial_mmhg", course.map, course.map_below),
    ):
        if signal.counted is not None and (axes.is_low(signal, below) or not found):
            found.append(reading(name, "mmHg", signal.counted))
    treated = course.treated
    if treated is not None and course.at < treated.at + profile.treated_for:
        found.append(
            trusted(
                Evidence,
                signal=treated.drug,
                value="given for hypotension",
                effective_at=to_datetime(treated.at),
                event_id=plain_id(treated.event_id),
            )
        )
    if any(i.rate_unit == "mcg/kg/min" for i in course.infusions):
        found.extend(weight(course))
    if any(axes.is_low(s, below) for s, below in ((course.sbp, course.sbp_below), (course.map, course.map_below))):
        found.extend(context(course, "age_years", "baseline_systolic_mmhg"))
    return tuple(found)


def hypoxia(course: Course) -> tuple[Evidence, ...]:
    """The oxygen support and the saturation."""
    found = []
    if course.oxygen is not None:
        o = course.oxygen
        found.append(
            trusted(
                Evidence,
                signal="oxygen_device",
                value=o.device or "unknown",
                effective_at=to_datetime(o.since),
                event_id=plain_id(o.event_id),
            )
        )
        if o.flow is not None:
            found.append(
                trusted(
                    Evidence,
                    signal="oxygen_flow_l_per_min",
                    value=o.flow,
                    unit="L/min",
                    effective_at=to_datetime(o.charted_at),
                    event_id=plain_id(o.event_id),
                )
            )
    if course.spo2.counted is not None:
        found.append(reading("spo2_percent", "%", course.spo2.counted))
    found.extend(context(course, "baseline_oxygen_device", "baseline_oxygen_flow_l_per_min"))
    return tuple(found)


def grade(profile: Profile, course: Course) -> tuple[Evidence, ...]:
    """Everything the grade rests on: the fever or its mask, and the axes that show a sign."""
    found = list(fever(course)) if course.basis != "masked_unconfirmed" else []
    if course.basis in ("masked", "masked_unconfirmed"):
        found.extend(mask(profile, course))
    if (course.hypotension.grade or 1) > 1:
        found.extend(hypotension(profile, course))
    if (course.hypoxia.grade or 1) > 1:
        found.extend(hypoxia(course))
    return tuple(found)


def masked(profile: Profile, course: Course) -> tuple[Evidence, ...]:
    """The signs, the temperature as it is, and the drug that hides the fever."""
    found = [*temperature(course), *mask(profile, course)]
    if (course.hypotension.grade or 1) > 1:
        found.extend(hypotension(profile, course))
    if (course.hypoxia.grade or 1) > 1:
        found.extend(hypoxia(course))
    return tuple(found)


def mask(profile: Profile, course: Course) -> tuple[Evidence, ...]:
    """The drug that hides a fever: the one in effect, else the first of the episode."""
    found = on_board(profile, course, course.at)
    if found is not None:
        return doses((found[0],))
    return doses(tuple(d for d in course.doses if d.at == course.episode.masked_at)[:1])


def doses(given: tuple[Dose, ...]) -> tuple[Evidence, ...]:
    """Doses as evidence."""
    return tuple(
        trusted(
            Evidence,
            signal=d.drug,
            value=d.dose_mg,
            unit=None if d.dose_mg is None else "mg",
            effective_at=to_datetime(d.at),
            event_id=plain_id(d.event_id),
        )
        for d in given
    )


def infusions(running: Iterable[Infusion]) -> tuple[Evidence, ...]:
    """Running infusions as evidence."""
    return tuple(
        trusted(
            Evidence,
            signal=one.drug,
            value=one.rate,
            unit=one.rate_unit,
            effective_at=to_datetime(one.charted_at),
            event_id=plain_id(one.event_id),
        )
        for one in running
    )


def neuro(course: Course, depressant: Dose | None) -> tuple[Evidence, ...]:
    """ICE score and consciousness, and a CNS depressant if one was given."""
    signs = [("ice_score", course.ice), ("consciousness", course.consciousness)]
    found = [
        trusted(
            Evidence,
            signal=name,
            value=float(s.value) if isinstance(s.value, int) else s.value,
            effective_at=to_datetime(s.at),
            event_id=plain_id(s.event_id),
        )
        for name, s in signs
        if s is not None
    ]
    return tuple(found) + (() if depressant is None else doses((depressant,)))


def weight(course: Course) -> tuple[Evidence, ...]:
    """The present weight, with which doses and rates per kg are worked out."""
    return context(course, "weight_kg")


def dose_and_weight(course: Course, dose: Dose) -> tuple[Evidence, ...]:
    """A dose, and the weight it is checked against: that of its time, where the weight has changed since."""
    if dose.weight_kg in (None, course.context.weight_kg):
        return doses((dose,)) + weight(course)
    then = Evidence(signal="weight_kg", value=dose.weight_kg, unit="kg", effective_at=to_datetime(dose.at))
    return (*doses((dose,)), then)


def context(course: Course, *names: str) -> tuple[Evidence, ...]:
    """Fields of the patient's context, as far as they are known."""
    known = ((name, getattr(course.context, name)) for name in names)
    return tuple(
        trusted(Evidence, signal=name, value=value, unit=CONTEXT_UNITS.get(name))
        for name, value in known
        if value is not None
    )


def silence(feed: FeedHealth) -> tuple[Evidence, ...]:
    """The last vitals before a silence."""
    at = None if feed.vitals_at == LONG_AGO else to_datetime(feed.vitals_at)
    return () if at is None else (trusted(Evidence, signal="vitals", value="the last that came", effective_at=at),)


def implausible(readings: ImplausibleReadings, count: int) -> tuple[Evidence, ...]:
    """The times of the last implausible values of a signal; the values themselves are in the dead letters."""
    return tuple(
        trusted(Evidence, signal=readings.signal, value="implausible", effective_at=to_datetime(at))
        for at in readings.times[-count:]
    )
