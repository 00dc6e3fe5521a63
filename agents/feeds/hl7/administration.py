"""RXA with ORC, RXR and RXC: which drug, what was done, and how much of it."""

from __future__ import annotations

from typing import NamedTuple

from agents.feeds.hl7.context import Context
from agents.feeds.hl7.message import Message
from agents.feeds.translation.amounts import (
    Amount,
    concentration,
    dose_fields,
    is_rate,
    mass_rate,
    per_time,
    rate_fields,
)
from agents.feeds.translation.drugs import named
from agents.feeds.translation.statements import Fields
from agents.feeds.translation.values import LONGEST_NUMBER, NUMBER
from agents.feeds.units import MINUTES

CANCELS = frozenset({"CA", "OC"})
DONE = frozenset({"CP", "PA", ""})
NOT_DONE = frozenset({"RE", "NA"})
OF_A_RATE = frozenset({"started", "rate_changed", "stopped"})


class Administration(NamedTuple):
    """An RXA with its order, its routes and its components."""

    order: list[str]
    row: list[str]
    routes: list[list[str]]
    components: list[list[str]]

    def order_id(self, message: Message) -> str:
        """The order: of the filler, else of the placer."""
        return message.first(self.order, 3) or message.first(self.order, 2)


def drug_of(context: Context, one: Administration) -> str | None:
    """The drug of RXA-5; where that names none but a carrier, the drug that is added to it (RXC of type A)."""
    message, tables = context.message, context.tables
    codings = context.codings(message.get(one.row, 5))
    text = next((coding.text for coding in codings if coding.text), "")
    additives = [row for row in one.components if message.first(row, 1).upper() == "A"]
    known = tables.formulary.find(tables.drug(codings, text) or "")
    if additives and all(drug.role == "fluid" for drug in known):
        added = [context.codings(message.get(row, 2)) for row in additives]
        texts = [next((coding.text for coding in of if coding.text), "") for of in added]
        return named(added[0] if len(added) == 1 else (), " + ".join(filter(None, texts)), tables, context.outcome)
    return named(codings, text, tables, context.outcome)


def action_of(context: Context, one: Administration) -> str | None:
    """What was done, or `void`; None, with a dead letter, where the message does not say it clearly."""
    message = context.message
    change = message.first(one.row, 21).upper()
    control = message.first(one.order, 1).upper()
    if change == "D":
        return "void"
    if control in CANCELS and not change:
        means = context.tables.word("action", [f"ORC-1={control}"])
        if means is None:
            context.outcome.refuse("unknown_value", "ORC-1: an order cancelled, or a dose not given? A word decides it")
        if means != "given":
            return means
    word = completed(context, one)
    if word in ("unknown", "void", "not_given", "held"):
        return None if word == "unknown" else word
    if word in OF_A_RATE or rate_of(context, one) is not None:
        return of_a_rate(context, one, word, control)
    return "given"


def completed(context: Context, one: Administration) -> str:
    """RXA-20 as an action of the contract; `given` when it says no more than that it was done."""
    message = context.message
    status = message.first(one.row, 20).upper()
    if status in NOT_DONE or message.get(one.row, 18):
        return "not_given"
    if status in DONE:
        return "given"
    means = context.tables.word("action", message.components(message.get(one.row, 20)))
    if means is None:
        context.outcome.refuse("unknown_value", "RXA-20: neither a status of HL7 nor a word that is known")
    return means or "unknown"


def of_a_rate(context: Context, one: Administration, word: str, control: str) -> str:
    """What a line with a rate did to the infusion: a rate of 0 ends it, and so does an order that is discontinued."""
    rate = rate_of(context, one)
    if word == "stopped" or (rate is not None and (rate.value == 0 or (control == "DC" and word == "given"))):
        return "stopped"
    return word if word in OF_A_RATE else "rate_changed"


def rate_of(context: Context, one: Administration) -> Amount | None:
    """The rate: RXA-7 is a unit of one, or RXA-12 gives the time unit; None where it is an amount."""
    amount = amount_in(context, one.row, 6, 7)
    if amount is None:
        return None
    if is_rate(amount.units, context.tables):
        return amount
    times = [
        part for part in context.message.components(context.message.get(one.row, 12)) if part.casefold() in MINUTES
    ]
    return per_time(amount, times[0]) if times else None


def amount_fields(context: Context, one: Administration, action: str) -> Fields:
    """Action with dose or rate. What has no unit of the contract is left out and counted, never guessed."""
    fields: Fields = {"action": action}
    written = context.message.first(one.row, 6)
    if action in ("not_given", "held", "stopped") or not written:
        return fields
    amount = amount_in(context, one.row, 6, 7)
    if amount is None:
        context.outcome.refuse("wrong_type", "RXA-6: must be a single number")
        return fields
    rate = rate_of(context, one)
    if rate is None:
        found = dose_fields(amount, context.tables)
    else:
        found = mass_rate(rate_fields(rate, context.tables), strength_of(context, one), context.tables)
    if found is None:
        context.outcome.miss("word", "unit", "", next(iter((rate or amount).units), ""))
    return {**fields, **(found or {})}


def amount_in(context: Context, segment: list[str], value: int, unit: int) -> Amount | None:
    """A number with its unit; None where the field holds no number."""
    message = context.message
    written = message.first(segment, value)
    if not NUMBER.fullmatch(written) or len(written) > LONGEST_NUMBER:
        return None
    parts = message.components(message.get(segment, unit))
    return Amount(float(written), tuple(part for at, part in enumerate(parts) if part and at % 3 != 2))


def strength_of(context: Context, one: Administration) -> Amount | None:
    """The concentration: additive in base (RXC), or strength (RXA-13, -14) in its volume (RXA-23, -24)."""
    message = context.message
    of_kind = {kind: [row for row in one.components if message.first(row, 1).upper() == kind] for kind in ("A", "B")}
    if len(of_kind["A"]) == 1 and len(of_kind["B"]) == 1:
        mass, volume = (amount_in(context, of_kind[kind][0], 3, 4) for kind in ("A", "B"))
        if mass is not None and volume is not None:
            return concentration(mass, volume, context.tables)
    strength = amount_in(context, one.row, 13, 14)
    volume = amount_in(context, one.row, 23, 24)
    if strength is not None and volume is not None:
        return concentration(strength, volume, context.tables)
    return strength
