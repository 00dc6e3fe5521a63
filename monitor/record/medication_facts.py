"""Turns a medication line into facts: the drug mapped to its role, the dose in mg, at the bedside time."""

from __future__ import annotations

from monitor.guidelines.formulary_lookup import Formulary, is_systemic
from monitor.model import Fact, MedicationFact
from monitor.verdicts import Reason
from schemas.events import Medication
from schemas.field_types import Action

MG_PER_UNIT = {"mg": 1.0, "g": 1000.0, "mcg": 0.001}


def medication_facts(formulary: Formulary, event: Medication, at: int) -> tuple[list[Fact], Reason]:
    """The facts of a medication line, and the verdict on it: why it does or does not count."""
    drugs = formulary.find(event.drug)
    if not drugs:
        return [], "not_systemic" if formulary.is_local(event.drug) else "unmapped_drug"
    if not is_systemic(event.route):
        return [], "not_systemic"
    action = "stopped" if event.rate == 0 and event.action in ("started", "rate_changed") else event.action
    if is_nothing_given(event, action):
        return [], "not_given"
    factor = MG_PER_UNIT.get(event.dose_unit or "")
    dose_mg = None if event.dose is None or event.dose <= 0 or factor is None else event.dose * factor
    facts: list[Fact] = []
    for drug in drugs:
        too_little = drug.minimum_mg is not None and (dose_mg is None or dose_mg < drug.minimum_mg)
        if drug.role != "other" and not too_little:
            facts.append(
                MedicationFact(
                    at,
                    event.event_id,
                    drug.ingredient,
                    drug.role,
                    action,
                    dose_mg,
                    event.rate,
                    event.rate_unit,
                    event.indication,
                )
            )
    return facts, "applied" if facts else "no_rule"


def is_nothing_given(event: Medication, action: Action) -> bool:
    """Whether the line says that no drug was given: held, refused, or an amount of 0 or less.

    An infusion that has a rate runs, whatever its amount; a stop is a stop.
    """
    if action in ("held", "not_given"):
        return True
    is_amount = action == "given" or (action in ("started", "rate_changed") and event.rate is None)
    return is_amount and event.dose is not None and event.dose <= 0
