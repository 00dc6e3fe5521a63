"""What both formats say of a drug beside its dose: its name, its route, why it was given, and products by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.statements import Draft, Fields, Part
from agents.feeds.translation.systems import Coding
from agents.feeds.translation.tables import Tables

BEGINS = frozenset({"given", "started"})


def named(codings: Sequence[Coding], text: str, tables: Tables, outcome: Outcome) -> str | None:
    """The drug by table, text or code; counts one that the formulary does not know. None: none is named."""
    drug = tables.drug(codings, text)
    if drug is not None and not tables.formulary.find(drug) and tables.product(drug) is None:
        first = codings[0] if codings else Coding("", "")
        outcome.miss("drug", first.system, first.code, text or first.text)
    return drug


def word_fields(field: str, texts: Iterable[str], tables: Tables, outcome: Outcome) -> Fields:
    """A field in words, left out when no table knows them, and then counted."""
    texts = [text for text in texts if text]
    means = tables.word(field, texts)
    if means is not None:
        return {field: means}
    if texts:
        outcome.miss("word", field, texts[0] if len(texts) > 1 else "", texts[-1 if len(texts) < 2 else 1])
    return {}


def product_draft(draft: Draft, tables: Tables) -> Draft:
    """The patient event of a CAR-T product or bispecific antibody; a void where the line states no such treatment."""
    part = draft.parts[0]
    fields = part.fields
    product = tables.product(fields["drug"]) if fields is not None and fields["action"] in BEGINS else None
    stated: Fields | None = None if product is None else {"product": product, "infused_at": draft.at.text}
    parts = [Part(f"{part.key}\x1fproduct", stated, part.corrected)]
    return Draft("patient", draft.patient_id, draft.at, draft.received, parts, draft.version)
