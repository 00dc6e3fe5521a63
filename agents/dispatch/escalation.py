"""Loud and unanswered, refused, or not taken: who is paged again, who next, and who stands in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agents.dispatch.case_store import stem_of, undelivered, with_line
from agents.dispatch.commands import DropPages, Result
from agents.dispatch.model import Case, Cause, DestinationStatus, Page
from agents.dispatch.system_alarms import OwnCases

INSISTENT = ("again", "next_tier", "snooze_ended")


class Insisting(OwnCases):
    """What happens when a page is not the end of it."""

    def _round(self, case: Case, cause: Cause, at: datetime) -> None:
        """Everyone of the tiers so far is paged once more."""
        case = replace(case, paged_at=at, rounds=case.rounds + (cause == "again"))
        for name in dict.fromkeys(name for tier in case.tiers[: case.tier + 1] for name in tier):
            # What a dead destination has not even taken once need not wait there twice.
            if undelivered(case.lines.get(name, DestinationStatus())):
                case = self._second(case, name, at, insist=True)
            else:
                case = self._open(case, name, cause, at)
        self._say(cause, case.brief)
        self._settle(case)

    def _wake(self, case: Case, at: datetime) -> None:
        """Quiet was asked for until now: whoever asked wants to hear of it again."""
        if case.snoozed_until is not None and at >= case.snoozed_until:
            case = replace(case, snoozed_until=None, rounds=0)
            if case.silent:
                self._settle(case)
            else:
                self._round(case, "snooze_ended", at)

    def _restless_case(self, case: Case, at: datetime) -> None:
        """Loud and unanswered: again, then the next tier; loud and undelivered: the second destination."""
        waited = at - case.paged_at
        if waited >= self.rules.stuck_after:
            case = self._stuck(case, at)
        if case.silent:
            return
        if case.rounds == 0 and waited >= self.rules.again_after and self.rules.repeat_limit:
            kept = case.paged_at
            self._round(case, "again", at)
            # The next tier's time counts from the first page, not from its repeat.
            self._settle(replace(self.cases[case.alert_id], paged_at=kept))
        elif waited >= self.rules.next_tier_after:
            if case.tier + 1 < len(case.tiers):
                self._next_tier(case, at)
            elif case.rounds < self.rules.repeat_limit:
                self._round(case, "again", at)

    def _next_tier(self, case: Case, at: datetime) -> None:
        case = replace(case, tier=case.tier + 1, rounds=0, paged_at=at)
        for name in case.tiers[case.tier]:
            case = self._open(case, name, "next_tier", at)
        self._say("next_tier", case.brief)
        self._settle(case)

    def _stuck(self, case: Case, at: datetime) -> Case:
        """A loud page that a destination does not take in time is also told to its second."""
        before = case
        for name, line in list(case.lines.items()):
            if undelivered(line):
                if not case.silent:
                    case = self._second(case, name, at)
                words = f"{name} does not take pages"
                self._alarm(f"stuck:{name}", words, self._alarm_to(name), case.partition, at)
        if case is not before:
            self._settle(case)
        return case

    def _give_up(self, case: Case, at: datetime) -> None:
        """Long over, and a destination still does not take the news: it need not hear of it any more."""
        if case.closed_at is None or at - case.closed_at < self.rules.give_up_after:
            return
        for name, line in list(case.lines.items()):
            if line.pending:
                self._out.append(DropPages(name, frozenset(page.key for page in line.pending)))
                case = with_line(case, name, replace(line, pending=()))
        self._say("gave_up", case.brief)
        self._settle(case)

    def _refused(self, case: Case, line: DestinationStatus, page: Page, result: Result, at: datetime) -> None:
        """It will never take this page: what waits behind it is dropped, the second destination hears of it."""
        name = page.destination
        self._say(f"page_{result}", case.brief)
        if result == "gone":
            self.gone.add(name)
        if page.act == "open":
            lost = frozenset(other.key for other in line.pending if other.act == "open")
            self._out.append(DropPages(name, lost))
            kept = tuple(other for other in line.pending if other.key not in lost)
            keys = tuple(key for key in line.keys if key not in lost)
            case = with_line(case, name, replace(line, pending=kept, keys=keys, held=False))
            case = self._second(case, name, at, insist=page.cause in INSISTENT)
        else:
            case = with_line(case, name, replace(line, pending=tuple(p for p in line.pending if p != page)))
        self._settle(case)
        if case.alarm is None:
            words = f"{name} is gone for good" if result == "gone" else f"{name} refuses pages"
            self._alarm(f"{result}:{name}", words, self._alarm_to(name), case.partition, at)

    def _second(self, case: Case, name: str, at: datetime, *, insist: bool = False) -> Case:
        """The stand-in of a destination is told once of each level, and again when nobody answers."""
        second = self.rules.second.get(name)
        if second is None or case.closed_at is not None or case.alarm is not None:
            return case
        line = case.lines.get(second, DestinationStatus())
        known = stem_of(case.brief) in line.used or line.held
        return case if known and not insist else self._open(case, second, "second", at)
