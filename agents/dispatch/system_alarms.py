"""What the pager has to say about itself: alarms of its own, and summaries. Cases like any other, without a patient."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from agents.dispatch.case_store import Book, with_line
from agents.dispatch.commands import PagingPolicy
from agents.dispatch.model import Case
from agents.dispatch.public_alert import PublicAlert

HEARTBEAT = "heartbeat"


class OwnCases(Book):
    """Alarms about delivery, and the summaries of the flood guard."""

    def __init__(self, rules: PagingPolicy) -> None:
        super().__init__(rules)
        self.alarms: dict[str, tuple[str, datetime]] = {}  # name -> case, and when its reason was last seen
        self.heard_at: dict[int, datetime] = {}
        self._beaten: set[int] = set()  # partitions that were heard since we own them

    def silent_partitions(self, at: datetime) -> list[int]:
        """Partitions whose heartbeat is overdue."""
        within = self.rules.heartbeat_within
        return [] if within is None else sorted(p for p, last in self.heard_at.items() if at - last > within)

    def all_heard(self, at: datetime) -> bool:
        """Whether every partition of ours was heard of lately; not when there is none."""
        return bool(self.heard_at) and self._beaten >= self.heard_at.keys() and not self.silent_partitions(at)

    def _everyone(self) -> tuple[str, ...]:
        return self.rules.alarm_to or (self.rules.routing.default[0] if self.rules.routing.default else ())

    def _alarm_to(self, name: str) -> tuple[str, ...]:
        second = self.rules.second.get(name)
        return (second,) if second is not None else tuple(other for other in self._everyone() if other != name)

    def _alarm(self, name: str, words: str, to: tuple[str, ...], partition: int, at: datetime) -> None:
        """Raised once; while its reason lasts it only says so anew when the words change."""
        if name in self.alarms:
            alert_id, _ = self.alarms[name]
            self.alarms[name] = (alert_id, at)
            self._reword(alert_id, words, at)
            return
        alert_id = f"dispatch-{name.replace(':', '-')}-{partition}-{int(at.timestamp())}"
        told = PublicAlert(alert_id, 1, "raised", "dispatch", "technical", 0, at, "dispatch", detail=words)
        self.alarms[name] = (alert_id, at)
        self._say("alarm", told)
        self._own(Case(alert_id, "", partition, told, (to,), at, alarm=name), at)

    def _reword(self, alert_id: str, words: str, at: datetime) -> None:
        case = self.cases.get(alert_id)
        if case is None or case.brief.detail == words:
            return
        case = replace(case, brief=replace(case.brief, version=case.brief.version + 1, status="updated", detail=words))
        for name, line in case.lines.items():
            case = self._send(case, name, line, self._pages(case, name, "update", "updated", line.keys[-1:]))
        self._settle(case)

    def _calm(self, name: str, at: datetime) -> None:
        """The reason for an alarm of ours is over."""
        if name in self.alarms:
            alert_id, _ = self.alarms.pop(name)
            self._end_own(alert_id, at)

    def _listen(self, at: datetime) -> None:
        """One alarm tells of every partition that is silent; it ends when all were heard again."""
        silent = self.silent_partitions(at)
        if silent:
            which = ", ".join(str(partition) for partition in silent)
            words = f"no heartbeat of partition {which}: alerts may not be arriving, watch patients by hand"
            self._alarm(HEARTBEAT, words, self._everyone(), silent[0], at)
        elif self._beaten >= self.heard_at.keys():
            self._calm(HEARTBEAT, at)

    def _summarise(self, name: str, members: tuple[str, ...], at: datetime) -> None:
        """One page for many. Its key follows from its members, so that the same summary is the same page."""
        cases = [self.cases[member] for member in members]
        alert_id = "summary-" + hashlib.sha256("|".join(members).encode()).hexdigest()[:24]
        kinds = sorted({case.brief.kind for case in cases})
        counts = ", ".join(f"{sum(case.brief.kind == kind for case in cases)} {kind}" for kind in kinds)
        words = f"{len(cases)} alerts: {counts}"
        told = PublicAlert(alert_id, 1, "raised", "summary", "medium", 0, at, "summary", detail=words)
        self._members[alert_id] = {case.alert_id for case in cases}
        alarm = f"summary:{name}"
        self._say("summary", told)
        self._own(Case(alert_id, "", cases[0].partition, told, ((name,),), at, alarm=alarm, members=members), at)
        for case in cases:
            self._settle(with_line(case, name, replace(case.lines[name], held=False, summary=alert_id)))

    def _member_over(self, summary: str, alert_id: str, at: datetime) -> None:
        members = self._members.get(summary, set())
        members.discard(alert_id)
        if not members:
            self._members.pop(summary, None)
            self._end_own(summary, at)

    def _own(self, case: Case, at: datetime) -> None:
        for name in case.tiers[0]:
            case = self._open(case, name, "raised", at)
        self._settle(case)

    def _end_own(self, alert_id: str, at: datetime) -> None:
        case = self.cases.get(alert_id)
        if case is not None and case.closed_at is None:
            over = replace(case.brief, version=case.brief.version + 1, status="resolved", raised_at=at)
            self._close(replace(case, brief=over), at)

    def _close(self, case: Case, at: datetime) -> None:
        """Over: every incident of it is closed. Only the engine's word leads here, or the end of an alarm of ours."""
        for name, line in list(case.lines.items()):
            pages = self._pages(case, name, "close", "over", line.keys)
            case = self._send(case, name, replace(line, keys=(), held=False), pages)
        self._release(case)
        self._say(case.brief.status, case.brief)
        self._settle(replace(case, closed_at=at))
        for summary in {line.summary for line in case.lines.values() if line.summary}:
            self._member_over(summary, case.alert_id, at)

    def _release(self, case: Case) -> None:
        for flood in self._floods.values():
            flood.release(case.alert_id)

    def _forget_alarms(self, partitions: Iterable[int]) -> None:
        """Alarms whose case went to another dispatcher are its own."""
        lost = set(partitions)
        for name, (alert_id, _) in list(self.alarms.items()):
            case = self.cases.get(alert_id)
            if case is None or case.partition in lost:
                del self.alarms[name]
