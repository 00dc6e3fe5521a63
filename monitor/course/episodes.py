"""The episode: when CRS begins, which drugs hide its fever, what its grade rests on, when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from monitor.course.axes import worse_grade
from monitor.guidelines.model import Profile
from monitor.model import Course, Dose, Episode, Finding
from monitor.units import DAY, LONG_AGO, NEVER
from schemas.state import GradeBasis

CLINICAL_SIGNS = 2  # the lowest grade of an axis that shows a sign
ANTI_CYTOKINE = frozenset({"tocilizumab", "siltuximab", "anakinra"})
MASKING = ANTI_CYTOKINE | {"antipyretic", "steroid"}


class Criterion(NamedTuple):
    """What an episode asks for, at an instant: a fever that counts, or signs while a drug hides fever."""

    fever: bool
    mask: tuple[Dose, int] | None  # the drug that hides fever, and until when
    signs: int  # the worse of the two axes; 1: no sign


def judge(profile: Profile, course: Course, at: int) -> Course:
    """Episode and basis of the grade at an instant, from the findings."""
    criterion = Criterion(fever_holds(profile, course, at), on_board(profile, course, at), worse_grade(course))
    course = with_fever(profile, _present(course, at), at)
    if course.episode.open and at >= ends_at(profile, course):
        course = course._replace(episode=course.episode._replace(open=False, ended_at=at))
    if not course.episode.open:
        course = _open(profile, course, at, criterion)
    episode = course.episode
    if criterion.fever and episode.open and not episode.documented:
        episode = episode._replace(documented=True)
    course = course._replace(episode=episode)
    graded = episode.open and (criterion.fever or episode.masked_at is not None)
    basis: GradeBasis = _basis(profile, course, criterion.fever) if graded else "none"
    unmasked_at, masked_at = _ungraded_signs(course, at, criterion, graded)
    return course._replace(basis=basis, unmasked_signs_at=unmasked_at, masked_signs_at=masked_at)


def _ungraded_signs(course: Course, at: int, criterion: Criterion, graded: bool) -> tuple[int | None, int | None]:
    """Since when there are signs that are not graded: after a fever has lapsed, or under a drug that hides fever."""
    ungraded = not graded and criterion.signs >= CLINICAL_SIGNS and not criterion.fever
    lapsed = ungraded and criterion.mask is None and course.fever is not None
    masked = ungraded and criterion.mask is not None and _after_infusion(course, at)
    return _since(course.unmasked_signs_at, lapsed, at), _since(course.masked_signs_at, masked, at)


def fever_holds(profile: Profile, course: Course, at: int) -> bool:
    """Whether a fever since the infusion still counts at an instant, and no clinician gave it another cause."""
    return (
        course.fever is not None and at < course.fever.at + profile.fever_holds and course.attributed.fever is not False
    )


def ends_at(profile: Profile, course: Course) -> int:
    """When the open episode is over if nothing more happens; far away while a sign is present."""
    episode = course.episode
    quiet = profile.quiet_for
    if any(_shows(f, a) for f, a in _both(course)):
        return NEVER
    times = [
        episode.onset_at + quiet,
        episode.hypotension_at + quiet,
        episode.hypoxia_at + quiet,
        last_antipyretic_at(course) + profile.antipyretic_quiet_for,
    ]
    if episode.reopened_at is not None:
        times.append(episode.reopened_at + quiet)
    times.append(episode.fever_at + quiet)
    return max(times)


def with_fever(profile: Profile, course: Course, at: int) -> Course:
    """The course with the last fever that counted noted in its open episode; one with another cause does not count."""
    episode = course.episode
    if not episode.open or course.fever is None or not fever_holds(profile, course, at):
        return course
    if course.fever.at <= episode.fever_at:
        return course
    return course._replace(episode=episode._replace(fever_at=course.fever.at))


def timers(profile: Profile, course: Course) -> Iterator[int]:
    """When the episode changes by time alone."""
    if course.episode.open:
        yield ends_at(profile, course)
    elif course.masked_signs_at is not None:
        mask = on_board(profile, course, course.at)
        if mask is not None:
            yield mask[1] + 1


def masks_until(profile: Profile, dose: Dose, infused_at: int | None) -> int:
    """The instant up to and including which a dose hides fever. Anti-cytokines: for the whole treatment."""
    if dose.role == "antipyretic":
        return dose.at + profile.antipyretic_masks
    if dose.role == "steroid":
        return dose.at + profile.steroid_masks
    return LONG_AGO if infused_at is not None and dose.at < infused_at else NEVER


def on_board(profile: Profile, course: Course, at: int) -> tuple[Dose, int] | None:
    """The masking drug that acts the longest from now, and until when; None: no fever is hidden."""
    best: tuple[Dose, int] | None = None
    for dose in course.doses:
        if dose.role in MASKING and dose.at <= at:
            until = masks_until(profile, dose, course.context.infused_at)
            if until >= at and (best is None or until > best[1]):
                best = (dose, until)
    return best


def last_antipyretic_at(course: Course) -> int:
    """When the last antipyretic was given."""
    return max((d.at for d in course.doses if d.role == "antipyretic"), default=LONG_AGO)


def _open(profile: Profile, course: Course, at: int, criterion: Criterion) -> Course:
    """A new or reopened episode, when a fever or a masked fever asks for one."""
    before = course.episode
    fever, mask, signs = criterion
    onset = course.fever.at if fever and course.fever is not None else at
    unconfirmed = (
        profile.grades_unconfirmed and mask is not None and signs >= CLINICAL_SIGNS and _after_infusion(course, at)
    )
    if not ((fever and onset > before.ended_at) or (not fever and unconfirmed)):
        return course
    if before.ended_at > LONG_AGO and onset <= before.ended_at + profile.reopens_within:
        episode = before._replace(open=True, reopened_at=onset, hypotension_at=LONG_AGO, hypoxia_at=LONG_AGO)
        course = course._replace(reopenings=course.reopenings + 1)
    else:
        counts_from = max(before.counts_from, before.ended_at)
        episode = Episode(
            number=before.number + 1,
            open=True,
            onset_at=onset,
            counts_from=counts_from,
            infusion_known=course.context.infused_at is not None,
        )
        kept = tuple(d for d in course.doses if d.at >= onset - 2 * DAY or d.role in ANTI_CYTOKINE)
        course = course._replace(doses=kept, reopenings=0)
    if episode.masked_at is None:
        first = next((d for d in course.doses if d.role in MASKING and d.at >= onset), None)
        masking = first if fever else (mask[0] if mask else None)
        if masking is not None:
            episode = episode._replace(masked_at=masking.at, masked_by=masking.drug)
    return with_fever(profile, _present(course._replace(episode=episode), at), at)


def _present(course: Course, at: int) -> Course:
    """The episode remembers the last instant at which each sign was present; NEVER: still present."""
    episode = course.episode
    if not episode.open:
        return course
    last = [episode.hypotension_at, episode.hypoxia_at]
    for index, (finding, attributed) in enumerate(_both(course)):
        if _shows(finding, attributed):
            last[index] = NEVER
        elif last[index] == NEVER:
            last[index] = at
    if last == [episode.hypotension_at, episode.hypoxia_at]:
        return course
    return course._replace(episode=episode._replace(hypotension_at=last[0], hypoxia_at=last[1]))


def _basis(profile: Profile, course: Course, fever: bool) -> GradeBasis:
    episode = course.episode
    if not episode.documented:
        return "masked_unconfirmed"
    hot = course.temperature is not None and course.temperature.value >= profile.fever_tenths
    if episode.masked_at is not None and not (fever and hot):
        return "masked"
    return "fever"


def _both(course: Course) -> tuple[tuple[Finding, bool | None], tuple[Finding, bool | None]]:
    attributed = course.attributed
    return (course.hypotension, attributed.hypotension), (course.hypoxia, attributed.hypoxia)


def _shows(finding: Finding, attributed: bool | None) -> bool:
    return attributed is not False and (finding.grade or 1) >= CLINICAL_SIGNS


def _after_infusion(course: Course, at: int) -> bool:
    return course.context.infused_at is None or course.context.infused_at <= at


def _since(before: int | None, holds: bool, at: int) -> int | None:
    if not holds:
        return None
    return at if before is None else before
