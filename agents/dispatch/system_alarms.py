"""Alarms about delivery itself (destination stuck, heartbeat missing) and flood summaries.

They are cases with the same life cycle as a patient's, but without a patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from agents.dispatch.case_closer import CaseCloser
from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import Commands, PagingPolicy, verdict
from agents.dispatch.model import Case
from agents.dispatch.pages import Pages, with_status
from agents.dispatch.public_alert import PublicAlert

HEARTBEAT = "heartbeat"


class SystemAlarms:
    """Open system alarms by name. An alarm is raised once and lasts as long as its reason."""

    def __init__(self, policy: PagingPolicy, store: CaseStore, pages: Pages, closer: CaseCloser) -> None:
        self.policy = policy
        self.store = store
        self.pages = pages
        self.closer = closer
        self.open: dict[str, tuple[str, datetime]] = {}  # name -> alert id, and when the reason was last observed

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who is paged about trouble with delivery."""
        default = self.policy.routing.default
        return self.policy.system_alarm_to or (default[0] if default else ())

    def about_destination(self, trouble: str, name: str, text: str, partition: int, at: datetime) -> Commands:
        """Raises an alarm about a destination, at its fallback or else at the other recipients."""
        fallback = self.policy.fallback.get(name)
        others = tuple(other for other in self.recipients if other != name)
        yield from self.raise_alarm(f"{trouble}:{name}", text, (fallback,) if fallback else others, partition, at)

    def raise_alarm(self, name: str, text: str, to: tuple[str, ...], partition: int, at: datetime) -> Commands:
        """Raises an alarm, or updates the text of one that is open."""
        if name in self.open:
            alert_id, _ = self.open[name]
            self.open[name] = (alert_id, at)
            yield from self._update_text(alert_id, text)
            return
        alert_id = f"dispatch-{name.replace(':', '-')}-{partition}-{int(at.timestamp())}"
        alert = PublicAlert(alert_id, 1, "raised", "dispatch", "technical", 0, at, "dispatch", detail=text)
        self.open[name] = (alert_id, at)
        yield verdict("alarm", alert)
        yield from self._page(Case(alert_id, "", partition, alert, (to,), at, alarm=name), at)

    def end_alarm(self, name: str, at: datetime) -> Commands:
        """The reason for an alarm is over."""
        if name in self.open:
            alert_id, _ = self.open.pop(name)
            yield from self.closer.close_own(alert_id, at)

    def silent_partitions(self, silent: Sequence[int], at: datetime) -> Commands:
        """One alarm names every partition whose heartbeat is missing."""
        which = ", ".join(str(partition) for partition in silent)
        text = f"no heartbeat of partition {which}: alerts may not be arriving, watch patients by hand"
        yield from self.raise_alarm(HEARTBEAT, text, self.recipients, silent[0], at)

    def end_old_alarms(self, at: datetime) -> Commands:
        """Ends alarms whose reason was not observed for a while. The heartbeat alarm has its own end."""
        for name, (_, last_at) in list(self.open.items()):
            if name != HEARTBEAT and at - last_at >= self.policy.alarm_ends_after:
                yield from self.end_alarm(name, at)

    def send_summaries(self, at: datetime) -> Commands:
        """Sends the flood summaries that are due."""
        for name, guard in self.pages.flood_guards.items():
            members = guard.summary(at)
            if members:
                yield from self._summarise(name, members, at)

    def restore(self, case: Case, at: datetime) -> Commands:
        """Takes up an alarm from before a restart; a second one of the same name ends."""
        if case.alarm is None or case.closed_at is not None or case.members:
            return
        if case.alarm in self.open:
            yield from self.closer.close_own(case.alert_id, at)
        else:
            self.open[case.alarm] = (case.alert_id, at)

    def forget(self, partitions: Collection[int]) -> None:
        """Forgets alarms whose case belongs to another dispatcher now, or is gone."""
        for name, (alert_id, _) in list(self.open.items()):
            case = self.store.cases.get(alert_id)
            if case is None or case.partition in partitions:
                del self.open[name]

    def _update_text(self, alert_id: str, text: str) -> Commands:
        case = self.store.cases.get(alert_id)
        if case is None or case.alert.detail == text:
            return
        alert = replace(case.alert, version=case.alert.version + 1, status="updated", detail=text)
        case = yield from self.pages.update(replace(case, alert=alert), "update", "updated")
        yield self.store.save(case)

    def _summarise(self, name: str, members: tuple[str, ...], at: datetime) -> Commands:
        """One page for many alerts. Its key follows from its members: the same summary is the same page."""
        cases = [self.store.cases[member] for member in members]
        alert_id = "summary-" + hashlib.sha256("|".join(members).encode()).hexdigest()[:24]
        text = f"{len(cases)} alerts: {_counts([case.alert.kind for case in cases])}"
        alert = PublicAlert(alert_id, 1, "raised", "summary", "medium", 0, at, "summary", detail=text)
        self.store.set_members(alert_id, members)
        yield verdict("summary", alert)
        partition, alarm = cases[0].partition, f"summary:{name}"
        yield from self._page(Case(alert_id, "", partition, alert, ((name,),), at, alarm=alarm, members=members), at)
        for case in cases:
            status = replace(case.destinations[name], held=False, summary=alert_id)
            yield self.store.save(with_status(case, name, status))

    def _page(self, case: Case, at: datetime) -> Commands:
        for name in case.tiers[0]:
            case = yield from self.pages.open(case, name, "raised", at)
        yield self.store.save(case)


def _counts(kinds: list[str]) -> str:
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
