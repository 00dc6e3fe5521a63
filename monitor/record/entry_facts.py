"""The facts of a medication line, a context event or a clinician's statement, at the bedside time."""

from __future__ import annotations

from monitor.fact_types import ContextFact, Fact, InfusionFact, MedicationFact, StatementFact
from monitor.guidelines.formulary_lookup import Formulary, is_systemic
from monitor.record import identity
from monitor.units import to_ms
from monitor.verdicts import Reason
from schemas.assessments import Attribution, InfectionWorkup
from schemas.events import Medication, Patient
from schemas.field_types import Action

CONTEXT_FIELDS = (
    "weight_kg",
    "unit",
    "bed",
    "product",
    "high_risk",
    "neutrophils_per_ul",
    "baseline_systolic_mmhg",
    "baseline_oxygen_device",
    "baseline_oxygen_flow_l_per_min",
    "death_attributed_to_crs",
)
MOVEMENTS = ("admitted", "transferred", "discharged", "died")
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
    key, content = identity.key_of(event), identity.content_of(event)
    line = (action, dose_mg, event.rate, event.rate_unit, event.indication, content, event.administration_id)
    facts: list[Fact] = []
    for drug in drugs:
        too_little = drug.minimum_mg is not None and (dose_mg is None or dose_mg < drug.minimum_mg)
        if drug.role != "other" and not too_little:
            facts.append(MedicationFact(at, key, drug.ingredient, drug.role, *line))
    return facts, "applied" if facts else "no_rule"


def is_nothing_given(event: Medication, action: Action) -> bool:
    """Whether the line says that no drug was given: held, refused, or an amount of 0 or less.

    An infusion that has a rate runs, whatever its amount; a stop is a stop.
    """
    if action in ("held", "not_given"):
        return True
    is_amount = action == "given" or (action in ("started", "rate_changed") and event.rate is None)
    return is_amount and event.dose is not None and event.dose <= 0


def context_facts(event: Patient, at: int) -> list[Fact]:
    """The fields that a patient event sets; the infusion of the product at its own time."""
    changes: list[tuple[str, float | str | bool | None]] = [
        (name, value) for name in CONTEXT_FIELDS if (value := getattr(event, name)) is not None
    ]
    if event.status in MOVEMENTS:
        changes.append(("status", event.status))
    if event.birth_date is not None:
        changes.append(("birth_date", event.birth_date.isoformat()))
    elif event.age_years is not None:
        changes += [("age_years", event.age_years), ("birth_date", None)]  # it stands until told anew
    key, content = identity.key_of(event), identity.content_of(event)
    facts: list[Fact] = [ContextFact(at, key, tuple(changes), content)]
    if event.infused_at is not None:
        infused_at = to_ms(event.infused_at)
        facts.append(InfusionFact(min(at, infused_at), key, infused_at, content))
    return facts


def statement_fact(event: Attribution | InfectionWorkup, at: int) -> StatementFact:
    """A clinician's statement as a fact."""
    key, content = identity.key_of(event), identity.content_of(event)
    if isinstance(event, Attribution):
        return StatementFact(at, key, event.axis, event.attributed_to_crs, None, content)
    return StatementFact(at, key, "infection_workup", None, event.state, content)
