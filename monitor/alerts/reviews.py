"""Reviews: what a clinician should look at, because the course alone does not show what it means."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts import evidence
from monitor.alerts.candidate import AlertCandidate, GatherEvidence, RuleContext
from monitor.units import hours


def reviews(context: RuleContext) -> Iterator[AlertCandidate]:
    """Every rule of this file."""
    yield from _signs_without_fever(context)
    if context.course.episode.open:
        yield from _begun_before_the_infusion(context)
        yield from _reopened(context)


def _signs_without_fever(context: RuleContext) -> Iterator[AlertCandidate]:
    profile, course = context.guideline.profile, context.course
    if course.unmasked_signs_at is not None:
        yield _review(
            context,
            "signs",
            "review-signs-without-fever",
            course.unmasked_signs_at,
            "Signs persist without fever",
            f"Hypotension or hypoxia persists more than {hours(profile.fever_holds)} after the last fever, with "
            "nothing on board that masks one: not graded as CRS. Please review for another cause.",
            lambda: evidence.grade(profile, course),
        )


def _begun_before_the_infusion(context: RuleContext) -> Iterator[AlertCandidate]:
    course = context.course
    if course.treatments and course.treatments[0].infused_at > course.episode.onset_at:
        yield _review(
            context,
            "early",
            "review-late-fever",
            course.treatments[0].infused_at,
            "The episode began before the infusion",
            "The infusion became known while the episode ran; earlier fever is no CRS. Please review for its cause.",
            lambda: evidence.fever(course),
        )


def _reopened(context: RuleContext) -> Iterator[AlertCandidate]:
    profile, course = context.guideline.profile, context.course
    if course.episode.reopened_at is not None:
        yield _review(
            context,
            f"reopened:{course.reopenings}",
            "review-reopened",
            course.episode.reopened_at,
            "Fever again: the episode is reopened",
            f"New fever within {hours(profile.reopens_within)} of the end of the episode: infection, or IEC-HS? The "
            "episode is reopened.",
            lambda: evidence.fever(course),
        )


def _review(
    context: RuleContext, key: str, rule_id: str, since: int, title: str, message: str, rests_on: GatherEvidence
) -> AlertCandidate:
    return AlertCandidate("review", key, context.priority("review"), rule_id, since, title, message, rests_on)
