"""The life of an alert: what should stand is held against what stands; the difference is what people are told."""

from __future__ import annotations

from hashlib import blake2s
from typing import NamedTuple

from monitor.alerts import evidence
from monitor.alerts.candidate import DISCHARGED, AlertCandidate, RuleContext, missing
from monitor.alerts.messages import MessageText, alert_of, closing_message, ended_at, recommended, resolution_reason
from monitor.alerts.rules import desired_alerts
from monitor.guidelines.in_force import Guideline
from monitor.model import AlertBook, AlertIdCounter, Course, OpenAlert, State
from monitor.units.instants import LONG_AGO, MINUTE, clock
from monitor.verdicts import Verdict
from schemas.alerts import Alert, AlertStatus

URGENCY = {"technical": 0, "low": 1, "medium": 2, "high": 3}
KNOWN_LATE_AFTER = 2 * MINUTE
UNTIL_ACKNOWLEDGED = ("dose_safety", "review")  # these end when somebody has seen them
MAX_UNACKNOWLEDGED = 24
MAX_NAMES = 32


class Reconciled(NamedTuple):
    """The book after the difference was told, and what was told."""

    book: AlertBook
    alerts: list[Alert]
    verdicts: list[Verdict]


def reconcile(scene: RuleContext, previous: int, *, retracting: bool) -> Reconciled:
    """Raise what is new, update what is worse, resolve what is over. `retracting`: an entry was just taken back."""
    told = Reconciliation(scene, previous)
    standing = {(a.kind, a.key): a for a in scene.state.alerts.open}
    targets = desired_alerts(scene)
    closed = set(scene.state.alerts.closed)
    still = {f"{target.kind}:{target.key}" for target in targets}
    kept = [(standing.pop((target.kind, target.key), None), target) for target in targets]
    # What is over is told first: a receiver that knows levels must not see two at once.
    for before in standing.values():
        if retracting:
            told.close(before, "retracted", "rested on an entry made in error")
        elif (
            before.kind in UNTIL_ACKNOWLEDGED
            and scene.course.context.status not in DISCHARGED
            and not _dose_now_safe(scene, before)
        ):
            told.open.append(before)
        else:
            told.close(before, "resolved", resolution_reason(scene, before))
    for stands, target in kept:
        if stands is not None:
            told.keep(stands, target)
        elif f"{target.kind}:{target.key}" not in closed and target.raise_if_new:
            told.raise_new(target)
    closed |= told.close_oldest_unacknowledged()
    told.report_recovery(retracting)
    return told.outcome(tuple(sorted(closed & still)))


def _dose_now_safe(scene: RuleContext, alert: OpenAlert) -> bool:
    """Whether an entry that came late shows that nothing was unsafe about the dose: its weight, the doses before it."""
    counted = [dose for dose in scene.course.doses if dose.at >= scene.course.episode.counts_from]
    return alert.kind == "dose_safety" and any(dose.event_id == alert.key for dose in counted)


class Reconciliation:
    """Collects the messages of one reconciliation; lives no longer than the call."""

    def __init__(self, scene: RuleContext, previous: int) -> None:
        self.scene = scene
        self.previous = previous
        self.open: list[OpenAlert] = []
        raised = scene.state.alerts.raised
        self.raised = raised if raised.at == scene.at else AlertIdCounter(scene.at)
        self.alerts: list[Alert] = []
        self.verdicts: list[Verdict] = []

    def raise_new(self, target: AlertCandidate) -> None:
        """A new alert, with an id of its own."""
        alert_id = self._alert_id(target.kind, target.key)
        at = self.scene.at
        made = OpenAlert(
            target.kind,
            target.key,
            alert_id,
            1,
            "raised",
            target.priority,
            target.title,
            target.rule_id,
            self.scene.course.episode.number if self.scene.course.episode.open else 0,
            target.effective_at,
            at,
            target.dose_mg,
            target.not_before,
            indicated_at=at if target.kind == "dose_indicated" and target.rule_id != "dose-consider" else None,
        )
        self.open.append(made)
        self._emit("raised", made, target)
        if made.indicated_at is not None:
            self.scene.recheck_at.append(at + self.scene.guideline.profile.dose_delay)

    def keep(self, before: OpenAlert, target: AlertCandidate) -> None:
        """An alert that stands: a new version when it says something new; a snooze holds all but worse."""
        at = self.scene.at
        worse = URGENCY[target.priority] > URGENCY[before.priority]
        snoozed = before.snoozed_until is not None and at < before.snoozed_until
        ended = before.snoozed_until is not None and not snoozed
        if target.same_content(before) and not ended:
            self.open.append(before)
            self._schedule_snooze_end(before)
            return
        if snoozed and not worse:
            self.open.append(before)
            self.verdicts.append(Verdict("held_snoozed", before.kind))
            self._schedule_snooze_end(before)
            return
        indicated = before.indicated_at
        if target.kind == "dose_indicated" and indicated is None and target.rule_id != "dose-consider":
            indicated = at
        now = before._replace(
            version=before.version + 1,
            status="updated",
            priority=target.priority,
            title=target.title,
            rule_id=target.rule_id,
            dose_mg=target.dose_mg,
            not_before=target.not_before,
            snoozed_until=None,
            acknowledged_at=None if worse else before.acknowledged_at,
            indicated_at=indicated,
        )
        self.open.append(now)
        self._emit("updated", now, target)
        if worse:
            self.verdicts[-1] = Verdict("worsened", now.kind)
        elif ended:
            self.verdicts[-1] = Verdict("snooze_ended", now.kind)

    def close(self, before: OpenAlert, status: AlertStatus, reason: str) -> None:
        """The last version of an alert."""
        self.alerts.append(closing_message(self.scene, before, status, reason, self.previous))
        self.verdicts.append(Verdict("retracted" if status == "retracted" else "resolved", before.kind))

    def close_oldest_unacknowledged(self) -> set[str]:
        """What nobody has ever looked at does not pile up without end: the oldest make way, for good."""
        unseen = sorted((a for a in self.open if a.kind in UNTIL_ACKNOWLEDGED), key=lambda a: (a.raised_at, a.key))
        given_up = unseen[:-MAX_UNACKNOWLEDGED]
        for before in given_up:
            self.open.remove(before)
            self.close(before, "resolved", "never acknowledged, and many newer ones stand")
        return {f"{before.kind}:{before.key}" for before in given_up}

    def report_recovery(self, retracting: bool) -> None:
        """Tell that the grade fell or the episode ended; said and closed at once."""
        scene, book = self.scene, self.scene.state.alerts
        if retracting or scene.course.context.status in DISCHARGED:
            return
        course, number = scene.course, scene.course.episode.number
        # An episode that by a late entry never began has not ended either.
        ended = not course.episode.open and any(a.kind == "onset" and a.episode <= number for a in book.open)
        if scene.grade < book.reported_grade or ended:
            title = f"CRS episode {number} ended" if ended else f"CRS grade {scene.grade} (was higher)"
            since = ended_at(course) if ended else course.held.since
            since = scene.at if since == LONG_AGO else since
            unexplained = course.unmasked_signs_at is not None
            target = AlertCandidate(
                "recovery",
                "ended" if ended else str(scene.grade),
                "low",
                "recovery",
                since,
                title,
                f"The grade fell from {book.reported_grade} to {scene.grade}."
                + (" Hypotension or hypoxia persists without a fever: please review." if unexplained else "")
                if not ended
                else f"Episode {number} ended at {clock(since)}.",
                lambda: evidence.hypotension(scene.guideline.profile, scene.course) + evidence.hypoxia(scene.course),
                unknown=missing(scene.course),
            )
            self.raise_new(target)
            self.close(self.open.pop(), "resolved", "said once")

    def outcome(self, closed: tuple[str, ...]) -> Reconciled:
        """The book and the messages."""
        order = sorted(self.open, key=lambda a: (a.kind, a.key))
        raised = self.raised if self.raised.total else self.scene.state.alerts.raised
        return Reconciled(AlertBook(tuple(order), raised, closed, self.scene.grade), self.alerts, self.verdicts)

    def _schedule_snooze_end(self, alert: OpenAlert) -> None:
        if alert.snoozed_until is not None:
            self.scene.recheck_at.append(alert.snoozed_until)

    def _alert_id(self, kind: str, key: str) -> str:
        """The same log gives the same id, and none is given twice: patient, episode, kind, key, log time, how often.

        Log time never goes back, so only what was raised at this very instant needs to be remembered.
        """
        name = f"{self.scene.course.episode.number}|{kind}|{key}"
        at, names, total = self.raised
        known = dict(names)
        # Names beyond those that are kept may have been forgotten: then the number of all of them is new for each.
        count = known.pop(name, total if total >= MAX_NAMES else 0) + 1
        self.raised = AlertIdCounter(at, (*known.items(), (name, count))[-MAX_NAMES:], total + 1)
        whole = f"{self.scene.state.patient_id}|{name}|{at}|{count}"
        return blake2s(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()

    def _emit(self, status: AlertStatus, alert: OpenAlert, target: AlertCandidate) -> None:
        late = self.scene.at - target.effective_at > KNOWN_LATE_AFTER and status == "raised"
        told_late = f" Known late: true since {clock(target.effective_at)}." if late else ""
        rests_on = tuple(dict.fromkeys(target.evidence()))  # A weight may count twice, and is named once.
        words = MessageText(status, target.message + told_late, rests_on, target.unknown, recommended(target))
        self.alerts.append(alert_of(self.scene, alert, self.previous, words))
        self.verdicts.append(Verdict(status, target.kind))


def rule_context(guideline: Guideline, state: State, course: Course, at: int) -> tuple[RuleContext, bool]:
    """The scene at a log time, and whether a grade was overtaken before people knew of it.

    A grade that only the falling delay still holds is no news: it stands in the record, and nobody is told anew.
    """
    known = state.alerts.reported_grade
    grade, overtaken = _reportable_grade(course.held.grade, course.held.supported, known)
    astct, _ = _reportable_grade(course.astct.grade, course.astct.supported, known)
    return RuleContext(guideline, state, course, at, grade, astct, []), overtaken


def _reportable_grade(grade: int, raw: int, known: int) -> tuple[int, bool]:
    if grade > known and raw < grade:
        return max(raw, known), True
    return grade, False
