"""What the other entries of the record do to the course: doses, infusions, the context, clinicians' statements."""

from __future__ import annotations

from monitor.course import age, axes, observations
from monitor.course.episodes import MASKING
from monitor.guidelines.model import Profile
from monitor.model import (
    Attributed,
    Context,
    ContextFact,
    Course,
    Dose,
    HypotensionBolus,
    Infusion,
    InfusionFact,
    MedicationFact,
    StatementFact,
)
from monitor.units import LONG_AGO, NEVER

DOSE_ROLES = MASKING | {"ruxolitinib", "antifungal", "antibiotic"}
RUNNING_ROLES = frozenset({"vasopressor", "vasopressin", "inotrope"})
TREATING_ROLES = frozenset({"fluid", "vasopressor", "vasopressin"})
DOSES_KEPT = 48


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


def with_medication(course: Course, fact: MedicationFact) -> Course:
    if fact.action in ("given", "started"):
        weight_kg = course.context.weight_kg
        dose = Dose(fact.at, fact.event_id, fact.drug, fact.role, fact.dose_mg, fact.indication, None, weight_kg)
        if fact.role in DOSE_ROLES:
            course = with_dose(course, dose)
        elif fact.role == "cns_depressant":
            course = course._replace(depressant=dose)
    if fact.role in MASKING and fact.action in ("given", "started") and course.episode.open:
        episode = course.episode
        if episode.masked_at is None or fact.at < episode.masked_at:
            course = course._replace(episode=episode._replace(masked_at=fact.at, masked_by=fact.drug))
    if fact.action == "given":
        if fact.role in TREATING_ROLES and fact.indication == "hypotension":
            course = course._replace(treated=HypotensionBolus(fact.drug, fact.at, fact.event_id))
    elif fact.role in RUNNING_ROLES:
        course = course._replace(infusions=_running(course.infusions, fact))
    return course


def _running(infusions: tuple[Infusion, ...], fact: MedicationFact) -> tuple[Infusion, ...]:
    """The infusions that run after this line; each drug once."""
    before = next((i for i in infusions if i.drug == fact.drug), None)
    others = tuple(i for i in infusions if i.drug != fact.drug)
    if fact.action == "stopped":
        return others
    rate, unit = fact.rate, fact.rate_unit
    since = before.since if before else fact.at
    now = Infusion(fact.drug, fact.role, rate, unit, since, fact.at, fact.event_id)
    return tuple(sorted((*others, now), key=lambda i: i.drug))


def with_context(profile: Profile, course: Course, fact: ContextFact) -> Course:
    changes = dict(fact.changes)
    if course.context.status == "died" and changes.get("status") == "discharged":
        del changes["status"]  # A record is closed after a death, too.
    context = Context._make(changes.get(name, before) for name, before in course.context._asdict().items())
    if context.since == NEVER:
        context = context._replace(since=fact.at)
    return _with_limits(profile, course, age.on(context, fact.at), fact.at)


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


def with_treatment_start(course: Course, fact: InfusionFact) -> Course:
    """A new treatment: earlier fever is not its CRS, earlier doses are not its doses."""
    if course.context.infused_at == fact.infused_at:
        return course
    episode, fever = course.episode, course.fever
    known_before = course.context.infused_at is not None
    if fever is not None and fever.at < fact.infused_at:
        fever = None
    if known_before or (episode.open and episode.onset_at < fact.infused_at):
        episode = episode._replace(open=False, ended_at=LONG_AGO, counts_from=fact.infused_at, masked_at=None)
        course = course._replace(attributed=Attributed())
    elif not episode.open:
        episode = episode._replace(counts_from=max(episode.counts_from, fact.infused_at), ended_at=LONG_AGO)
    context = course.context._replace(infused_at=fact.infused_at)
    return course._replace(context=context, fever=fever, episode=episode._replace(infusion_known=True))


def with_statement(course: Course, fact: StatementFact) -> Course:
    if fact.subject == "infection_workup":
        return course._replace(context=course.context._replace(infection_workup=fact.state, workup_at=fact.at))
    if fact.subject not in Attributed._fields:
        return course  # An axis that only a newer build judges.
    statements = course.attributed._asdict() | {fact.subject: fact.attributed}
    return course._replace(attributed=Attributed(**statements))
