"""Counts what a run of events came to: grades reached, alerts by kind, flaps, what was refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agents.engine.patients import Judged
from monitor.course.fold import advance
from monitor.guidelines.in_force import Guideline
from monitor.model import Course, OpenAlert
from monitor.units import DAY, MINUTE, to_ms
from schemas.events import Tick
from schemas.state import SCALES

DISCLAIMER = "Decision support for clinicians: not a medical device, and not a primary alarm."
GRADES = range(6)
NAMES_KEPT = 50
OTHERS = "(others)"
# The same alert raised and resolved within so long, more than so often in a day, is a flap.
SHORT_LIFE = 30 * MINUTE
SHORT_LIVES_ALLOWED = 2


@dataclass(slots=True)
class Stay:
    """One patient in numbers. Bedside times in ms."""

    first_at: int
    last_at: int
    peaks: dict[str, int] = field(default_factory=lambda: {scale.name: 0 for scale in SCALES})
    episodes: int = 0
    raised: Counter[str] = field(default_factory=Counter)
    flapping: set[str] = field(default_factory=set)
    short_lives: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """The highest grade of CRS by the profile in force."""
        return self.peaks[SCALES[0].name]

    @property
    def days(self) -> float:
        """From the first event to the last."""
        return (self.last_at - self.first_at) / DAY

    def record_flap(self, name: str, over_at: int) -> None:
        """An alert stood for a moment only; more than so often in a day, and it flaps."""
        lately = (*self.short_lives.get(name, ()), over_at)[-SHORT_LIVES_ALLOWED - 1 :]
        self.short_lives[name] = lately
        if len(lately) > SHORT_LIVES_ALLOWED and over_at - lately[0] <= DAY:
            self.flapping.add(name)


class Statistics:
    """What was judged so far. `watch` sees every judgement; `refuse` every dead letter."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.stays: dict[str, Stay] = {}
        self.events: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.unknown_fields: Counter[str] = Counter()
        self.beyond = 0

    def observe(self, one: Judged) -> None:
        """Takes in one judgement."""
        for verdict in one.step.verdicts:
            self.verdicts[verdict.reason] += 1
        stay = self.stays.get(one.patient_id)
        if isinstance(one.event, Tick):
            self.events["tick"] += 1
        else:
            self.events[one.event.type] += 1
            at = to_ms(one.event.effective_at)
            if stay is None:
                stay = self.stays[one.patient_id] = Stay(at, at)
            # A time that the feed's clock made up must not stretch the stay.
            if at <= one.step.state.clock + MINUTE:
                stay.first_at, stay.last_at = min(stay.first_at, at), max(stay.last_at, at)
        if stay is not None:
            self._take(stay, one)

    def refuse(self, reason: str) -> None:
        """One dead letter."""
        self.dead_letters[reason] += 1

    def count_unknown_fields(self, fields: tuple[str, ...]) -> None:
        """Fields that we do not know; names come from outside, so only a bounded number is counted by name."""
        for name in fields:
            known = name in self.unknown_fields or len(self.unknown_fields) < NAMES_KEPT
            self.unknown_fields[name if known else OTHERS] += 1

    @property
    def patient_days(self) -> float:
        """Days of observation, all patients together."""
        return sum(stay.days for stay in self.stays.values())

    @property
    def flaps(self) -> int:
        """Alerts of all patients that came and went too often."""
        return sum(len(stay.flapping) for stay in self.stays.values())

    def raised(self) -> Counter[str]:
        """Alerts raised, by kind; further versions of an alert are not counted."""
        return sum((stay.raised for stay in self.stays.values()), Counter())

    def reached(self) -> dict[str, dict[int, int]]:
        """For each scale, by its name for people: how many patients have which grade as their highest."""
        counted = {
            title: Counter(stay.peaks[name] for stay in self.stays.values())
            for name, title in scale_titles(self.guideline).items()
        }
        return {title: {grade: counts[grade] for grade in GRADES} for title, counts in counted.items()}

    def per_day(self, number: int) -> str:
        """So many a patient-day, as people read it."""
        days = self.patient_days
        return f"{number / days:.2f}" if days > 0 else "-"

    def _take(self, stay: Stay, one: Judged) -> None:
        if one.step.state.course is not one.before.course or one.step.alerts:
            now = course_of(self.guideline, one)
            for name in stay.peaks:
                stay.peaks[name] = max(stay.peaks[name], now.on(name).grade)
            stay.episodes = max(stay.episodes, now.episode.number)
        if one.step.alerts:
            self._alerted(stay, one)

    def _alerted(self, stay: Stay, one: Judged) -> None:
        stood = {alert.alert_id: alert for alert in one.before.alerts.open}
        for alert in one.step.alerts:
            self.alerts[alert.status] += 1
            if alert.status == "raised":
                stay.raised[alert.kind] += 1
            elif alert.status == "resolved" and is_short(stood.get(alert.alert_id), to_ms(alert.raised_at)):
                before = stood[alert.alert_id]
                stay.record_flap(f"{before.kind}:{before.key}", to_ms(alert.raised_at))


def scale_titles(guideline: Guideline) -> dict[str, str]:
    """The scales by name, each with its title; one whose profile is in force anyway is left out."""
    named = {"crs": guideline.profile.name, "astct": guideline.astct.name}
    titles = {scale.name: named.get(scale.name, scale.title) for scale in SCALES}
    return {name: title for name, title in titles.items() if name == "crs" or title != titles["crs"]}


def course_of(guideline: Guideline, one: Judged) -> Course:
    """The patient's course at the log clock after a judgement, with everything that time alone has changed by then."""
    return advance(guideline, one.step.state.course, one.step.state.clock)


def is_short(before: OpenAlert | None, over_at: int) -> bool:
    """Whether an alert was open only briefly. One raised and closed at one instant (a recovery) does not count."""
    return before is not None and over_at - before.raised_at <= SHORT_LIFE
