"""The paging state machine, without clock or network: events in, commands out.

Events: partitions assigned and revoked, a version of an alert, a tick, the result of a page, a heartbeat. Commands:
send a page, drop queued pages, save or delete a case, and a verdict that gives the reason, also when nothing is sent.
The same events give the same commands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from agents.dispatch.alert_changes import AlertChanges
from agents.dispatch.case_closer import CaseCloser
from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import (
    AlertUpdate,
    Command,
    Commands,
    DeleteCase,
    PagingPolicy,
    Result,
    SaveCase,
)
from agents.dispatch.escalation import Escalation
from agents.dispatch.heartbeat_monitor import HeartbeatMonitor
from agents.dispatch.model import Case
from agents.dispatch.page import Page
from agents.dispatch.pages import Pages, with_status
from agents.dispatch.system_alarms import HEARTBEAT, SystemAlarms


class Paging:
    """The only entry to the parts: case store, pages, alert changes, escalation, system alarms and heartbeats."""

    def __init__(self, policy: PagingPolicy) -> None:
        self.policy = policy
        self.store = CaseStore()
        self.pages = Pages(policy)
        self.heartbeats = HeartbeatMonitor(policy.heartbeat_within)
        self.closer = CaseCloser(self.store, self.pages)
        self.alarms = SystemAlarms(policy, self.store, self.pages, self.closer)
        self.escalation = Escalation(policy, self.store, self.pages, self.alarms)
        self.changes = AlertChanges(policy, self.store, self.pages, self.closer, self.escalation)

    # Questions.

    @property
    def cases(self) -> Mapping[str, Case]:
        """Cases that are open, or closed and not yet delivered everywhere, by alert id."""
        return self.store.cases

    @property
    def partitions(self) -> Collection[int]:
        """The assigned partitions."""
        return self.heartbeats.partitions

    def find(self, key: str) -> Case | None:
        """The open case of a patient with this alert id or incident key."""
        return self.store.find(key)

    def open_pages(self, destination: str, accepted: Collection[str] = ()) -> list[Page]:
        """Every open incident that the destination has accepted (see `CaseStore.open_pages`)."""
        return self.store.open_pages(destination, accepted)

    def all_alive(self, at: datetime) -> bool:
        """Whether every assigned partition's heartbeat is in time; false if there is no partition."""
        return self.heartbeats.all_alive(at)

    # Events.

    def assigned(self, partition: int, cases: Iterable[Case], at: datetime) -> list[Command]:
        """A partition was assigned, with its stored cases: unconfirmed pages are sent again, unchanged, in order."""
        self.heartbeats.assigned(partition, at)
        return _saved_once(self._restore_all(cases, at))

    def rows_unreadable(self, partition: int, rows: int, at: datetime) -> list[Command]:
        """Stored rows that cannot be read are a system alarm: the ward must look at the board."""
        text = f"{rows} alerts that were being delivered are forgotten: look at the board"
        to = self.alarms.recipients
        return _saved_once(self.alarms.raise_alarm(f"forgot:{partition}", text, to, partition, at)) if rows else []

    def revoked(self, partitions: Iterable[int]) -> None:
        """Another dispatcher gets these partitions, with all their cases."""
        revoked = set(partitions)
        self.alarms.forget(revoked)
        for partition in revoked:
            for case in self.store.remove_partition(partition):
                self.pages.release(case.alert_id)
        self.heartbeats.revoked(revoked)

    def alert_updated(self, update: AlertUpdate, at: datetime) -> list[Command]:
        """A version of an alert. A version that was received before changes nothing."""
        return _saved_once(self.changes.update(update, at))

    def ticked(self, at: datetime) -> list[Command]:
        """Time has passed: repeats, next tiers, ends of snoozes, summaries, missing heartbeats."""
        return _saved_once(self._tick(at))

    def page_ended(self, page: Page, result: Result, at: datetime) -> list[Command]:
        """The destination accepted a page, or will never accept it."""
        case = self.store.of_page(page)
        if case is None or page not in case.at(page.destination).pending:
            return []
        if result in ("rejected", "removed"):
            return _saved_once(self.escalation.page_rejected(case, page, result, at))
        return _saved_once(self._delivered(case, page, result, at))

    def heartbeat(self, partition: int, at: datetime) -> None:
        """The whole path of a partition works, from the ticker through the log and watch to here."""
        self.heartbeats.received(partition, at)

    # Decisions.

    def _restore_all(self, cases: Iterable[Case], at: datetime) -> Commands:
        for case in sorted(cases, key=lambda case: (case.offset, case.alert_id)):
            yield from self._restore(self._without_unknown_destinations(case, at), at)
        for case in self.store.summaries_without_members():
            yield from self.closer.close_own(case.alert_id, at)

    def _restore(self, case: Case, at: datetime) -> Commands:
        self.pages.count_earlier(case, at)
        if case.settled:
            if case.closed_at is not None and at - case.closed_at > self.policy.keep_closed:
                yield DeleteCase(case.alert_id, case.partition)
            else:
                self.store.settle(case)
            return
        self.store.keep(case)
        yield from self.pages.restore(case, at)
        yield from self.alarms.restore(case, at)

    def _without_unknown_destinations(self, case: Case, at: datetime) -> Case:
        """Leaves out destinations that are not in the settings any more."""
        known = set(self.policy.destinations)
        destinations = {name: status for name, status in case.destinations.items() if name in known}
        tiers = case.tiers
        if not all(name in known for tier in tiers for name in tier):
            own = case.alarm is not None
            tiers = (self.alarms.recipients,) if own else self.policy.routing.tiers(case.alert, at)
        return replace(case, destinations=destinations, tiers=tiers, tier=min(case.tier, max(len(tiers) - 1, 0)))

    def _tick(self, at: datetime) -> Commands:
        yield from self.escalation.ticked(at)
        yield from self.alarms.send_summaries(at)
        silent = self.heartbeats.silent(at)
        if silent:
            yield from self.alarms.silent_partitions(silent, at)
        elif self.heartbeats.all_received:
            yield from self.alarms.end_alarm(HEARTBEAT, at)
        yield from self.alarms.end_old_alarms(at)

    def _delivered(self, case: Case, page: Page, result: Result, at: datetime) -> Commands:
        status = case.at(page.destination)
        pending = tuple(other for other in status.pending if other != page)
        yield self.store.save(with_status(case, page.destination, replace(status, pending=pending)))
        if result == "accepted":
            yield from self.alarms.end_alarm(f"stuck:{page.destination}", at)


def _saved_once(commands: Commands) -> list[Command]:
    """All commands of one event, with each case saved once, at the end, in its last state."""
    decided = list(commands)
    last = {command.case.alert_id: command for command in decided if isinstance(command, SaveCase)}
    return [*(command for command in decided if not isinstance(command, SaveCase)), *last.values()]
