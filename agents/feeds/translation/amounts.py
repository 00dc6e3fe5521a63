"""Doses, rates and concentrations of both formats in units of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.feeds import units
from agents.feeds.translation.statements import Fields
from agents.feeds.translation.tables import Tables

MASSES = frozenset({"ng", "mcg", "mg", "g", "units"})


class Amount(NamedTuple):
    """A number with all that its unit field says."""

    value: float
    units: tuple[str, ...]


def spellings(written: Sequence[str], tables: Tables) -> Iterable[str]:
    """A unit as written, and as the table of units reads it: a number of 11073 has no other spelling."""
    return (*written, *tables.units(written))


def is_rate(written: Sequence[str], tables: Tables) -> bool:
    """Whether a unit is one of a rate, of whatever quantity."""
    return any(units.is_per_time(one) for one in spellings(written, tables))


def rate_fields(amount: Amount, tables: Tables) -> Fields | None:
    """A rate in a unit of the contract; None when there is no counterpart."""
    for one in spellings(amount.units, tables):
        found = units.rate(amount.value, one)
        if found is not None:
            return {"rate": found[0], "rate_unit": found[1]}
    return None


def dose_fields(amount: Amount, tables: Tables) -> Fields | None:
    """A dose in a unit of the contract; None when there is no counterpart."""
    for one in spellings(amount.units, tables):
        found = units.dose(amount.value, one)
        if found is not None:
            return {"dose": found[0], "dose_unit": found[1]}
    return None


def per_time(amount: Amount, time_unit: str) -> Amount:
    """An amount for each time unit as a rate: 100, mL and `h` are 100 mL/h."""
    return Amount(amount.value, tuple(f"{one}/{time_unit}" for one in amount.units))


def concentration(mass: Amount, volume: Amount, tables: Tables) -> Amount | None:
    """A drug's amount in a volume, for each mL; None unless one is a mass (or units) and the other a volume."""
    drug, fluid = dose_fields(mass, tables), dose_fields(volume, tables)
    if drug is None or fluid is None or drug["dose_unit"] not in MASSES or fluid["dose_unit"] not in ("mL", "L"):
        return None
    millilitres = fluid["dose"] * (1_000 if fluid["dose_unit"] == "L" else 1)
    return Amount(drug["dose"] / millilitres, (f"{drug['dose_unit']}/mL",)) if millilitres > 0 else None


def mass_rate(fields: Fields | None, strength: Amount | None, tables: Tables) -> Fields | None:
    """A flow in mL/h with a known concentration as a rate of the drug; else the flow as it is."""
    if fields is None or strength is None or fields["rate_unit"] != "mL/h":
        return fields
    for one in spellings(strength.units, tables):
        mass, _, volume = one.replace(" ", "").partition("/")
        if units.dose(1, volume) == (1, "mL"):
            found = units.rate(fields["rate"] * strength.value, f"{mass}/h")
            if found is not None:
                return {"rate": found[0], "rate_unit": found[1]}
    return fields
