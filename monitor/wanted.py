"""The alerts that should stand at an instant: what is true now, each with its rule, its words and its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from monitor import dosing, episodes, evidence, steps
from monitor.guideline import Guideline
from monitor.instant import LONG_AGO, clock, duration, hours
from monitor.profile import Profile
from monitor.state import Course, Dose, OpenAlert, State
from schemas.alerts import AlertKind, Evidence, Priority

DISCHARGED = ("discharged", "died")


Sources = Callable[[], tuple[Evidence, ...]]


class Wanted(NamedTuple):
    """One alert that should be open. Alerts with equal `kind` and `key` are one thing to know."""

    kind: AlertKind
    key: str
    priority: Priority
    rule_id: str
    effective_at: int
    title: str
    message: str
    evidence: Sources
    unknown: tuple[str, ...] = ()
    action: str | None = None
    drug: str | None = None
    dose_mg: float | None = None
    dose_basis: str | None = None
    not_before: int | None = None
    limits: str | None = None
    news: bool = True  # False: stays open if it is, but is not raised anew
    until_acknowledged: bool = False

    def says_no_more_than(self, standing: OpenAlert) -> bool:
        """Whether a new version would not be worth a message."""
        return (
            self.title == standing.title
            and self.priority == standing.priority
            and self.rule_id == standing.rule_id
            and self.dose_mg == standing.dose_mg
            and self.not_before == standing.not_before
        )


class Scene(NamedTuple):
    """What the rules look at: the course advanced to the log clock, and the grade that people know."""

    guideline: Guideline
    state: State
    course: Course
    at: int
    grade: int
    astct: int
    due: list[int]

    @property
    def level(self) -> int:
        """The higher of the two grades: priorities follow it."""
        return max(self.grade, self.astct)


def priority(level: int) -> Priority:
    """The priority of what belongs to a grade."""
    return "high" if level >= 3 else "medium" if level == 2 else "low"


def at_least_medium(level: int) -> Priority:
    """Medium; high from grade 3."""
    return "high" if level >= 3 else "medium"


def wanted(scene: Scene) -> list[Wanted]:
    """Everything that should be open now. A patient who left has no open alerts."""
    if scene.course.context.status in DISCHARGED:
        return list(_technical(scene))
    return [*_clinical(scene), *_technical(scene)]


def _clinical(scene: Scene) -> Iterator[Wanted]:
    if scene.course.episode.open:
        yield _onset(scene)
        yield from _doses(scene)
        yield from _neuro(scene)
    yield from _escalation(scene)
    yield from _masked(scene)
    yield from _dose_safety(scene)
    yield from _table(scene)
    yield from _review(scene)


def _grades(scene: Scene) -> str:
    if scene.astct == scene.grade:
        return f"grade {scene.grade}"
    return f"grade {scene.grade}; ASTCT 2019: grade {scene.astct}"


def _assumptions(course: Course) -> str:
    """What the grade takes for granted, in words."""
    words = []
    if any(i.role == "vasopressin" for i in course.infusions) and not any(
        i.role == "vasopressor" for i in course.infusions
    ):
        words.append("vasopressin alone is taken as grade 3 by ward policy")
    for name, finding, said in (
        ("hypotension", course.hypotension, course.attributed.hypotension),
        ("hypoxia", course.hypoxia, course.attributed.hypoxia),
    ):
        if (finding.grade or 1) > 1 and said is None:
            words.append(f"{name}: attribution to CRS not confirmed")
        if (finding.grade or 1) > 1 and said is False:
            words.append(f"{name} left out: not attributed to CRS")
    return "".join(f" ({'; '.join(words)})" if words else "")


def _onset(scene: Scene) -> Wanted:
    course, episode = scene.course, scene.course.episode
    risk = course.context.high_risk
    marked = "" if episode.infusion_known else " The time of the infusion is not known."
    what = "A fever" if episode.documented else "A masked fever"
    return Wanted(
        "onset",
        "",
        "medium" if risk else "low",
        "onset",
        episode.onset_at,
        f"CRS suspected: episode {episode.number} began",
        f"{what} started episode {episode.number} at {clock(episode.onset_at)}.{marked} Antipyretics, hydration and "
        "symptomatic care; watch for ICANS; work-up without delaying treatment."
        + (" High risk: consider tocilizumab early." if risk else ""),
        lambda: evidence.fever(course) or evidence.masked(scene.guideline.profile, course),
        unknown=_missing(course),
    )


def _escalation(scene: Scene) -> Iterator[Wanted]:
    if not 2 <= scene.grade <= 4:
        return
    course = scene.course
    what = {
        2: " Fluid boluses and oxygen as needed.",
        3: " Intensive care, echocardiogram and haemodynamic monitoring.",
        4: " Intensive care, ventilation as needed, echocardiogram and haemodynamic monitoring.",
    }
    basis = {"masked": " Fever is masked.", "masked_unconfirmed": " No fever on record: masked, please review."}
    yield Wanted(
        "escalation",
        str(scene.grade),
        priority(scene.level),
        "escalation",
        course.held.since,
        f"CRS {_grades(scene)}",
        f"CRS has reached {_grades(scene)}.{basis.get(course.basis, '')}{_assumptions(course)}{what[scene.grade]} "
        "Tocilizumab is indicated from grade 2.",
        lambda: evidence.grade(scene.guideline.profile, course),
        unknown=_missing(course),
        news=scene.grade > scene.state.book.announced or (course.held.rose and scene.grade == course.held.grade),
    )


def _masked(scene: Scene) -> Iterator[Wanted]:
    course = scene.course
    hot = course.temperature is not None and course.temperature.value >= scene.guideline.profile.fever_tenths
    signs = episodes.axes_grade(course, astct=False)
    graded = scene.grade >= 2 and not hot and course.basis in ("masked", "masked_unconfirmed")
    if not graded and course.masked_signs_at is None:
        return
    level = max(scene.level, signs if course.masked_signs_at is not None else 0)
    drug = course.episode.masked_by or "an antipyretic, steroid or anti-cytokine"
    since = course.masked_signs_at if not graded and course.masked_signs_at is not None else course.held.since
    yield Wanted(
        "masked_fever",
        "",
        priority(level),
        "masked-fever",
        since,
        f"Fever may be masked: {_grades(scene)}",
        f"Signs of CRS without a documented fever while {drug} is on board ({_grades(scene)}). Grading goes by "
        "hypotension and hypoxia. Please review for CRS and infection.",
        lambda: evidence.masked(scene.guideline.profile, course),
        unknown=_missing(course),
    )


def _doses(scene: Scene) -> Iterator[Wanted]:
    profile, course, at = scene.guideline.profile, scene.course, scene.at
    now = dosing.tocilizumab(profile, course, at)
    dose, basis = dosing.dose_mg(profile, course.context.weight_kg)
    unknown = ("weight_kg",) if dose is None else ()
    amount = f"{dose:g} mg" if dose is not None else basis
    if scene.grade >= 2 and not now.counted:
        if now.blocked_by is not None:
            yield from _blocked(scene, now)
            return
        late, delay = _delayed(scene), duration(profile.dose_delay)
        yield Wanted(
            "dose_indicated",
            "",
            "high" if late else at_least_medium(scene.level),
            "dose-delay" if late else "dose-first",
            max(course.held.since, course.episode.onset_at),
            "Tocilizumab indicated" + (f": not given for {delay}" if late else ""),
            f"CRS {_grades(scene)}: give tocilizumab {amount} IV."
            + (f" It has been indicated for {delay}; delay worsens the outcome." if late else ""),
            lambda: evidence.grade(profile, course) + evidence.weight(course),
            unknown=unknown,
            action="give tocilizumab IV",
            drug="tocilizumab",
            dose_mg=dose,
            dose_basis=basis,
            limits=_limits(profile, now),
        )
    elif scene.grade == 1 and not now.counted:
        long = course.held.since + profile.grade_1_for + 1
        risk = bool(course.context.high_risk)
        if not risk and at < long:
            scene.due.append(long)
            return
        why = "high risk" if risk else f"grade 1 for more than {hours(profile.grade_1_for)}"
        yield Wanted(
            "dose_indicated",
            "",
            "low",
            "dose-consider",
            course.held.since if risk else long - 1,
            f"Consider tocilizumab: {why}",
            f"CRS grade 1, {why}: consider tocilizumab {amount} IV.",
            lambda: evidence.grade(profile, course) + evidence.context(course, "weight_kg", "high_risk"),
            unknown=unknown,
            action="consider tocilizumab IV",
            drug="tocilizumab",
            dose_mg=dose,
            dose_basis=basis,
            limits=_limits(profile, now),
        )
    elif scene.grade >= 2 and scene.grade >= (now.counted[-1].grade or 0):
        assert now.last_at is not None
        again = now.last_at + profile.dose_interval
        if at < again:
            scene.due.append(again)
        elif now.blocked_by is not None:
            yield from _blocked(scene, now)
        else:
            yield Wanted(
                "repeat_dose_eligible",
                "",
                at_least_medium(scene.level),
                "dose-repeat",
                max(again, course.held.since),
                "Tocilizumab may be repeated",
                f"CRS {_grades(scene)} without improvement since the last dose ({clock(now.last_at)}): repeat "
                f"tocilizumab {amount} IV.",
                lambda: evidence.grade(profile, course) + evidence.doses(now.counted[-1:]) + evidence.weight(course),
                unknown=unknown,
                action="repeat tocilizumab IV",
                drug="tocilizumab",
                dose_mg=dose,
                dose_basis=basis,
                not_before=again,
                limits=_limits(profile, now),
            )


def _delayed(scene: Scene) -> bool:
    """Whether the dose has been indicated for too long; people's deadlines run on the log clock."""
    before = standing(scene.state, "dose_indicated", "")
    indicated_at = scene.at if before is None or before.indicated_at is None else before.indicated_at
    deadline = indicated_at + scene.guideline.profile.dose_delay
    if scene.at < deadline:
        scene.due.append(deadline)
        return False
    return True


def _blocked(scene: Scene, now: dosing.Dosing) -> Iterator[Wanted]:
    profile, lifts = scene.guideline.profile, now.next_eligible_at
    if lifts is not None:
        scene.due.append(lifts)
    when = f"until {clock(lifts)}" if lifts is not None else "for good in this episode: consider alternatives"
    why = {
        "limit_24h": f"{now.count_24h} doses in {hours(profile.dose_window)}",
        "limit_total": f"{now.count_total} doses in the episode",
        "interval": f"less than {hours(profile.dose_interval)} since the last dose",
    }[now.blocked_by or ""]
    title = "Tocilizumab limit: total reached: alternatives" if lifts is None else "Tocilizumab limit"
    yield Wanted(
        "dose_limit",
        "",
        "medium",
        "dose-interval" if now.blocked_by == "interval" else "dose-limit",
        max(scene.course.held.since, now.last_at or LONG_AGO),
        title,
        f"Tocilizumab would be due, but {why}: blocked {when}.",
        lambda: evidence.doses(_limiting(scene, now)),
        action="consider alternatives" if lifts is None else "wait for the limit to lift",
        drug="tocilizumab",
        not_before=lifts,
        limits=_limits(profile, now),
    )


def _limiting(scene: Scene, now: dosing.Dosing) -> tuple[Dose, ...]:
    """The doses that stand against the next one."""
    window = scene.guideline.profile.dose_window
    doses = (d for d in scene.course.doses if d.role == "tocilizumab")
    return tuple(d for d in doses if d in now.counted or scene.at < d.at + window)


def _limits(profile: Profile, now: dosing.Dosing) -> str:
    lately = f"{now.count_24h} of {profile.maximum_in_window} in {hours(profile.dose_window)}"
    return f"{lately}, {now.count_total} of {profile.maximum_in_episode} in the episode"


def _dose_safety(scene: Scene) -> Iterator[Wanted]:
    profile, course = scene.guideline.profile, scene.course
    words = {
        "interval": f"less than {hours(profile.dose_interval)} after the dose before",
        "limit_24h": f"more than {profile.maximum_in_window} in {hours(profile.dose_window)}",
        "limit_total": f"more than {profile.maximum_in_episode} in the episode",
        "maximum_dose": f"over {profile.maximum_mg:g} mg",
        "weight_based_dose": f"more than {profile.overdose_percent} % of the weight-based dose",
    }
    for dose in course.doses:
        if dose.role != "tocilizumab":
            continue
        found = dosing.dangers(profile, course, dose)
        if found:
            why = ", ".join(words[f] for f in found)
            yield Wanted(
                "dose_safety",
                dose.event_id,
                "high",
                "dose-safety",
                dose.at,
                f"Check the tocilizumab dose: {why}",
                f"The tocilizumab dose of {clock(dose.at)} is {why}. Check the record and the patient.",
                lambda dose=dose: evidence.doses((dose,)) + evidence.weight(course),  # type: ignore[misc]
                drug="tocilizumab",
                until_acknowledged=True,
            )


def _table(scene: Scene) -> Iterator[Wanted]:
    course = scene.course
    for row in steps.table(scene.guideline.profile, course, scene.grade, scene.at):
        if isinstance(row, steps.Waiting):
            scene.due.append(row.at)
            continue
        yield Wanted(
            row.kind,
            row.rule_id,
            at_least_medium(scene.level) if row.kind == "step" else "high",
            row.rule_id,
            row.effective_at,
            row.title,
            f"{row.message} (CRS {_grades(scene)}.)",
            lambda row=row: _of_a_row(scene.guideline.profile, course, row),  # type: ignore[misc]
            unknown=_missing(course),
            action=row.action,
            drug=row.drug,
            dose_mg=row.dose_mg,
            dose_basis=row.dose_basis,
        )


def _of_a_row(profile: Profile, course: Course, row: steps.Due) -> tuple[Evidence, ...]:
    signs = evidence.grade(profile, course) or evidence.fever(course)
    rests_on = (*signs, *evidence.doses(row.rests_on), *evidence.context(course, *row.context))
    return tuple(dict.fromkeys(rests_on))


def _neuro(scene: Scene) -> Iterator[Wanted]:
    course = scene.course
    ice, awake = course.ice, course.consciousness
    full = scene.guideline.profile.ice_full_score
    low_ice = ice is not None and int(ice.value) < full
    not_alert = awake is not None and awake.value != "alert"
    if not (low_ice or not_alert):
        return
    signs = [s for s, bad in ((ice, low_ice), (awake, not_alert)) if bad and s is not None]
    since = min(s.since for s in signs)
    drug = course.depressant if course.depressant is not None and course.depressant.at >= since else None
    title = "Possible ICANS" + (f": {drug.drug} given, a CNS depressant" if drug else "")
    yield Wanted(
        "neuro",
        "",
        "high",
        "neuro",
        since,
        title,
        f"The ICE score is below {full} or the patient is not fully alert during a CRS episode: assess for ICANS and "
        "avoid drugs that depress the CNS." + (f" {drug.drug} was given at {clock(drug.at)}." if drug else ""),
        lambda: evidence.neuro(course, drug),
    )


def _review(scene: Scene) -> Iterator[Wanted]:
    profile = scene.guideline.profile
    course, episode = scene.course, scene.course.episode
    if course.unmasked_signs_at is not None:
        yield Wanted(
            "review",
            "signs",
            "medium",
            "review-signs-without-fever",
            course.unmasked_signs_at,
            "Signs persist without fever",
            f"Hypotension or hypoxia persists more than {hours(profile.fever_holds)} after the last fever, with "
            "nothing on board that masks one: not graded as CRS. Please review for another cause.",
            lambda: evidence.grade(scene.guideline.profile, course),
            until_acknowledged=True,
        )
    if episode.open and episode.reopened_at is not None:
        yield Wanted(
            "review",
            f"reopened:{course.reopenings}",
            "medium",
            "review-reopened",
            episode.reopened_at,
            "Fever again: the episode is reopened",
            f"New fever within {hours(profile.reopens_within)} of the end of the episode: infection, or IEC-HS? The "
            "episode is reopened.",
            lambda: evidence.fever(course),
            until_acknowledged=True,
        )


def _technical(scene: Scene) -> Iterator[Wanted]:
    yield from _signal_lost(scene)
    yield from _data_quality(scene)
    if scene.state.unjudged_at is not None:
        yield Wanted(
            "unmonitored",
            "",
            "technical",
            "unmonitored",
            scene.state.unjudged_at,
            "An event could not be judged",
            "An event of this patient could not be judged because of a defect of the system. Watch the patient without "
            "it until this is resolved.",
            tuple,
        )


def _signal_lost(scene: Scene) -> Iterator[Wanted]:
    due = silence_at(scene)
    if due is None:
        return
    if scene.at < due:
        scene.due.append(due)
        return
    yield Wanted(
        "signal_lost",
        "",
        "technical",
        "signal-lost",
        due,
        "No vitals from a monitored patient",
        "No vitals have come for too long; the grade shown may be out of date. Check the patient and the feed.",
        lambda: evidence.silence(scene.state.watch),
        unknown=("vitals",),
    )


def silence_at(scene: Scene) -> int | None:
    """When the patient's vitals are lost if none come; None: this patient is not watched."""
    profile, course, watch = scene.guideline.profile, scene.course, scene.state.watch
    infused_at = course.context.infused_at
    recent = infused_at is not None and infused_at <= scene.at < infused_at + profile.watched_after_infusion
    if recent and infused_at is not None:
        scene.due.append(infused_at + profile.watched_after_infusion)
    if course.context.status in DISCHARGED or not (course.episode.open or recent):
        if infused_at is not None and infused_at > scene.at:
            scene.due.append(infused_at)
        return None
    if watch.vitals_at == LONG_AGO:
        since = max(infused_at or LONG_AGO, min(course.context.since, scene.at))
        return since + profile.charted_silence
    return watch.vitals_at + (profile.charted_silence if watch.vitals_charted else profile.monitor_silence)


def _data_quality(scene: Scene) -> Iterator[Wanted]:
    profile, course, state = scene.guideline.profile, scene.course, scene.state
    left = course.context.status in DISCHARGED

    def technical(key: str, rule_id: str, at: int, title: str, message: str, rests_on: Sources = tuple) -> Wanted:
        missing = (key,) if rule_id == "data-weight" else ()
        return Wanted("data_quality", key, "technical", rule_id, at, title, message, rests_on, unknown=missing)

    if not left and course.episode.open and scene.grade >= 1 and course.context.weight_kg is None:
        now = dosing.tocilizumab(profile, course, scene.at)
        if (
            scene.grade >= 2
            and now.blocked_by is None
            and (not now.counted or scene.grade >= (now.counted[-1].grade or 0))
        ):
            yield technical(
                "weight_kg",
                "data-weight",
                course.held.since,
                "Weight missing while a dose is due",
                "A tocilizumab dose is due and the weight is not known. Enter the weight.",
                lambda: evidence.grade(profile, course),
            )
    for infusion in () if left else course.infusions:
        due = infusion.charted_at + profile.infusion_uncharted
        if scene.at < due:
            scene.due.append(due)
        else:
            yield technical(
                f"infusion:{infusion.drug}",
                "data-infusion",
                due,
                "A running infusion has not been charted",
                f"No rate of {infusion.drug} has been charted for {hours(profile.infusion_uncharted)}; it still "
                "counts as running. Chart it or stop it.",
                lambda infusion=infusion: (evidence.infusion(infusion),),  # type: ignore[misc]
            )
    for rejects in state.watch.rejects:
        if len(rejects.times) >= profile.implausible_count:
            oldest = rejects.times[-profile.implausible_count]
            if rejects.times[-1] - oldest <= profile.implausible_within:
                yield technical(
                    f"implausible:{rejects.signal}",
                    "data-implausible",
                    rejects.times[-1],
                    f"Implausible values of {rejects.signal}",
                    f"Several implausible values of {rejects.signal} in a row; they are not judged. Check the sensor.",
                    lambda rejects=rejects: evidence.implausible(rejects, profile.implausible_count),  # type: ignore[misc]
                )
    if state.watch.ahead_at is not None:
        yield technical(
            "clock",
            "data-clock",
            state.watch.ahead_at,
            "A feed's clock is ahead",
            f"An event came with a time more than {duration(profile.clock_ahead)} in the future; it was set aside. "
            "Check the feed's clock.",
        )


def _missing(course: Course) -> tuple[str, ...]:
    """What was missing for the grade: it is then a floor."""
    unknown = dict.fromkeys((*course.hypotension.unknown, *course.hypoxia.unknown))
    if course.temperature is None:
        unknown["fever"] = None
    return tuple(unknown)


missing = _missing


def standing(state: State, kind: str, key: str) -> OpenAlert | None:
    """The open alert of this kind and key."""
    return next((a for a in state.book.open if a.kind == kind and a.key == key), None)
