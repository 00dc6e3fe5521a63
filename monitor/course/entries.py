"""What the other entries of the record do to the course: doses, infusions, the context, clinicians' statements."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.course import administrations, age, axes, infusions, observations
from monitor.course.episodes import MASKING
from monitor.fact_types import ContextFact, InfusionFact, MedicationFact, StatementFact
from monitor.guidelines.model import Profile
from monitor.model import Attributed, Context, Course, Dose, HypotensionBolus
from monitor.units import LONG_AGO, NEVER

DOSE_ROLES = MASKING | {"ruxolitinib", "antifungal", "antibiotic"}
RUNNING_ROLES = frozenset({"vasopressor", "vasopressin", "inotrope"})
TREATING_ROLES = frozenset({"fluid", "vasopressor", "vasopressin"})
DOSES_KEPT = 48
CONTEXTS_KEPT = 32
TREATMENTS_KEPT = 16


def with_dose(course: Course, dose: Dose) -> Course:
    """The course with one more dose, each event once, the newest last; bounded."""
    if any(d.event_id == dose.event_id and d.drug == dose.drug for d in course.doses):
        return course
    doses = sorted((*course.doses, dose), key=lambda d: (d.at, d.event_id))
    if len(doses) > DOSES_KEPT:
        rank = {"antipyretic": 0, "antibiotic": 1, "antifungal": 1}
        first_steroid = next((d for d in doses if d.role == "steroid"), None)
        spare = [d for d in doses if d is not first_steroid]
        doses.remove(min(spare, key=lambda d: (rank.get(d.role, 3 if d.role == "tocilizumab" else 2), d.at)))
    return course._replace(doses=tuple(doses))


def with_medication(profile: Profile, course: Course, fact: MedicationFact) -> Course:
    """The course after one line of the medication record."""
    at, event_id, drug, role, action, dose_mg, _, _, indication, content, _ = fact
    dose = Dose(at, event_id, drug, role, dose_mg, indication, None, course.context.weight_kg, content)
    if role in DOSE_ROLES:
        course, is_new = administrations.with_line(profile, course, fact, dose)
        if is_new:
            course = _masked(with_dose(course, dose), dose)
    elif role == "cns_depressant" and action in ("given", "started"):
        course = course._replace(depressant=dose)
    if role in RUNNING_ROLES and (action != "given" or fact.rate):
        return infusions.with_line(profile, course, fact)
    is_bolus = action == "given" or (action == "started" and role == "fluid")
    if is_bolus and role in TREATING_ROLES and indication == "hypotension":
        return course._replace(treated=HypotensionBolus(drug, at, event_id))
    return course


def _masked(course: Course, dose: Dose) -> Course:
    """The course after a dose: it may be the first of its episode that hides fever."""
    episode = course.episode
    if dose.role in MASKING and episode.open and (episode.masked_at is None or dose.at < episode.masked_at):
        return course._replace(episode=episode._replace(masked_at=dose.at, masked_by=dose.drug))
    return course


def with_context(profile: Profile, course: Course, fact: ContextFact) -> Course:
    """The course after one more event of the context."""
    contexts = (*course.contexts, fact)
    if len(contexts) > CONTEXTS_KEPT:
        oldest, second, *newer = contexts
        both = tuple((dict(oldest.changes) | dict(second.changes)).items())
        contexts = (second._replace(at=oldest.at, changes=both), *newer)
    course = course._replace(contexts=contexts)
    return _with_limits(profile, course, age.on(_changed(course.context, fact), fact.at), fact.at)


def with_contexts(profile: Profile, course: Course, contexts: Iterable[ContextFact]) -> Course:
    """The course with its context made anew of these events, in bedside order."""
    now = course.context
    context = Context(infused_at=now.infused_at, infection_workup=now.infection_workup, workup_at=now.workup_at)
    for fact in contexts:
        context = _changed(context, fact)
    course = course._replace(contexts=tuple(contexts))
    return _with_limits(profile, course, age.on(context, course.at), course.at)


def _changed(context: Context, fact: ContextFact) -> Context:
    changes = dict(fact.changes)
    if context.status == "died" and changes.get("status") == "discharged":
        del changes["status"]  # A record is closed after a death, too.
    context = Context._make(changes.get(name, before) for name, before in context._asdict().items())
    return context._replace(since=fact.at) if context.since == NEVER else context


def with_birthday(profile: Profile, course: Course, at: int) -> Course:
    """The course at an instant: the age follows the date of birth, and the limits follow the age."""
    context = age.on(course.context, at)
    return course if context is course.context else _with_limits(profile, course, context, at)


def _with_limits(profile: Profile, course: Course, context: Context, at: int) -> Course:
    systolic, mean = axes.pressure_limits(profile, context)
    return course._replace(
        context=context,
        sbp=observations.with_new_limit(course.sbp, at, course.sbp_below, systolic),
        map=observations.with_new_limit(course.map, at, course.map_below, mean),
        sbp_below=systolic,
        map_below=mean,
    )


def with_treatment(course: Course, fact: InfusionFact) -> Course:
    """The course after the start of a treatment was charted; one that is still to come is a plan."""
    treatments = sorted((*course.treatments, fact), key=lambda one: (one.infused_at, one.event_id))
    course = course._replace(treatments=tuple(treatments[-TREATMENTS_KEPT:]))
    return with_treatment_in_force(course, fact.at)


def with_treatment_in_force(course: Course, at: int) -> Course:
    """The course with the latest treatment that has begun at an instant (ms), else the first that is planned.

    A treatment touches no episode that is open. The next one is its own: earlier fever is not its CRS, earlier doses
    are not its doses.
    """
    begun = [one.infused_at for one in course.treatments if one.infused_at <= at]
    infused_at = max(begun) if begun else min((one.infused_at for one in course.treatments), default=None)
    if infused_at == course.context.infused_at:
        return course
    course = course._replace(context=course.context._replace(infused_at=infused_at))
    episode = course.episode
    if infused_at is None or episode.open:
        return course._replace(episode=episode._replace(infusion_known=infused_at is not None))
    if course.fever is not None and course.fever.at < infused_at:
        course = course._replace(fever=None)
    if infused_at >= episode.ended_at:
        # Fever after it is not the end of what was before.
        counts_from = max(episode.counts_from, infused_at)
        episode = episode._replace(counts_from=counts_from, ended_at=LONG_AGO)
        course = course._replace(attributed=Attributed())
    return course._replace(episode=episode._replace(infusion_known=True))


def next_treatment(course: Course, at: int) -> int:
    """When the next planned treatment begins after an instant (ms); NEVER: none is planned."""
    return next((one.infused_at for one in course.treatments if one.infused_at > at), NEVER)


def with_statement(course: Course, fact: StatementFact) -> Course:
    if fact.subject == "infection_workup":
        return course._replace(context=course.context._replace(infection_workup=fact.state, workup_at=fact.at))
    if fact.subject not in Attributed._fields:
        return course  # An axis that only a newer build judges.
    statements = course.attributed._asdict() | {fact.subject: fact.attributed}
    return course._replace(attributed=Attributed(**statements))
