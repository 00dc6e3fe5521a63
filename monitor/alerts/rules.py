"""The alerts that should stand at an instant: what is true now, each with its rule, its words and its evidence."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts import evidence, technical, tocilizumab, treatment_steps
from monitor.alerts.candidate import DISCHARGED, AlertCandidate, RuleContext, at_least_medium, grades, missing, priority
from monitor.course import episodes
from monitor.guidelines.model import Profile
from monitor.model import Course
from monitor.units.instants import clock, hours
from schemas.alerts import Evidence


def desired_alerts(scene: RuleContext) -> list[AlertCandidate]:
    """Everything that should be open now. A patient who left has no open alerts."""
    if scene.course.context.status in DISCHARGED:
        return list(technical.technical(scene))
    return [*_clinical(scene), *technical.technical(scene)]


def _clinical(scene: RuleContext) -> Iterator[AlertCandidate]:
    if scene.course.episode.open:
        yield _onset(scene)
        yield from tocilizumab.doses(scene)
        yield from _neuro(scene)
    yield from _escalation(scene)
    yield from _masked(scene)
    yield from tocilizumab.dose_safety(scene)
    yield from _table(scene)
    yield from _review(scene)


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


def _onset(scene: RuleContext) -> AlertCandidate:
    course, episode = scene.course, scene.course.episode
    risk = course.context.high_risk
    marked = "" if episode.infusion_known else " The time of the infusion is not known."
    what = "A fever" if episode.documented else "A masked fever"
    return AlertCandidate(
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
        unknown=missing(course),
    )


def _escalation(scene: RuleContext) -> Iterator[AlertCandidate]:
    if not 2 <= scene.grade <= 4:
        return
    course = scene.course
    what = {
        2: " Fluid boluses and oxygen as needed.",
        3: " Intensive care, echocardiogram and haemodynamic monitoring.",
        4: " Intensive care, ventilation as needed, echocardiogram and haemodynamic monitoring.",
    }
    basis = {"masked": " Fever is masked.", "masked_unconfirmed": " No fever on record: masked, please review."}
    yield AlertCandidate(
        "escalation",
        str(scene.grade),
        priority(scene.level),
        "escalation",
        course.held.since,
        f"CRS {grades(scene)}",
        f"CRS has reached {grades(scene)}.{basis.get(course.basis, '')}{_assumptions(course)}{what[scene.grade]} "
        "Tocilizumab is indicated from grade 2.",
        lambda: evidence.grade(scene.guideline.profile, course),
        unknown=missing(course),
        raise_if_new=scene.grade > scene.state.alerts.reported_grade
        or (course.held.rose and scene.grade == course.held.grade),
    )


def _masked(scene: RuleContext) -> Iterator[AlertCandidate]:
    course = scene.course
    hot = course.temperature is not None and course.temperature.value >= scene.guideline.profile.fever_tenths
    signs = episodes.axes_grade(course, astct=False)
    graded = scene.grade >= 2 and not hot and course.basis in ("masked", "masked_unconfirmed")
    if not graded and course.masked_signs_at is None:
        return
    level = max(scene.level, signs if course.masked_signs_at is not None else 0)
    drug = course.episode.masked_by or "an antipyretic, steroid or anti-cytokine"
    since = course.masked_signs_at if not graded and course.masked_signs_at is not None else course.held.since
    yield AlertCandidate(
        "masked_fever",
        "",
        priority(level),
        "masked-fever",
        since,
        f"Fever may be masked: {grades(scene)}",
        f"Signs of CRS without a documented fever while {drug} is on board ({grades(scene)}). Grading goes by "
        "hypotension and hypoxia. Please review for CRS and infection.",
        lambda: evidence.masked(scene.guideline.profile, course),
        unknown=missing(course),
    )


def _table(scene: RuleContext) -> Iterator[AlertCandidate]:
    course = scene.course
    for row in treatment_steps.table(scene.guideline.profile, course, scene.grade, scene.at):
        if isinstance(row, treatment_steps.RecheckAt):
            scene.recheck_at.append(row.at)
            continue
        yield AlertCandidate(
            row.kind,
            row.rule_id,
            at_least_medium(scene.level) if row.kind == "step" else "high",
            row.rule_id,
            row.effective_at,
            row.title,
            f"{row.message} (CRS {grades(scene)}.)",
            lambda row=row: _of_a_row(scene.guideline.profile, course, row),  # type: ignore[misc]
            unknown=missing(course),
            action=row.action,
            drug=row.drug,
            dose_mg=row.dose_mg,
            dose_basis=row.dose_basis,
        )


def _of_a_row(profile: Profile, course: Course, row: treatment_steps.StepDue) -> tuple[Evidence, ...]:
    signs = evidence.grade(profile, course) or evidence.fever(course)
    rests_on = (*signs, *evidence.doses(row.rests_on), *evidence.context(course, *row.context))
    return tuple(dict.fromkeys(rests_on))


def _neuro(scene: RuleContext) -> Iterator[AlertCandidate]:
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
    yield AlertCandidate(
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


def _review(scene: RuleContext) -> Iterator[AlertCandidate]:
    profile = scene.guideline.profile
    course, episode = scene.course, scene.course.episode
    if course.unmasked_signs_at is not None:
        yield AlertCandidate(
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
        yield AlertCandidate(
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
