"""Escalation: repeat an unacknowledged high-priority page, then the next tier; use fallbacks; end snoozes; abandon."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import CaseCommands, Commands, DropPages, PagingPolicy, Result, verdict
from agents.dispatch.model import Case, DestinationStatus
from agents.dispatch.page import Page
from agents.dispatch.pages import Pages, base_key, with_status
from agents.dispatch.system_alarms import SystemAlarms

REPEATS = ("again", "next_tier", "snooze_ended")
# As in verdicts, metric labels, and the names of stored alarms.
STORED_RESULTS: dict[Result, str] = {"rejected": "refused", "removed": "gone"}


class Escalation:
    """What follows when time passes after a page, or a destination rejects it."""

    def __init__(self, policy: PagingPolicy, store: CaseStore, pages: Pages, alarms: SystemAlarms) -> None:
        self.policy = policy
        self.store = store
        self.pages = pages
        self.alarms = alarms

    def ticked(self, at: datetime) -> Commands:
        """Ends snoozes, escalates what is unacknowledged, and abandons what stays undelivered long after its close."""
        for alert_id in sorted(self.store.snoozed):
            yield from self._end_snooze(self.store.cases[alert_id], at)
        for alert_id in sorted(self.store.unacknowledged):
            yield from self._escalate_unacknowledged(self.store.cases[alert_id], at)
        for alert_id in sorted(self.store.closing):
            yield from self._abandon(self.store.cases[alert_id], at)

    def repeat_page(self, case: Case, cause: Literal["again", "snooze_ended"], at: datetime) -> CaseCommands:
        """Pages all tiers so far once more, and saves the case."""
        case = replace(case, paged_at=at, rounds=case.rounds + (cause == "again"))
        for name in dict.fromkeys(name for tier in case.tiers[: case.tier + 1] for name in tier):
            # A destination that has not accepted the first page yet need not get a second one.
            if case.at(name).undelivered:
                case = yield from self._use_fallback(case, name, at, repeat=True)
            else:
                case = yield from self.pages.open(case, name, cause, at)
        yield verdict(cause, case.alert)
        yield self.store.save(case)
        return case

    def page_rejected(self, case: Case, page: Page, result: Result, at: datetime) -> Commands:
        """The destination will never accept this page: drop what follows it, page the fallback, raise an alarm."""
        name, status, stored = page.destination, case.at(page.destination), STORED_RESULTS[result]
        yield verdict(f"page_{stored}", case.alert)
        if result == "removed":
            self.pages.removed_destinations.add(name)
        if page.act == "open":
            case = yield from self._drop_opened(case, name, status)
            case = yield from self._use_fallback(case, name, at, repeat=page.cause in REPEATS)
        else:
            case = with_status(case, name, replace(status, pending=tuple(p for p in status.pending if p != page)))
        yield self.store.save(case)
        if case.alarm is None:
            text = f"{name} is gone for good" if result == "removed" else f"{name} refuses pages"
            yield from self.alarms.about_destination(stored, name, text, case.partition, at)

    def _end_snooze(self, case: Case, at: datetime) -> Commands:
        """The end of a snooze calls again, unless the alert was acknowledged meanwhile."""
        if case.snoozed_until is not None and at >= case.snoozed_until:
            case = replace(case, snoozed_until=None, rounds=0)
            if case.quiet:
                yield self.store.save(case)
            else:
                yield from self.repeat_page(case, "snooze_ended", at)

    def _escalate_unacknowledged(self, case: Case, at: datetime) -> Commands:
        """Unanswered: repeat, then the next tier. Undelivered: the fallback."""
        waited = at - case.paged_at
        if waited >= self.policy.undelivered_after:
            case = yield from self._fallback_if_undelivered(case, at)
        if case.quiet:
            return
        if case.rounds == 0 and waited >= self.policy.repeat_after and self.policy.repeat_limit:
            first_paged_at = case.paged_at
            case = yield from self.repeat_page(case, "again", at)
            # The next tier's time counts from the first page, not from its repeat.
            yield self.store.save(replace(case, paged_at=first_paged_at))
        elif waited >= self.policy.next_tier_after:
            if case.tier + 1 < len(case.tiers):
                yield from self._next_tier(case, at)
            elif case.rounds < self.policy.repeat_limit:
                yield from self.repeat_page(case, "again", at)

    def _next_tier(self, case: Case, at: datetime) -> Commands:
        case = replace(case, tier=case.tier + 1, rounds=0, paged_at=at)
        for name in case.tiers[case.tier]:
            case = yield from self.pages.open(case, name, "next_tier", at)
        yield verdict("next_tier", case.alert)
        yield self.store.save(case)

    def _fallback_if_undelivered(self, case: Case, at: datetime) -> CaseCommands:
        """Pages the fallback of each destination that has not accepted a high-priority page in time, with an alarm."""
        before = case
        for name, status in list(case.destinations.items()):
            if status.undelivered:
                if not case.quiet:
                    case = yield from self._use_fallback(case, name, at)
                text = f"{name} does not take pages"
                yield from self.alarms.about_destination("stuck", name, text, case.partition, at)
        if case is not before:
            yield self.store.save(case)
        return case

    def _abandon(self, case: Case, at: datetime) -> Commands:
        """Closed for long, and a destination still has not accepted its pages: they are dropped."""
        if case.closed_at is None or at - case.closed_at < self.policy.abandon_after:
            return
        for name, status in list(case.destinations.items()):
            if status.pending:
                yield DropPages(name, frozenset(page.key for page in status.pending))
                case = with_status(case, name, replace(status, pending=()))
        yield verdict("gave_up", case.alert)
        yield self.store.save(case)

    def _use_fallback(self, case: Case, name: str, at: datetime, *, repeat: bool = False) -> CaseCommands:
        """Pages the fallback of a destination: once for each level, and again if `repeat`."""
        fallback = self.policy.fallback.get(name)
        if fallback is None or case.closed_at is not None or case.alarm is not None:
            return case
        status = case.at(fallback)
        paged = base_key(case.alert) in status.used or status.held
        if paged and not repeat:
            return case
        return (yield from self.pages.open(case, fallback, "second", at))

    def _drop_opened(self, case: Case, name: str, status: DestinationStatus) -> CaseCommands:
        """Drops every incident that the destination has not accepted yet."""
        dropped = frozenset(page.key for page in status.pending if page.act == "open")
        yield DropPages(name, dropped)
        pending = tuple(page for page in status.pending if page.key not in dropped)
        keys = tuple(key for key in status.keys if key not in dropped)
        return with_status(case, name, replace(status, pending=pending, keys=keys, held=False))
