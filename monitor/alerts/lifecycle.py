"""The life of an alert: compare what should be open with what is open, then raise, update, resolve or retract."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2s
from typing import NamedTuple

from monitor.alerts.candidate import AlertCandidate, RecheckAt, RuleContext, RuleResult
from monitor.alerts.messages import MessageText, alert_of, closing_message, recommended, resolution_reason
from monitor.alerts.rules import desired_alerts, recovery
from monitor.guidelines.rule_ids import DOSE_DUE_RULES, RULES
from monitor.model import AlertBook, AlertIdCounter, OpenAlert
from monitor.units import MINUTE, clock
from monitor.verdicts import Verdict
from schemas.alert_kinds import ALERT_KINDS, PRIORITY_RANK, closed_by, priority_rank
from schemas.alerts import Alert, AlertStatus
from schemas.field_types import DISCHARGED

KNOWN_LATE_AFTER = 2 * MINUTE
MAX_UNACKNOWLEDGED = 24
MAX_NAMES = 32


class Reconciled(NamedTuple):
    """The open alerts afterwards, the messages, their verdicts, and when time alone may change the result (ms)."""

    book: AlertBook
    alerts: list[Alert]
    verdicts: list[Verdict]
    recheck_at: list[int]


def reconcile(context: RuleContext, previous: int, *, retracting: bool) -> Reconciled:
    """Raise new alerts, update changed ones, close those that no rule asks for any more.

    `previous`: the grade reported before. `retracting`: the event corrected or voided an earlier one.
    """
    result = Reconciliation(context, previous)
    open_alerts = {(a.kind, a.key): a for a in context.state.alerts.open}
    candidates = result.candidates(desired_alerts(context))
    desired = [(candidate, open_alerts.pop((candidate.kind, candidate.key), None)) for candidate in candidates]
    # Closing comes first: a receiver that shows one level at a time must not see two.
    for before in open_alerts.values():
        result.close_or_leave(before, retracting=retracting)
    closed = set(context.state.alerts.closed)
    for candidate, open_alert in desired:
        if open_alert is not None:
            result.keep(open_alert, candidate)
        elif f"{candidate.kind}:{candidate.key}" not in closed and candidate.raise_if_new:
            result.raise_new(candidate)
    closed |= result.close_oldest_unacknowledged()
    if not retracting:
        result.report_recovery()
    asked_for = {f"{one.kind}:{one.key}" for one in candidates}
    return result.outcome(tuple(sorted(name for name in closed if name in asked_for or _is_of_newer_build(name))))


class Reconciliation:
    """Collects the results of one `reconcile`; lives no longer than the call."""

    def __init__(self, context: RuleContext, previous: int) -> None:
        self.context = context
        self.previous = previous
        self.open: list[OpenAlert] = []
        raised = context.state.alerts.raised
        self.raised = raised if raised.at == context.at else AlertIdCounter(context.at)
        self.alerts: list[Alert] = []
        self.verdicts: list[Verdict] = []
        self.recheck_at: list[int] = []

    def candidates(self, results: Iterable[RuleResult]) -> list[AlertCandidate]:
        """The candidates among the rules' results; notes when the rules ask to judge again."""
        found: list[AlertCandidate] = []
        for one in results:
            if isinstance(one, RecheckAt):
                self.recheck_at.append(one.at)
            else:
                found.append(one)
        return found

    def close_or_leave(self, before: OpenAlert, *, retracting: bool) -> None:
        """An open alert that no rule asks for any more; some kinds stay open until somebody acknowledges them.

        An alert of a kind or rule that only a newer build knows stays as it is: that build can say when it ends.
        """
        if before.kind not in ALERT_KINDS or before.rule_id not in RULES:
            self._leave(before)
        elif retracting:
            self.close(before, "retracted", "rested on an entry made in error")
        elif self._waits_for_acknowledgement(before):
            self.open.append(before)
        else:
            self.close(before, "resolved", resolution_reason(self.context, before))

    def _waits_for_acknowledgement(self, alert: OpenAlert) -> bool:
        course = self.context.course
        if ALERT_KINDS[alert.kind].closed_by != "acknowledgement" or course.context.status in DISCHARGED:
            return False
        # The dose is still known, and no longer unsafe: a late entry changed its weight or the doses before it.
        counted = (dose for dose in course.doses if dose.at >= course.episode.counts_from)
        return not (alert.kind == "dose_safety" and any(dose.event_id == alert.key for dose in counted))

    def raise_new(self, candidate: AlertCandidate) -> None:
        """Open a new alert, with an id of its own."""
        at, course = self.context.at, self.context.course
        opened = OpenAlert(
            candidate.kind,
            candidate.key,
            self._alert_id(candidate.kind, candidate.key),
            1,
            "raised",
            candidate.priority,
            candidate.title,
            candidate.rule_id,
            course.episode.number if course.episode.open else 0,
            candidate.effective_at,
            at,
            candidate.dose_mg,
            candidate.not_before,
            indicated_at=at if _is_first_dose_due(candidate) else None,
        )
        self.open.append(opened)
        self._emit("raised", opened, candidate)

    def keep(self, before: OpenAlert, candidate: AlertCandidate) -> None:
        """An alert that stays open: a new version if it changed. A snooze holds every change but a higher priority."""
        at = self.context.at
        is_worse = PRIORITY_RANK[candidate.priority] > priority_rank(before.priority)
        is_snoozed = before.snoozed_until is not None and at < before.snoozed_until
        snooze_ended = before.snoozed_until is not None and not is_snoozed
        is_unchanged = candidate.same_content(before) and not snooze_ended
        if is_unchanged or (is_snoozed and not is_worse):
            if not is_unchanged:
                self.verdicts.append(Verdict("held_snoozed", before.kind))
            self._leave(before)
            return
        updated = before._replace(
            version=before.version + 1,
            status="updated",
            priority=candidate.priority,
            title=candidate.title,
            rule_id=candidate.rule_id,
            dose_mg=candidate.dose_mg,
            not_before=candidate.not_before,
            snoozed_until=None,
            acknowledged_at=None if is_worse else before.acknowledged_at,
            indicated_at=at if before.indicated_at is None and _is_first_dose_due(candidate) else before.indicated_at,
        )
        self.open.append(updated)
        self._emit("updated", updated, candidate)
        if is_worse:
            self.verdicts[-1] = Verdict("worsened", updated.kind)
        elif snooze_ended:
            self.verdicts[-1] = Verdict("snooze_ended", updated.kind)

    def _leave(self, before: OpenAlert) -> None:
        self.open.append(before)
        if before.snoozed_until is not None:
            self.recheck_at.append(before.snoozed_until)

    def close(self, before: OpenAlert, status: AlertStatus, reason: str) -> None:
        """The last version of an alert."""
        self.alerts.append(closing_message(self.context, before, status, reason, self.previous))
        self.verdicts.append(Verdict("retracted" if status == "retracted" else "resolved", before.kind))

    def close_oldest_unacknowledged(self) -> set[str]:
        """Close the oldest of too many alerts that nobody acknowledges, and name them so that none is raised again."""
        waiting = [a for a in self.open if closed_by(a.kind) == "acknowledgement"]
        oldest = sorted(waiting, key=lambda a: (a.raised_at, a.key))[:-MAX_UNACKNOWLEDGED]
        for before in oldest:
            self.open.remove(before)
            self.close(before, "resolved", "never acknowledged, and many newer ones stand")
        return {f"{before.kind}:{before.key}" for before in oldest}

    def report_recovery(self) -> None:
        """Report that the grade fell or the episode ended; this alert is closed as soon as it is raised."""
        candidate = recovery(self.context)
        if candidate is not None:
            self.raise_new(candidate)
            self.close(self.open.pop(), "resolved", ALERT_KINDS[candidate.kind].resolution)

    def outcome(self, closed: tuple[str, ...]) -> Reconciled:
        """Everything together. `closed`: kinds and keys that are not raised again."""
        in_order = tuple(sorted(self.open, key=lambda a: (a.kind, a.key)))
        raised = self.raised if self.raised.total else self.context.state.alerts.raised
        book = AlertBook(in_order, raised, closed, self.context.grade)
        return Reconciled(book, self.alerts, self.verdicts, self.recheck_at)

    def _alert_id(self, kind: str, key: str) -> str:
        """A hash of patient, episode, kind, key, log time and a count: the same log gives the same ids, each once.

        Log time never goes back, so the counts of this instant are enough.
        """
        name = f"{self.context.course.episode.number}|{kind}|{key}"
        at, names, total = self.raised
        counts = dict(names)
        # The count of a name that was dropped is unknown: the number of all alerts of this instant is new for each.
        count = counts.pop(name, total if total >= MAX_NAMES else 0) + 1
        self.raised = AlertIdCounter(at, (*counts.items(), (name, count))[-MAX_NAMES:], total + 1)
        whole = f"{self.context.state.patient_id}|{name}|{at}|{count}"
        return blake2s(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()

    def _emit(self, status: AlertStatus, alert: OpenAlert, candidate: AlertCandidate) -> None:
        is_late = self.context.at - candidate.effective_at > KNOWN_LATE_AFTER and status == "raised"
        known_late = f" Known late: true since {clock(candidate.effective_at)}." if is_late else ""
        rests_on = tuple(dict.fromkeys(candidate.evidence()))  # grade and dose may both rest on the weight
        text = MessageText(status, candidate.message + known_late, rests_on, candidate.unknown, recommended(candidate))
        self.alerts.append(alert_of(self.context, alert, self.previous, text))
        self.verdicts.append(Verdict(status, candidate.kind))


def _is_of_newer_build(name: str) -> bool:
    """Whether a name `kind:key` is of a kind that only a newer build knows."""
    return name.partition(":")[0] not in ALERT_KINDS


def _is_first_dose_due(candidate: AlertCandidate) -> bool:
    return candidate.kind == "dose_indicated" and candidate.rule_id in DOSE_DUE_RULES
