"""What there is to say about tocilizumab: a first dose, a repeat, a limit, a dose that was not safe."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts import dosing, evidence
from monitor.alerts.candidate import AlertCandidate, RuleContext, at_least_medium, grades, open_alert
from monitor.guidelines.model import Profile
from monitor.model import Dose
from monitor.units.instants import LONG_AGO, clock, duration, hours


def doses(scene: RuleContext) -> Iterator[AlertCandidate]:
    profile, course, at = scene.guideline.profile, scene.course, scene.at
    now = dosing.tocilizumab(profile, course, at)
    dose, basis = dosing.dose_mg(profile, course.context.weight_kg)
    unknown = ("weight_kg",) if dose is None else ()
    amount = f"{dose:g} mg IV" if dose is not None else f"IV ({basis})"
    if scene.grade >= 2 and not now.counted:
        if now.blocked_by is not None:
            yield from _blocked(scene, now)
            return
        late, delay = _delayed(scene), duration(profile.dose_delay)
        yield AlertCandidate(
            "dose_indicated",
            "",
            "high" if late else at_least_medium(scene.level),
            "dose-delay" if late else "dose-first",
            max(course.held.since, course.episode.onset_at),
            "Tocilizumab indicated" + (f": not given for {delay}" if late else ""),
            f"CRS {grades(scene)}: give tocilizumab {amount}."
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
            scene.recheck_at.append(long)
            return
        why = "high risk" if risk else f"grade 1 for more than {hours(profile.grade_1_for)}"
        yield AlertCandidate(
            "dose_indicated",
            "",
            "low",
            "dose-consider",
            course.held.since if risk else long - 1,
            f"Consider tocilizumab: {why}",
            f"CRS grade 1, {why}: consider tocilizumab {amount}.",
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
            scene.recheck_at.append(again)
        elif now.blocked_by is not None:
            yield from _blocked(scene, now)
        else:
            yield AlertCandidate(
                "repeat_dose_eligible",
                "",
                at_least_medium(scene.level),
                "dose-repeat",
                max(again, course.held.since),
                "Tocilizumab may be repeated",
                f"CRS {grades(scene)} without improvement since the last dose ({clock(now.last_at)}): repeat "
                f"tocilizumab {amount}.",
                lambda: evidence.grade(profile, course) + evidence.doses(now.counted[-1:]) + evidence.weight(course),
                unknown=unknown,
                action="repeat tocilizumab IV",
                drug="tocilizumab",
                dose_mg=dose,
                dose_basis=basis,
                not_before=again,
                limits=_limits(profile, now),
            )


def dose_safety(scene: RuleContext) -> Iterator[AlertCandidate]:
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
            yield AlertCandidate(
                "dose_safety",
                dose.event_id,
                "high",
                "dose-safety",
                dose.at,
                f"Check the tocilizumab dose: {why}",
                f"The tocilizumab dose of {clock(dose.at)} is {why}. Check the record and the patient.",
                lambda dose=dose: evidence.doses((dose,)) + evidence.weight_at(course, dose),  # type: ignore[misc]
                drug="tocilizumab",
                until_acknowledged=True,
            )


def _delayed(scene: RuleContext) -> bool:
    """Whether the dose has been indicated for too long; people's deadlines run on the log clock."""
    before = open_alert(scene.state, "dose_indicated", "")
    indicated_at = scene.at if before is None or before.indicated_at is None else before.indicated_at
    deadline = indicated_at + scene.guideline.profile.dose_delay
    if scene.at < deadline:
        scene.recheck_at.append(deadline)
        return False
    return True


def _blocked(scene: RuleContext, now: dosing.Dosing) -> Iterator[AlertCandidate]:
    profile, lifts = scene.guideline.profile, now.next_eligible_at
    if lifts is not None:
        scene.recheck_at.append(lifts)
    when = f"until {clock(lifts)}" if lifts is not None else "for good in this episode: consider alternatives"
    why = {
        "limit_24h": f"{now.count_24h} doses in {hours(profile.dose_window)}",
        "limit_total": f"{now.count_total} doses in the episode",
        "interval": f"less than {hours(profile.dose_interval)} since the last dose",
    }[now.blocked_by or ""]
    title = "Tocilizumab limit: total reached: alternatives" if lifts is None else "Tocilizumab limit"
    yield AlertCandidate(
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


def _limiting(scene: RuleContext, now: dosing.Dosing) -> tuple[Dose, ...]:
    """The doses that stand against the next one."""
    window = scene.guideline.profile.dose_window
    doses = (d for d in scene.course.doses if d.role == "tocilizumab")
    return tuple(d for d in doses if d in now.counted or scene.at < d.at + window)


def _limits(profile: Profile, now: dosing.Dosing) -> str:
    lately = f"{now.count_24h} of {profile.maximum_in_window} in {hours(profile.dose_window)}"
    return f"{lately}, {now.count_total} of {profile.maximum_in_episode} in the episode"
