"""Values in the unit of their signal: a fixed conversion, rounded. A unit is never guessed by magnitude."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

Convert = Callable[[float], float]


def times(factor: float, decimals: int) -> Convert:
    """Multiplies, and rounds as clinicians read the value."""
    return lambda value: round(value * factor, decimals)


def as_it_is(value: float) -> float:
    """The unit of the signal itself."""
    return value


PRESSURE: Mapping[str, Convert] = {"mm[Hg]": as_it_is, "kPa": times(7.50062, 2)}
RATE: Mapping[str, Convert] = {"/min": as_it_is}
ENZYME: Mapping[str, Convert] = {"U/L": as_it_is, "ukat/L": times(60, 3)}
SCORE: Mapping[str, Convert] = {}

# By signal: the units it may come in (UCUM, shipped/units.toml), and how each becomes the field's own. Molar masses:
# bilirubin 584.66, creatinine 113.12, lactate 90.08 g/mol, haemoglobin (monomer) 16,114 g/mol.
CONVERSIONS: Mapping[str, Mapping[str, Convert]] = {
    "temperature_celsius": {"Cel": as_it_is, "[degF]": lambda value: round((value - 32) * 5 / 9, 1)},
    "heart_rate_per_min": RATE,
    "respiratory_rate_per_min": RATE,
    "systolic_mmhg": PRESSURE,
    "diastolic_mmhg": PRESSURE,
    "mean_arterial_mmhg": PRESSURE,
    "blood_pressure": PRESSURE,
    "spo2_percent": {"%": as_it_is},
    "oxygen_flow_l_per_min": {"L/min": as_it_is, "mL/min": times(0.001, 3)},
    "weight_kg": {
        "kg": as_it_is,
        "g": times(0.001, 3),
        "[lb_av]": times(0.45359237, 3),
        "[oz_av]": times(0.028349523125, 3),
    },
    "neutrophils_per_ul": {"/uL": as_it_is, "10*6/L": as_it_is, "10*9/L": times(1_000, 3)},
    "platelets_per_nl": {"10*9/L": as_it_is, "/uL": times(0.001, 3), "10*6/L": times(0.001, 3)},
    "haemoglobin_g_per_dl": {"g/dL": as_it_is, "g/L": times(0.1, 3), "mmol/L": times(1.6114, 3)},
    "ferritin_ug_per_l": {"ug/L": as_it_is, "mg/L": times(1_000, 3)},
    "crp_mg_per_l": {"mg/L": as_it_is, "mg/dL": times(10, 3)},
    "fibrinogen_mg_per_dl": {"mg/dL": as_it_is, "g/L": times(100, 3), "g/dL": times(1_000, 3)},
    "ldh_u_per_l": ENZYME,
    "alt_u_per_l": ENZYME,
    "bilirubin_mg_per_dl": {"mg/dL": as_it_is, "umol/L": times(0.058466, 4)},
    "creatinine_mg_per_dl": {"mg/dL": as_it_is, "umol/L": times(0.011312, 4), "mmol/L": times(11.312, 4)},
    "lactate_mmol_per_l": {"mmol/L": as_it_is, "mg/dL": times(0.111012, 4)},
}
# Signals that need no unit: a fraction says by its size whether it is one, and a score is a count.
UNITLESS = frozenset({"fio2_fraction", "ice_score", "capd_score"})
RATE_UNITS = frozenset(
    {"mL/h", "mL/min", "L/h", "mg/h", "mg/min", "g/h", "ug/h", "ug/min", "ug/kg/min", "ug/kg/h", "mg/kg/h"}
    | {"ng/kg/min", "[iU]/h", "[iU]/min", "mL", "L", "mg", "ug", "g", "ng", "[iU]", "mg/mL", "ug/mL", "[iU]/mL"}
)
KNOWN_UNITS = frozenset({unit for units in CONVERSIONS.values() for unit in units} | RATE_UNITS | {"{score}"})


def conversion(signal: str, units: Iterable[str]) -> Convert | None:
    """How a value in the first of these units that the signal may have becomes the signal's; None: in none of them."""
    known = CONVERSIONS[signal]
    return next((known[unit] for unit in units if unit in known), None)


def fraction(value: float) -> float:
    """Inspired oxygen as a fraction: 0.21 to 1.0 is one, 21 to 100 is percent, whatever unit stands beside it."""
    return round(value / 100, 4) if 21 <= value <= 100 else value
