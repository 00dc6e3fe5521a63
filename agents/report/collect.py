"""Collects a chart of each patient while a replay runs."""

from __future__ import annotations

from collections.abc import Mapping

from agents.engine.patients import Judged
from agents.replay.injected_doses import is_injected
from agents.replay.statistics import course_of
from agents.report.chart import SIGNALS, Chart, GivenDose, Graded, InfusionState, OxygenSupport
from agents.report.series import Steps
from monitor.alerts.candidate import missing
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, Infusion, State
from monitor.units import LONG_AGO, MINUTE, to_ms
from schemas.events import Tick, Vitals

OFF = InfusionState(False, None, None)


class Charts:
    """The charts of all patients, in the order of their first event. `watch` must see every judged event."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.by_patient: dict[str, Chart] = {}
        self._seen: dict[str, tuple[object, ...]] = {}

    def watch(self, one: Judged) -> None:
        """Adds one judged event."""
        chart = self.by_patient.get(one.patient_id)
        if chart is None:
            chart = self.by_patient[one.patient_id] = Chart(one.patient_id, len(self.by_patient) + 1)
        state = one.step.state
        if not isinstance(one.event, Tick):
            at = to_ms(one.event.effective_at)
            if at <= state.clock + MINUTE:
                chart.first_at, chart.last_at = min(chart.first_at, at), max(chart.last_at, at)
            if one.event.replaces is not None:
                remove_event(chart, one, one.event.replaces)
            if isinstance(one.event, Vitals) and was_applied(one):
                record_readings(chart, one.event, at)
        if state.course is not one.before.course or one.step.alerts:
            self._record_course(chart, course_of(self.guideline, one))
        for alert in one.step.alerts:
            chart.add_alert(alert)

    def finish(self, states: Mapping[str, State]) -> None:
        """Adds what is only known at the end. `states`: the final state of each patient."""
        for patient_id, chart in self.by_patient.items():
            state = states[patient_id]
            chart.merged_into = state.merged_into
            if state.merged_into is None:
                chart.context, chart.unknown = state.course.context, missing(state.course)

    def _record_course(self, chart: Chart, course: Course) -> None:
        """Adds grades, supports and doses of the course where they have changed; nothing before the first fact."""
        if course.at == LONG_AGO:
            return
        seen = (course.grades, course.basis, course.oxygen, course.infusions, course.doses, missing(course))
        if self._seen.get(chart.patient_id) == seen:
            return
        self._seen[chart.patient_id] = seen
        chart.sbp_below, chart.map_below, chart.context = course.sbp_below, course.map_below, course.context
        for steps, held in zip(chart.grades.values(), course.grades, strict=True):
            graded = Graded(held.grade, missing(course), course.basis)
            if steps.value != graded:
                risen = steps.value is None or steps.value.grade != held.grade
                steps.set(held.since if risen and held.since > LONG_AGO else course.at, graded)
        oxygen = course.oxygen
        if oxygen is not None:
            breathing = OxygenSupport(oxygen.device, oxygen.flow, oxygen.fio2)
            if chart.oxygen.value != breathing:
                chart.oxygen.set(oxygen.charted_at, breathing)
        record_infusions(chart, course)
        for dose in course.doses:
            if (dose.event_id, dose.drug) not in chart.doses:
                given = GivenDose(dose.at, dose.drug, dose.role, dose.dose_mg, is_injected(dose.event_id))
                chart.add_dose(dose.event_id, given)


def record_readings(chart: Chart, event: Vitals, at: int) -> None:
    """Adds the readings that are drawn."""
    for name in SIGNALS:
        value = getattr(event, name)
        if value is not None:
            chart.signals[name].add(at, value)
    temperature = event.temperature_celsius
    if temperature is not None and (
        chart.highest_temperature_celsius is None or temperature > chart.highest_temperature_celsius
    ):
        chart.highest_temperature_celsius = temperature


def record_infusions(chart: Chart, course: Course) -> None:
    """Adds infusions that began, changed or ended."""
    running: dict[str, Infusion] = {infusion.drug: infusion for infusion in course.infusions}
    for drug in {**chart.infusions, **running}:
        infusion = running.get(drug)
        now = OFF if infusion is None else InfusionState(True, infusion.rate, infusion.rate_unit)
        steps = chart.infusions.setdefault(drug, Steps(lambda one: one.rate or 0))
        if steps.value != now:
            steps.set(course.at if infusion is None else infusion.charted_at, now)


def remove_event(chart: Chart, one: Judged, event_id: str) -> None:
    """Removes the readings and doses of an event that was corrected or voided."""
    for fact in one.before.facts.vitals:
        if fact.event_id == event_id:
            for series in chart.signals.values():
                series.remove(fact.at)
    for key in [key for key in chart.doses if key[0] == event_id]:
        del chart.doses[key]


def was_applied(one: Judged) -> bool:
    """Whether the judgement used the event."""
    return not any(
        verdict.reason in ("duplicate", "from_the_future", "forwarded", "defect") for verdict in one.step.verdicts
    )
