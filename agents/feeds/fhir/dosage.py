"""Dosage: the dose, and the rate as a quantity or as a ratio, in units of the contract."""

from __future__ import annotations

from agents.feeds.fhir.context import Context
from agents.feeds.fhir.elements import Quantity
from agents.feeds.fhir.resources import Dosage
from agents.feeds.translation.amounts import Amount, dose_fields, is_rate, rate_fields
from agents.feeds.translation.statements import Fields
from agents.feeds.units import MINUTES


def amount_of(quantity: Quantity | None) -> Amount | None:
    """A quantity as an amount; None without a number."""
    if quantity is None or quantity.value is None:
        return None
    return Amount(quantity.value, tuple(one for one in (quantity.code, quantity.unit) if one))


def dose_of(context: Context, dosage: Dosage) -> Fields | None:
    """The dose; one in a unit that the contract lacks is counted and left out."""
    amount = amount_of(dosage.dose)
    found = None if amount is None else dose_fields(amount, context.tables)
    if amount is not None and found is None:
        context.outcome.miss("word", "unit", "", next(iter(amount.units), ""))
    return found


def rate_of(context: Context, dosage: Dosage) -> Fields | None:
    """The rate, of a quantity or of a ratio; a quantity that is a time is none."""
    amount = amount_of(dosage.rate_quantity)
    if amount is not None and not is_rate(amount.units, context.tables):
        return None
    amount = amount or ratio_of(dosage)
    found = None if amount is None else rate_fields(amount, context.tables)
    if amount is not None and found is None:
        context.outcome.miss("word", "unit", "", next(iter(amount.units), ""))
    return found


def ratio_of(dosage: Dosage) -> Amount | None:
    """A ratio as a rate: 100 mL for each 2 h is 50 mL/h; None when it is not one for a time."""
    ratio = dosage.rate_ratio
    over = None if ratio is None else amount_of(ratio.denominator)
    amount = None if ratio is None else amount_of(ratio.numerator)
    if amount is None or over is None or over.value <= 0:
        return None
    times = [unit for unit in over.units if unit.casefold() in MINUTES]
    units = tuple(f"{unit}/{time}" for unit in amount.units for time in times[:1])
    return Amount(amount.value / over.value, units) if units else None
