"""The clinical course: a fold of the facts, instant by instant, with the timers that fall between them.

Only bedside times occur here. The fold gives the same course for any order of arrival, because it is always given the
facts in bedside order (placing.py folds anew from where the course passed when one comes late).
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.course import axes, confirmation, episodes, grade_hold, unchanged_reading
from monitor.course.masking import MASKING
from monitor.guidelines.in_force import Guideline
from monitor.guidelines.profile_loader import Profile
from monitor.model import (
    Attributed,
    ChartedSign,
    Context,
    ContextFact,
    Course,
    Dose,
    Finding,
    HypotensionBolus,
    Infusion,
    InfusionFact,
    MedicationFact,
    Oxygen,
    Reading,
    Signal,
    StatementFact,
    VitalsFact,
)
from monitor.record.history import DEVICE_RANK, FactsAt
from monitor.units.instants import LONG_AGO, NEVER
from schemas.events import Consciousness

DOSE_ROLES = MASKING | {"ruxolitinib", "antifungal", "antibiotic"}
RUNNING_ROLES = frozenset({"vasopressor", "vasopressin", "inotrope"})
TREATING_ROLES = frozenset({"fluid", "vasopressor", "vasopressin"})
DOSES_KEPT = 48
AVPU: tuple[Consciousness, ...] = ("alert", "voice", "pain", "unresponsive")


def begin(profile: Profile) -> Course:
    """The course of a patient nothing is known about."""
    course = Course()
    systolic, mean = axes.pressure_limits(profile, course.context)
    return course._replace(sbp_below=systolic, map_below=mean)


def fold(guideline: Guideline, course: Course, groups: Iterable[FactsAt]) -> Course:
    """The course after these facts."""
    profile = guideline.profile
    for group in groups:
        vitals, *others = group.facts
        moved = (
            unchanged_reading.advance_within_bands(profile, course, vitals[0])
            if len(vitals) == 1 and not any(others)
            else None
        )
        course = apply(guideline, course, group) if moved is None else moved
    return course


def advance(guideline: Guideline, course: Course, to: int) -> Course:
    """The course at an instant with no new fact: every timer up to and including it has run."""
    while course.timer <= to:
        at = course.timer
        course = judge(guideline, _settled(guideline.profile, course, at), at)
    return course


def _settled(profile: Profile, course: Course, at: int) -> Course:
    """The course at an instant, with what nothing has contradicted for long enough."""
    after = profile.confirm_after
    return course._replace(
        at=at,
        sbp=confirmation.confirm_pending(course.sbp, at, course.sbp_below, after),
        map=confirmation.confirm_pending(course.map, at, course.map_below, after),
        spo2=confirmation.confirm_pending(course.spo2, at, profile.spo2_below, after),
    )


def apply(guideline: Guideline, course: Course, group: FactsAt) -> Course:
    """The course after all facts of one instant."""
    profile = guideline.profile
    at, facts = group
    for fact in facts.vitals:
        if fact.gap_since:
            course = _uncover(profile, course, fact)
    # What time alone brings at this very instant is judged together with the facts: a fever may follow on a fever.
    course = _settled(profile, advance(guideline, course, at - 1), at)
    for infusion in facts.infusions:
        course = _started(course, infusion)
    for context in facts.contexts:
        course = with_context(profile, course, context)
    if facts.statements:
        course = episodes.with_fever(profile, course, at)
    for statement in facts.statements:
        course = with_statement(course, statement)
    if facts.vitals:
        course = _observed(profile, course, facts.vitals, at)
    for medication in facts.medications:
        course = _medicated(course, medication)
    return judge(guideline, course, at)


def judge(guideline: Guideline, course: Course, at: int) -> Course:
    """The findings, the episode and the grades at an instant, and when time alone changes them next."""
    profile, astct = guideline.profile, guideline.astct
    hypotension = _finding(
        course.hypotension,
        axes.hypotension(profile, course, at),
        axes.hypotension(astct, course, at)[0],
        _low_since(course) if not course.treated else None,
        at,
    )
    hypoxia = _finding(course.hypoxia, axes.hypoxia(profile, course), axes.hypoxia(astct, course)[0], None, at)
    course = course._replace(hypotension=hypotension, hypoxia=hypoxia)
    course = episodes.judge(profile, course, at)
    if any(d.grade is None and d.at == at for d in course.doses):
        course = course._replace(
            doses=tuple(
                d._replace(grade=course.held.grade) if d.grade is None and d.at == at else d for d in course.doses
            )
        )
    return course._replace(timer=_next_timer(profile, course, at))


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


def _finding(
    before: Finding, now: tuple[int | None, tuple[str, ...]], astct: int | None, low_since: int | None, at: int
) -> Finding:
    """The finding of an axis, and since when its grade has been so."""
    grade, unknown = now
    if grade == before.grade:
        return Finding(grade, astct, before.since, unknown)
    began = (before.grade or 1) <= 1 and (grade or 1) > 1
    return Finding(grade, astct, low_since if began and low_since is not None else at, unknown)


def _low_since(course: Course) -> int | None:
    """Since when a pressure has been low, if nothing else makes the axis."""
    if course.infusions:
        return None
    lows = [
        s.since
        for s, below in ((course.sbp, course.sbp_below), (course.map, course.map_below))
        if axes.is_low(s, below)
    ]
    return min(lows, default=None)


def _next_timer(profile: Profile, course: Course, at: int) -> int:
    times = [s.pending.at + profile.confirm_after for s in (course.sbp, course.map, course.spo2) if s.pending]
    if course.treated:
        times.append(course.treated.at + profile.treated_for)
    if course.fever:
        times.append(course.fever.at + profile.fever_holds)
    for held in (course.held, course.astct):
        falls_at = grade_hold.falls_at(held, profile.fall_after)
        if falls_at is not None:
            times.append(falls_at)
    times.extend(episodes.timers(profile, course))
    return min((t for t in times if t > at), default=NEVER)


def _uncover(profile: Profile, course: Course, fact: VitalsFact) -> Course:
    """Readings were dropped between `fact.covers` and `fact`: they contradict what is pending inside that span."""
    for name, value, below in (
        ("sbp", fact.sbp, course.sbp_below),
        ("map", fact.map, course.map_below),
        ("spo2", fact.spo2, profile.spo2_below),
    ):
        signal = getattr(course, name)
        if value is not None and signal.pending is not None and signal.pending.at > fact.gap_since:
            course = _with_signal(course, name, confirmation.contradicted(signal, value, below))
    return course


def _with_signal(course: Course, name: str, signal: Signal) -> Course:
    if name == "sbp":
        return course._replace(sbp=signal)
    return course._replace(map=signal) if name == "map" else course._replace(spo2=signal)


def _observed(profile: Profile, course: Course, vitals: tuple[VitalsFact, ...], at: int) -> Course:
    for name, below, extreme in (
        ("sbp", course.sbp_below, profile.extreme_systolic_below),
        ("map", course.map_below, 0),
        ("spo2", profile.spo2_below, profile.extreme_spo2_below),
    ):
        worst = min(
            (f for f in vitals if getattr(f, name) is not None),
            key=lambda f: (getattr(f, name), not f.charted),
            default=None,
        )
        if worst is not None:
            reading = Reading(getattr(worst, name), at, worst.event_id)
            signal = confirmation.observe(getattr(course, name), reading, worst.charted, below, extreme)
            course = _with_signal(course, name, signal)
    hottest = max((f for f in vitals if f.temperature is not None), key=lambda f: f.temperature or 0, default=None)
    if hottest is not None and hottest.temperature is not None:
        reading = Reading(hottest.temperature, at, hottest.event_id)
        course = course._replace(temperature=reading)
        infused_at = course.context.infused_at
        if reading.value >= profile.fever_tenths and (infused_at is None or at >= infused_at):
            course = course._replace(fever=reading)
    return _signed(profile, _supported(course, vitals), vitals)


def _supported(course: Course, vitals: tuple[VitalsFact, ...]) -> Course:
    """The oxygen support after the observations of one instant: of two devices the higher on the ladder."""
    said = [f for f in vitals if f.device is not None or f.flow is not None or f.fio2 is not None]
    if not said:
        return course
    highest = max(said, key=lambda f: (-1 if f.device is None else DEVICE_RANK[f.device], f.flow or 0.0))
    of_it = [f for f in said if f.device in (None, highest.device)]
    device, since, before = highest.device, highest.at, course.oxygen
    flow = max((f.flow for f in of_it if f.flow is not None), default=None)
    fio2 = max((f.fio2 for f in of_it if f.fio2 is not None), default=None)
    if before is not None and device in (None, before.device):
        device = before.device
        since = before.since
        flow = before.flow if flow is None else flow
        fio2 = before.fio2 if fio2 is None else fio2
    return course._replace(oxygen=Oxygen(device, flow, fio2, since, highest.at, highest.event_id))


def _signed(profile: Profile, course: Course, vitals: tuple[VitalsFact, ...]) -> Course:
    """The charted signs after the observations of one instant: of two the worse."""
    at = vitals[0].at
    scores = [(f.ice, f.event_id) for f in vitals if f.ice is not None]
    if scores:
        ice, event_id = min(scores)
        before = course.ice
        same = before is not None and (int(before.value) < profile.ice_full_score) == (ice < profile.ice_full_score)
        course = course._replace(ice=_sign(before, same, ChartedSign(ice, at, event_id, at)))
    levels = [(AVPU.index(f.consciousness), f.event_id) for f in vitals if f.consciousness is not None]
    if levels:
        level, event_id = max(levels)
        before = course.consciousness
        same = before is not None and (before.value == AVPU[0]) == (level == 0)
        course = course._replace(consciousness=_sign(before, same, ChartedSign(AVPU[level], at, event_id, at)))
    return course


def _sign(before: ChartedSign | None, same: bool, now: ChartedSign) -> ChartedSign:
    return now._replace(since=before.since) if before is not None and same else now


def _medicated(course: Course, fact: MedicationFact) -> Course:
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
    systolic, mean = axes.pressure_limits(profile, context)
    return course._replace(
        context=context,
        sbp=confirmation.with_new_limit(course.sbp, fact.at, course.sbp_below, systolic),
        map=confirmation.with_new_limit(course.map, fact.at, course.map_below, mean),
        sbp_below=systolic,
        map_below=mean,
    )


def _started(course: Course, fact: InfusionFact) -> Course:
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
    said = course.attributed._asdict() | {fact.subject: fact.attributed}
    return course._replace(attributed=Attributed(**said))
