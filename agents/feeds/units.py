"""Units as feeds write them, brought to the units of the contract: an alias table, then a fixed conversion."""

from __future__ import annotations

from schemas.field_types import DoseUnit, RateUnit

# How a unit of amount is written -> which one it is.
ALIASES: dict[str, str] = {
    **dict.fromkeys(("ng", "nanogram", "nanograms"), "ng"),
    **dict.fromkeys(("mcg", "ug", "µg", "microgram", "micrograms", "mikrogramm"), "mcg"),
    **dict.fromkeys(("mg", "milligram", "milligrams"), "mg"),
    **dict.fromkeys(("g", "gm", "gram", "grams"), "g"),
    **dict.fromkeys(("unit", "units", "iu", "[iu]", "u", "[usp'u]", "ie", "i.e.", "ui", "usp", "unt"), "units"),
    **dict.fromkeys(("ml", "milliliter", "milliliters", "cc"), "mL"),
    **dict.fromkeys(("l", "liter", "liters"), "L"),
}
MINUTES: dict[str, int] = {
    **dict.fromkeys(("min", "minute", "minutes", "m1"), 1),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "h1"), 60),
}

DOSES: dict[str, tuple[DoseUnit, float]] = {
    "ng": ("mcg", 0.001),
    "mcg": ("mcg", 1),
    "mg": ("mg", 1),
    "g": ("g", 1),
    "units": ("units", 1),
    "mL": ("mL", 1),
    "L": ("L", 1),
}

# Unit of amount, per kg, minutes -> the unit of the contract, and how many of it one is.
RATES: dict[tuple[str, bool, int], tuple[RateUnit, float]] = {
    ("ng", False, 1): ("mcg/min", 0.001),
    ("mcg", False, 1): ("mcg/min", 1),
    ("mcg", False, 60): ("mcg/min", 1 / 60),
    ("mg", False, 1): ("mcg/min", 1_000),
    ("mg", False, 60): ("mg/h", 1),
    ("g", False, 1): ("mg/h", 60_000),
    ("g", False, 60): ("mg/h", 1_000),
    ("ng", True, 1): ("mcg/kg/min", 0.001),
    ("mcg", True, 1): ("mcg/kg/min", 1),
    ("mcg", True, 60): ("mcg/kg/min", 1 / 60),
    ("mg", True, 1): ("mcg/kg/min", 1_000),
    ("mg", True, 60): ("mcg/kg/min", 1_000 / 60),
    ("units", False, 1): ("units/min", 1),
    ("units", False, 60): ("units/h", 1),
    ("mL", False, 1): ("mL/h", 60),
    ("mL", False, 60): ("mL/h", 1),
    ("L", False, 60): ("mL/h", 1_000),
}

# Beyond this a number only shows how the feed stored it.
DECIMALS = 6


def rate(value: float, written: str) -> tuple[float, RateUnit] | None:
    """An infusion rate in a unit of the contract; None when the unit is not known to us or has no counterpart."""
    parts = _plain(written).split("/")
    per_kg = len(parts) == 3 and parts[1] == "kg"
    if len(parts) != 2 and not per_kg:
        return None
    unit = RATES.get((ALIASES.get(parts[0], ""), per_kg, MINUTES.get(parts[-1], 0)))
    return None if unit is None else (round(value * unit[1], DECIMALS), unit[0])


def dose(value: float, written: str) -> tuple[float, DoseUnit] | None:
    """A dose in a unit of the contract; None when the unit is not known to us."""
    unit = DOSES.get(ALIASES.get(_plain(written), ""))
    return None if unit is None else (round(value * unit[1], DECIMALS), unit[0])


def _plain(written: str) -> str:
    """The unit in lower case, without spaces; case folding makes both Unicode signs for micro the Greek letter."""
    return "".join(written.casefold().split()).replace("μ", "µ")


def is_per_time(written: str) -> bool:
    """Whether a unit is an amount for each hour or minute, known to us or not."""
    return _plain(written).rpartition("/")[2] in MINUTES and "/" in written
