"""MedicationAdministration: a dose, or the course of an infusion through the versions of the resource."""

from __future__ import annotations

from collections.abc import Iterator

from agents.feeds.fhir.context import Context
from agents.feeds.fhir.directory import codings_of, texts_of
from agents.feeds.fhir.dosage import dose_of, rate_of
from agents.feeds.fhir.elements import Concept, Period
from agents.feeds.fhir.resources import Dosage, MedicationAdministration
from agents.feeds.translation.drugs import named, product_draft, word_fields
from agents.feeds.translation.moments import Moment, fhir_moment
from agents.feeds.translation.statements import Draft, Fields, Part

STATUSES = frozenset({"in-progress", "completed", "stopped", "not-done", "on-hold"})
START, RATE, STOP, MAIN = "start", "rate", "stop", "main"


def administration(context: Context, resource: MedicationAdministration) -> Iterator[Draft]:
    """The drafts of an administration."""
    if resource.status == "entered-in-error":
        yield from context.void()
        return
    if resource.status not in STATUSES:
        context.outcome.refuse("unknown_value", "status: none of MedicationAdministration")
        return
    line = Line.of(context, resource)
    if line is not None:
        for draft in line.drafts():
            yield context.draft(draft)
            product = product_draft(draft, context.tables)
            if product.parts[0].fields is not None or context.memory.stands(product.parts[0].key):
                yield context.draft(product)


class Line:
    """One administration as it stands now, beside what was stated of it before."""

    def __init__(self, context: Context, resource: MedicationAdministration, patient_id: str, at: Moment) -> None:
        self.context = context
        self.resource = resource
        self.patient_id = patient_id
        self.at = at
        self.end = end_of(resource)
        dosage = resource.dosage or Dosage()
        self.dose = dose_of(context, dosage)
        self.rate = rate_of(context, dosage)
        self.about: Fields = {}

    @classmethod
    def of(cls, context: Context, resource: MedicationAdministration) -> Line | None:
        """The administration; None, with a dead letter, without drug, time or patient."""
        concept = concept_of(context, resource)
        text = "" if concept is None else next(iter(texts_of(concept)), "")
        codings = codings_of(concept)
        text = "" if concept is None or (not concept.text and not any(one.text for one in codings)) else text
        drug = named(codings, text, context.tables, context.outcome)
        if drug is None:
            context.outcome.refuse("missing_field", "medication: names no drug")
            return None
        at = context.moment(times_of(resource))
        patient_id = None if at is None else context.patient(resource.subject, resource.contained)
        if at is None or patient_id is None:
            return None
        line = cls(context, resource, patient_id, at)
        line.about = {"drug": drug, **beside(context, resource)}
        return line

    def drafts(self) -> Iterator[Draft]:
        """The events of the status."""
        status = self.resource.status
        if status == "in-progress":
            yield from self._runs()
        elif status == "completed":
            yield from self._completed()
        elif status == "stopped" or (status == "on-hold" and (self.rate is not None or self.started)):
            yield self._stop(self._stopped_at())
        elif status == "on-hold":
            yield self._event(MAIN, "held", {}, self.at)
        else:
            yield from self.context.take_back([self.context.key(MAIN)])
            yield self._event(MAIN, "not_given", {}, self.at)

    @property
    def started(self) -> bool:
        """Whether it was stated that it began."""
        return self.context.memory.stands(self.context.key(START))

    @property
    def runs(self) -> list[str]:
        """The statements that it runs, the oldest first: its start and every change of its rate."""
        kinds = (self.context.key(START), self.context.key(RATE))
        return [key for key in self.context.memory.standing(self.context.group) if key.startswith(kinds)]

    def _runs(self) -> Iterator[Draft]:
        """An infusion that goes on: it starts, or what was stated last is no longer so."""
        fields = {**(self.dose or {}), **(self.rate or {})}
        memory, runs = self.context.memory, self.runs
        if self.rate is not None and self.rate["rate"] == 0:
            yield self._stop(self.at)
        elif not runs:
            yield self._event(START, "started", fields, self.at)
        elif memory.stands(self._stop_key()):
            yield self._event(f"{RATE}{len(runs)}", "started", fields, self._known_at())
        else:
            was = memory.lines[runs[-1]]
            stated = {**(was.fields[runs[-1]] or {}), "action": ""}
            if stated == {**self.about, **fields, "action": ""} and was.at.ms >= self.at.ms:
                self.context.outcome.skip("repeat")
            else:
                yield self._event(f"{RATE}{len(runs)}", "rate_changed", fields, self.at)

    def _completed(self) -> Iterator[Draft]:
        """A dose; or an infusion from its start to its end, when a rate and an end stand there and no dose."""
        is_infusion = self.rate is not None and self.end is not None and self.dose is None
        if is_infusion and not self.started:
            yield self._event(START, "started", self.rate or {}, self.at)
        elif not is_infusion:
            yield self._event(MAIN, "given", self.dose or {}, self.at)
        if self.started:
            yield self._stop(self._stopped_at())

    def _stop_key(self) -> str:
        """The statement that it stopped after the last one that it runs."""
        return self.context.key(f"{STOP}{len(self.runs)}")

    def _stop(self, at: Moment) -> Draft:
        """That it stopped."""
        return self._event(f"{STOP}{len(self.runs)}", "stopped", {}, at)

    def _stopped_at(self) -> Moment:
        """When it ended: its end; else, of what is known to have begun, when that was known at the latest."""
        return self.end or (self._known_at() if self.started else self.at)

    def _known_at(self) -> Moment:
        """The last change of the resource, where no other time is stated; never before its time."""
        received = self.context.received
        return received if received is not None and received.ms > self.at.ms else self.at

    def _event(self, key: str, action: str, fields: Fields, at: Moment) -> Draft:
        """One event of this administration."""
        context = self.context
        part = Part(context.key(key), {**self.about, "action": action, **fields})
        common = {"administration_id": self.resource.id[:128]} if self.resource.id else {}
        return Draft("medication", self.patient_id, at, context.received, [part], context.version, common)


def concept_of(context: Context, resource: MedicationAdministration) -> Concept | None:
    """The drug as a concept: in the resource itself, or in the one that it refers to."""
    newer = resource.medication
    own = resource.medication_codeable_concept or (newer.concept if newer is not None else None)
    reference = resource.medication_reference or (newer.reference if newer is not None else None)
    return own or context.directory.medication(reference, resource.contained)


def times_of(resource: MedicationAdministration) -> Iterator[tuple[str, str | None]]:
    """Where its time may stand, in R4 and in both spellings of R5."""
    yield "effectiveDateTime", resource.effective_date_time
    yield "effectiveInstant", resource.effective_instant
    yield "occurenceDateTime", resource.occurence_date_time
    yield "occurrenceDateTime", resource.occurrence_date_time
    period = period_of(resource)
    yield "effectivePeriod.start", None if period is None else period.start


def period_of(resource: MedicationAdministration) -> Period | None:
    """From when to when."""
    return resource.effective_period or resource.occurence_period or resource.occurrence_period


def end_of(resource: MedicationAdministration) -> Moment | None:
    """The end of its period, where that is a time."""
    period = period_of(resource)
    found = fhir_moment(period.end) if period is not None and period.end else None
    return found if isinstance(found, Moment) else None


def beside(context: Context, resource: MedicationAdministration) -> Fields:
    """Route and indication, as far as the tables know them."""
    reasons = [*resource.reason_code, *(one.concept for one in resource.reason if one.concept is not None)]
    route = resource.dosage.route if resource.dosage is not None else None
    indication = [text for reason in reasons for text in texts_of(reason)]
    return {
        **word_fields("route", texts_of(route), context.tables, context.outcome),
        **word_fields("indication", indication, context.tables, context.outcome),
    }
