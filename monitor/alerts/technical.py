"""What there is to say to those who mind the feeds: signals lost, data amiss, an event of ours that failed."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts import dosing, evidence
from monitor.alerts.candidate import DISCHARGED, AlertCandidate, RuleContext, Sources
from monitor.units.instants import LONG_AGO, duration, hours


def technical(scene: RuleContext) -> Iterator[AlertCandidate]:
    yield from _signal_lost(scene)
    yield from _data_quality(scene)
    if scene.state.defect_at is not None:
        yield AlertCandidate(
            "unmonitored",
            "",
            "technical",
            "unmonitored",
            scene.state.defect_at,
            "An event could not be judged",
            "An event of this patient could not be judged because of a defect of the system. Watch the patient without "
            "it until this is resolved.",
            tuple,
        )


def silence_at(scene: RuleContext) -> int | None:
    """When the patient's vitals are lost if none come; None: this patient is not watched."""
    profile, course, watch = scene.guideline.profile, scene.course, scene.state.feed_health
    infused_at = course.context.infused_at
    recent = infused_at is not None and infused_at <= scene.at < infused_at + profile.watched_after_infusion
    if recent and infused_at is not None:
        scene.recheck_at.append(infused_at + profile.watched_after_infusion)
    if course.context.status in DISCHARGED or not (course.episode.open or recent):
        if infused_at is not None and infused_at > scene.at:
            scene.recheck_at.append(infused_at)
        return None
    if watch.vitals_at == LONG_AGO:
        since = max(infused_at or LONG_AGO, min(course.context.since, scene.at))
        return since + profile.charted_silence
    return watch.vitals_at + (profile.charted_silence if watch.vitals_charted else profile.monitor_silence)


def _signal_lost(scene: RuleContext) -> Iterator[AlertCandidate]:
    due = silence_at(scene)
    if due is None:
        return
    if scene.at < due:
        scene.recheck_at.append(due)
        return
    yield AlertCandidate(
        "signal_lost",
        "",
        "technical",
        "signal-lost",
        due,
        "No vitals from a monitored patient",
        "No vitals have come for too long; the grade shown may be out of date. Check the patient and the feed.",
        lambda: evidence.silence(scene.state.feed_health),
        unknown=("vitals",),
    )


def _data_quality(scene: RuleContext) -> Iterator[AlertCandidate]:
    profile, course, state = scene.guideline.profile, scene.course, scene.state
    left = course.context.status in DISCHARGED

    def technical(
        key: str, rule_id: str, at: int, title: str, message: str, rests_on: Sources = tuple
    ) -> AlertCandidate:
        missing = (key,) if rule_id == "data-weight" else ()
        return AlertCandidate("data_quality", key, "technical", rule_id, at, title, message, rests_on, unknown=missing)

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
            scene.recheck_at.append(due)
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
    for rejects in state.feed_health.rejects:
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
    if state.feed_health.clock_ahead_at is not None:
        yield technical(
            "clock",
            "data-clock",
            state.feed_health.clock_ahead_at,
            "A feed's clock is ahead",
            f"An event came with a time more than {duration(profile.clock_ahead)} in the future; it was set aside. "
            "Check the feed's clock.",
        )
