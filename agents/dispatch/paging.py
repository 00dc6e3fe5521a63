"""Who is told what, and when again: a machine without clock or network. Events go in, commands come out.

Events: partitions won and lost, a version of an alert, a tick, the outcome of a page, a heartbeat. Commands: send a
page, drop what waits behind a refused one, remember a case, forget an old one, and a verdict that says why, also when
nothing is sent. The same events give the same commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from agents.dispatch.case_store import with_line
from agents.dispatch.commands import AlertUpdate, Command, DeleteCase, Result, SendPage
from agents.dispatch.escalation import Insisting
from agents.dispatch.model import Act, Case, Cause, DestinationStatus, Page
from agents.dispatch.system_alarms import HEARTBEAT


class Paging(Insisting):
    """Every open case, the flood guards, and the alarms of our own."""

    # What comes in.

    def assigned(self, partition: int, cases: Iterable[Case], at: datetime) -> list[Command]:
        """We own a partition now: what was not confirmed before goes out again, in the same words and order."""
        self.heard_at[partition] = at
        self._beaten.discard(partition)
        for case in sorted(cases, key=lambda case: (case.offset, case.alert_id)):
            self._restore(case, at)
        for case in [case for case in self.cases.values() if case.members and not self._members.get(case.alert_id)]:
            self._end_own(case.alert_id, at)
        return self._commands()

    def forgot(self, partition: int, rows: int, at: datetime) -> list[Command]:
        """Rows that cannot be read any more: whoever looks after us must know, and the ward must look at the board."""
        if rows:
            words = f"{rows} alerts that were being delivered are forgotten: look at the board"
            self._alarm(f"forgot:{partition}", words, self._everyone(), partition, at)
        return self._commands()

    def revoked(self, partitions: Iterable[int]) -> None:
        """Someone else owns them now, with all their cases."""
        lost = set(partitions)
        self._forget_alarms(lost)
        for case in [case for case in self.cases.values() if case.partition in lost]:
            self._leave(case)
        for partition in lost:
            self.heard_at.pop(partition, None)
            self._beaten.discard(partition)
            self.settled.pop(partition, None)

    def told(self, told: AlertUpdate, at: datetime) -> list[Command]:
        """A version of an alert. Versions that were seen before say nothing new."""
        known = self.cases.get(told.alert_id)
        if told.brief.version <= self.last_version(told.partition, told.alert_id):
            self._say("repeat", told.brief)
        elif known is None:
            self._first(told, at)
        elif known.closed_at is not None:
            self._reopened(known, told, at)
        elif told.brief.over:
            self._close(_seen(known, told), at)
        else:
            self._changed(known, _seen(known, told), at)
        return self._commands()

    def ticked(self, at: datetime) -> list[Command]:
        """The clock: repeats, next tiers, ends of snoozes, summaries, silence."""
        for alert_id in sorted(self._snoozed):
            self._wake(self.cases[alert_id], at)
        for alert_id in sorted(self._restless):
            self._restless_case(self.cases[alert_id], at)
        for alert_id in sorted(self._closing):
            self._give_up(self.cases[alert_id], at)
        for name, flood in self._floods.items():
            members = flood.summary(at)
            if members:
                self._summarise(name, members, at)
        self._listen(at)
        for name, (_, last_at) in list(self.alarms.items()):
            if name != HEARTBEAT and at - last_at >= self.rules.calm_after:
                self._calm(name, at)
        return self._commands()

    def reported(self, page: Page, result: Result, at: datetime) -> list[Command]:
        """How a page ended: its destination took it, or will never take it."""
        case = self._by_page(page)
        line = case.lines.get(page.destination, DestinationStatus()) if case is not None else DestinationStatus()
        if case is None or page not in line.pending:
            return []
        if result in ("refused", "gone"):
            self._refused(case, line, page, result, at)
            return self._commands()
        pending = tuple(other for other in line.pending if other != page)
        self._settle(with_line(case, page.destination, replace(line, pending=pending)))
        if result == "confirmed":
            self._calm(f"stuck:{page.destination}", at)
        return self._commands()

    def heartbeat(self, partition: int, at: datetime) -> list[Command]:
        """The whole path of a partition works: tick, log, watch, and we."""
        if partition in self.heard_at:
            self.heard_at[partition] = max(at, self.heard_at[partition])
            self._beaten.add(partition)
        return self._commands()

    # How it is decided.

    def _restore(self, case: Case, at: datetime) -> None:
        """A case from before. Destinations that are no more in the settings are left out of it."""
        case = self._still_known(case, at)
        for name, line in case.lines.items():
            if line.used and at - case.paged_at < self.rules.flood_window:
                self._floods[name].recall(case.paged_at)
        if case.settled:
            if case.closed_at is not None and at - case.closed_at > self.rules.keep_closed:
                self._out.append(DeleteCase(case.alert_id, case.partition))
            else:
                self.settled.setdefault(case.partition, {})[case.alert_id] = case.brief.version
            return
        self._keep(case)
        for name, line in case.lines.items():
            self._out += [SendPage(page) for page in line.pending]
            if line.held:
                self._floods[name].hold(case.alert_id, at)
        if case.alarm is None or case.closed_at is not None or case.members:
            return
        if case.alarm in self.alarms:
            self._end_own(case.alert_id, at)
        else:
            self.alarms[case.alarm] = (case.alert_id, at)

    def _still_known(self, case: Case, at: datetime) -> Case:
        known = set(self.rules.destinations)
        lines = {name: line for name, line in case.lines.items() if name in known}
        tiers = case.tiers
        if not all(name in known for tier in tiers for name in tier):
            tiers = (self._everyone(),) if case.alarm is not None else self.rules.routing.tiers(case.brief, at)
        return replace(case, lines=lines, tiers=tiers, tier=min(case.tier, max(len(tiers) - 1, 0)))

    def _first(self, told: AlertUpdate, at: datetime) -> None:
        """An alert that nobody was told of yet."""
        tiers = self.rules.routing.tiers(told.brief, at)
        case = Case(told.alert_id, told.patient_id, told.partition, told.brief, tiers, at)
        case = _seen(case, told)
        if told.brief.over:
            self._say("over_before_told", told.brief)
            self._settle(replace(case, closed_at=at))
            return
        if case.silent and tiers:
            # Someone has taken it on, or asked for quiet, before we could page: only worse will call anybody.
            self._say("taken_on_before_told", told.brief)
            self._settle(case)
            return
        self._say("paged" if tiers else "unrouted", told.brief)
        for name in tiers[0] if tiers else ():
            case = self._open(case, name, "raised", at)
        self._settle(case)

    def _reopened(self, known: Case, told: AlertUpdate, at: datetime) -> None:
        """The engine never raises an id again; should it, better a page too many than silence."""
        case = _seen(known, told)
        if told.brief.over:
            self._settle(case)
        else:
            self._worsened(replace(case, closed_at=None), at)

    def _changed(self, before: Case, case: Case, at: datetime) -> None:
        """A new version of what is open: louder pages anew, all else is told quietly."""
        if case.brief.urgency > before.brief.urgency:
            self._worsened(case, at)
        elif before.snoozed_until and not case.silent:
            self._round(replace(case, rounds=0), "snooze_ended", at)
        elif case.acknowledged_at and not before.acknowledged_at:
            self._quietly(case, "acknowledge", "acknowledged")
        elif case.snoozed_until and case.snoozed_until != before.snoozed_until:
            self._quietly(case, "update", "snoozed")
        else:
            self._quietly(case, "update", "eased" if case.brief.urgency < before.brief.urgency else "updated")

    def _worsened(self, case: Case, at: datetime) -> None:
        """The old level is closed before the new one opens; who hears of it is looked up anew."""
        tiers = self.rules.routing.tiers(case.brief, at)
        case = replace(case, tiers=tiers, tier=0, rounds=0, paged_at=at)
        known = [name for name, line in case.lines.items() if line.keys]
        for name in dict.fromkeys([*(tiers[0] if tiers else ()), *known]):
            line = case.lines.get(name, DestinationStatus())
            old = self._pages(case, name, "close", "superseded", line.keys)
            case = self._send(case, name, replace(line, keys=()), old)
            case = self._open(case, name, "worsened", at)
        self._say("worsened", case.brief)
        self._settle(case)

    def _quietly(self, case: Case, act: Act, cause: Cause) -> None:
        """Told to those who know of it, without a new page."""
        for name, line in list(case.lines.items()):
            keys = line.keys if act == "acknowledge" else line.keys[-1:]
            case = self._send(case, name, line, self._pages(case, name, act, cause, keys))
        self._say(cause, case.brief)
        self._settle(case)


def _seen(case: Case, told: AlertUpdate) -> Case:
    """The case, with what this version says."""
    return replace(
        case,
        brief=told.brief,
        offset=told.offset,
        acknowledged_at=told.acknowledged_at,
        snoozed_until=told.snoozed_until,
    )
