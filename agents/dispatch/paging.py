"""Who is told what, and when again: a machine without clock or network. Events go in, commands come out.

Events: a version of an alert, a tick, the outcome of a page, a heartbeat. Commands: send a page, drop what waits
behind a refused one, remember a case, forget an old one, and a verdict that says why, also when nothing is sent.
Replaying the same events gives the same commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from agents.dispatch.brief import Brief
from agents.dispatch.case import Act, Case, Cause, Line, Page
from agents.dispatch.flood import Flood
from agents.dispatch.orders import Command, Drop, Forget, Remember, Result, Rules, Send, Told, Verdict

LOUD = 3  # high priority and above
INSISTENT = ("again", "next_tier", "snooze_ended")


class Paging:
    """Every open case, the flood guards, and the alarms of our own."""

    def __init__(self, rules: Rules, started_at: datetime, partitions: Iterable[int] = ()) -> None:
        self.rules = rules
        self.cases: dict[str, Case] = {}
        self.settled: dict[str, int] = {}  # alert id -> last version, of what is over and known to all
        self.gone: set[str] = set()
        self.alarms: dict[str, tuple[str, datetime]] = {}  # name -> case, last seen
        self.heard_at = {partition: started_at for partition in partitions}
        self._restless: set[str] = set()  # loud, and unanswered or unconfirmed
        self._open_members: dict[str, set[str]] = {}  # summary -> members that are open
        self._keys: dict[str, str] = {}
        self._floods = {
            name: Flood(rules.flood_pages.get(name, 0), rules.flood_window, rules.flood_gather)
            for name in rules.destinations
        }
        self._out: list[Command] = []

    # What comes in.

    def restore(self, case: Case, at: datetime) -> list[Command]:
        """A case from before a restart: what was not confirmed goes out again, in the same words."""
        if case.settled:
            if case.closed_at is not None and at - case.closed_at > self.rules.keep_closed:
                return [Forget(case.alert_id, case.partition)]
            self.settled[case.alert_id] = case.brief.version
            return []
        self._keep(case)
        for name, line in case.lines.items():
            self._out += [Send(page) for page in line.pending]
            if line.held and name in self._floods:
                self._floods[name].hold(case.alert_id, at)
        if case.alarm is not None and case.closed_at is None and not case.members:
            self.alarms[case.alarm] = (case.alert_id, at)
        return self._commands(remember=False)

    def told(self, told: Told, at: datetime) -> list[Command]:
        """A version of an alert. Versions that were seen before say nothing new."""
        known = self.cases.get(told.alert_id)
        last = known.brief.version if known else self.settled.get(told.alert_id, 0)
        if told.brief.version <= last:
            self._say("repeat", told.brief)
        elif known is None:
            self._first(told, at)
        elif known.closed_at is not None:
            self._reopened(known, told, at)
        elif told.brief.over:
            self._close(self._seen(known, told), at)
        else:
            self._changed(known, self._seen(known, told), at)
        return self._commands()

    def ticked(self, at: datetime) -> list[Command]:
        """The clock: repeats, next tiers, summaries, silence."""
        for alert_id in sorted(self._restless):
            self._restless_case(self.cases[alert_id], at)
        for name, flood in self._floods.items():
            members = flood.summary(at)
            if members:
                self._summarise(name, members, at)
        self._listen(at)
        for name, (_, last_at) in list(self.alarms.items()):
            if not name.startswith("heartbeat") and at - last_at >= self.rules.calm_after:
                self._calm(name, at)
        return self._commands()

    def reported(self, page: Page, result: Result, at: datetime) -> list[Command]:
        """How a page ended: its destination took it, or will never take it."""
        case = self._by_public_id(page)
        if case is None:
            return []
        line = case.lines.get(page.destination, Line())
        if page not in line.pending:
            return []
        if result == "confirmed":
            pending = tuple(other for other in line.pending if other != page)
            self._settle(_with(case, page.destination, replace(line, pending=pending)))
            self._calm(f"stuck:{page.destination}", at)
        else:
            self._refused(case, line, page, result, at)
        return self._commands()

    def heartbeat(self, partition: int, at: datetime) -> list[Command]:
        """The whole path of a partition works: tick, log, watch, and we."""
        if partition in self.heard_at:
            self.heard_at[partition] = max(at, self.heard_at[partition])
            self._calm(f"heartbeat:{partition}", at)
        return self._commands()

    # What others may ask.

    def find(self, key: str) -> Case | None:
        """The open case that a receiver knows under this key."""
        case = self.cases.get(self._keys.get(key, key))
        return case if case is not None and case.closed_at is None and case.patient_id else None

    def open_pages(self, destination: str) -> list[Page]:
        """Everything open at a destination and confirmed by it, for those that must be reminded of the whole set."""
        return [
            Page(destination, "open", "raised", key, case.brief)
            for case in self.cases.values()
            if case.closed_at is None and (line := case.lines.get(destination)) is not None
            for key in line.keys
            if not any(page.key == key for page in line.pending)
        ]

    def silent_partitions(self, at: datetime) -> list[int]:
        """Partitions whose heartbeat is overdue."""
        within = self.rules.heartbeat_within
        return [] if within is None else [p for p, last in self.heard_at.items() if at - last > within]

    # How it is decided.

    def _first(self, told: Told, at: datetime) -> None:
        """An alert that nobody was told of yet."""
        tiers = self.rules.routing.tiers(told.brief, at)
        case = Case(told.alert_id, told.patient_id, told.partition, told.brief, tiers, at)
        case = self._seen(case, told)
        if told.brief.over:
            self._say("over_before_told", told.brief)
            self._settle(replace(case, closed_at=at))
            return
        self._say("paged" if tiers else "unrouted", told.brief)
        for name in tiers[0] if tiers else ():
            case = self._open(case, name, "raised", at)
        self._settle(case)

    def _reopened(self, known: Case, told: Told, at: datetime) -> None:
        """The engine never raises an id again; should it, better a page too many than silence."""
        case = self._seen(known, told)
        if told.brief.over:
            self._settle(case)
        else:
            self._worsened(replace(case, closed_at=None), at)

    def _changed(self, before: Case, case: Case, at: datetime) -> None:
        """A new version of what is open: louder pages anew, all else is told quietly."""
        if case.brief.loudness > before.brief.loudness:
            self._worsened(case, at)
        elif before.snoozed_until and not case.snoozed_until and not case.silent and case.brief.loudness >= LOUD:
            self._round(replace(case, rounds=0), "snooze_ended", at)
        elif case.acknowledged_at and not before.acknowledged_at:
            self._quietly(case, "acknowledge", "acknowledged")
        elif case.snoozed_until and case.snoozed_until != before.snoozed_until:
            self._quietly(case, "update", "snoozed")
        else:
            self._quietly(case, "update", "eased" if case.brief.loudness < before.brief.loudness else "updated")

    def _worsened(self, case: Case, at: datetime) -> None:
        """The old level is closed before the new one opens; who hears of it is looked up anew."""
        tiers = self.rules.routing.tiers(case.brief, at)
        case = replace(case, tiers=tiers, tier=0, rounds=0, paged_at=at)
        known = [name for name, line in case.lines.items() if line.keys]
        for name in dict.fromkeys([*(tiers[0] if tiers else ()), *known]):
            line = case.lines.get(name, Line())
            old = [
                Page(name, "close", "superseded", key, case.brief, order=case.offset, primary=False)
                for key in line.keys
            ]
            case = self._send(case, name, replace(line, keys=()), old)
            case = self._open(case, name, "worsened", at)
        self._say("worsened", case.brief)
        self._settle(case)

    def _round(self, case: Case, cause: Cause, at: datetime) -> None:
        """Everyone of the tiers so far is paged once more."""
        case = replace(case, paged_at=at, rounds=case.rounds + (cause == "again"))
        for name in dict.fromkeys(name for tier in case.tiers[: case.tier + 1] for name in tier):
            # What a dead destination has not even taken once need not wait there twice.
            if _undelivered(case.lines.get(name, Line())):
                case = self._second(case, name, at, insist=True)
            else:
                case = self._open(case, name, cause, at)
        self._say(cause, case.brief)
        self._settle(case)

    def _quietly(self, case: Case, act: Act, cause: Cause) -> None:
        """Told to those who know of it, without a new page."""
        for name, line in case.lines.items():
            keys = line.keys if act == "acknowledge" else line.keys[-1:]
            pages = [
                Page(name, act, cause, key, case.brief, order=case.offset, primary=key == line.keys[-1]) for key in keys
            ]
            case = self._send(case, name, line, pages)
        self._say(cause, case.brief)
        self._settle(case)

    def _close(self, case: Case, at: datetime) -> None:
        """Over: every incident of it is closed. Only the engine's word leads here."""
        for name, line in case.lines.items():
            last = line.keys[-1:]
            pages = [
                Page(name, "close", "over", key, case.brief, order=case.offset, primary=(key,) == last)
                for key in line.keys
            ]
            case = self._send(case, name, replace(line, keys=()), pages)
        self._say(case.brief.status, case.brief)
        self._settle(replace(case, closed_at=at))
        for summary in {line.summary for line in case.lines.values() if line.summary}:
            self._member_over(summary, case.alert_id, at)

    def _open(self, case: Case, name: str, cause: Cause, at: datetime) -> Case:
        """One page to one destination, unless it floods; a destination that is gone is stood in for by its second."""
        seen = {name}
        while name in self.gone and (second := self.rules.second.get(name)) is not None and second not in seen:
            name = second
            seen.add(name)
        line = case.lines.get(name, Line())
        loud = case.brief.loudness >= LOUD or case.alarm is not None
        flood = self._floods[name]
        if not flood.admits(at, loud=loud):
            flood.hold(case.alert_id, at)
            self._say("held_flood", case.brief)
            return _with(case, name, replace(line, held=True))
        flood.release(case.alert_id)
        stem = _stem(case.brief)
        key = stem if stem not in line.used else f"{stem}:{len(line.used) + 1}"
        repeat = len(line.used) if line.version == case.brief.version else 0
        self._keys[key] = case.alert_id
        page = Page(name, "open", cause, key, case.brief, repeat, order=case.offset)
        line = replace(line, keys=(*line.keys, key), used=(*line.used, key), held=False)
        return self._send(case, name, line, [page])

    def _send(self, case: Case, name: str, line: Line, pages: list[Page]) -> Case:
        self._out += [Send(page) for page in pages]
        version = case.brief.version if any(page.primary for page in pages) else line.version
        return _with(case, name, replace(line, pending=(*line.pending, *pages), version=version))

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
            if _undelivered(line):
                case = self._second(case, name, at)
                self._alarm(f"stuck:{name}", f"{name} does not take pages", self._alarm_to(name), at, case)
        if case is not before:
            self._settle(case)
        return case

    def _refused(self, case: Case, line: Line, page: Page, result: Result, at: datetime) -> None:
        """It will never take this page: what waits behind it is dropped, the second destination hears of it."""
        name = page.destination
        self._say(f"page_{result}", case.brief)
        if result == "abandoned":
            self._out.append(Drop(name, case.brief.alert_id))
            self._settle(_with(case, name, replace(line, pending=(), keys=())))
            return
        if result == "gone":
            self.gone.add(name)
        if page.act == "open":
            self._out.append(Drop(name, case.brief.alert_id))
            case = _with(case, name, replace(line, pending=(), keys=(), held=False))
            case = self._second(case, name, at, insist=page.cause in INSISTENT)
        else:
            case = _with(case, name, replace(line, pending=tuple(p for p in line.pending if p != page)))
        self._settle(case)
        if case.alarm is None:
            words = f"{name} is gone for good" if result == "gone" else f"{name} refuses pages"
            self._alarm(f"{result}:{name}", words, self._alarm_to(name), at, case)

    def _second(self, case: Case, name: str, at: datetime, *, insist: bool = False) -> Case:
        """The stand-in of a destination is told once of each level, and again when nobody answers."""
        second = self.rules.second.get(name)
        if second is None or case.closed_at is not None or case.alarm is not None:
            return case
        line = case.lines.get(second, Line())
        known = _stem(case.brief) in line.used or line.held
        return case if known and not insist else self._open(case, second, "second", at)

    # Alarms of our own, and summaries: cases like any other, without a patient.

    def _alarm_to(self, name: str) -> tuple[str, ...]:
        second = self.rules.second.get(name)
        everyone = self.rules.alarm_to or (self.rules.routing.default[0] if self.rules.routing.default else ())
        return (second,) if second is not None else tuple(other for other in everyone if other != name)

    def _alarm(self, name: str, words: str, to: tuple[str, ...], at: datetime, cause: Case | None = None) -> None:
        if name in self.alarms:
            self.alarms[name] = (self.alarms[name][0], at)
            return
        alert_id = f"dispatch-{name.replace(':', '-')}-{int(at.timestamp())}"
        told = Brief(alert_id, 1, "raised", "dispatch", "technical", 0, at, "dispatch", detail=words)
        partition = cause.partition if cause is not None else min(self.heard_at, default=0)
        self.alarms[name] = (alert_id, at)
        self._say("alarm", told)
        self._own(Case(alert_id, "", partition, told, (to,), at, alarm=name), at)

    def _calm(self, name: str, at: datetime) -> None:
        """The reason for an alarm of ours is over."""
        if name in self.alarms:
            alert_id, _ = self.alarms.pop(name)
            self._end_own(alert_id, at)

    def _listen(self, at: datetime) -> None:
        silent = self.silent_partitions(at)
        to = self.rules.alarm_to or (self.rules.routing.default[0] if self.rules.routing.default else ())
        for partition in silent:
            words = f"no heartbeat of partition {partition}: alerts may not be arriving, watch patients by hand"
            self._alarm(f"heartbeat:{partition}", words, to, at)

    def _summarise(self, name: str, members: tuple[str, ...], at: datetime) -> None:
        """One page for many. Its key follows from its members, so that the same summary is the same page."""
        cases = [self.cases[member] for member in members if member in self.cases]
        alert_id = "summary-" + hashlib.sha256("|".join(members).encode()).hexdigest()[:24]
        kinds = sorted({case.brief.kind for case in cases})
        counts = ", ".join(f"{sum(case.brief.kind == kind for case in cases)} {kind}" for kind in kinds)
        told = Brief(
            alert_id, 1, "raised", "summary", "medium", 0, at, "summary", detail=f"{len(cases)} alerts: {counts}"
        )
        self._open_members[alert_id] = {case.alert_id for case in cases if case.closed_at is None}
        partition = cases[0].partition
        self._own(Case(alert_id, "", partition, told, ((name,),), at, alarm=f"summary:{name}", members=members), at)
        for case in cases:
            line = case.lines[name]
            self._settle(_with(case, name, replace(line, held=False, summary=alert_id)))
        if not self._open_members[alert_id]:
            self._end_own(alert_id, at)

    def _member_over(self, summary: str, alert_id: str, at: datetime) -> None:
        members = self._open_members.get(summary, set())
        members.discard(alert_id)
        if not members:
            self._open_members.pop(summary, None)
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

    # Bookkeeping.

    def _seen(self, case: Case, told: Told) -> Case:
        return replace(
            case,
            brief=told.brief,
            offset=told.offset,
            acknowledged_at=told.acknowledged_at,
            snoozed_until=told.snoozed_until,
        )

    def _settle(self, case: Case) -> None:
        """Writes the case down; what is over and known to all leaves the memory."""
        self._out.append(Remember(case))
        if not case.settled:
            self._keep(case)
            return
        self.settled[case.alert_id] = case.brief.version
        self.cases.pop(case.alert_id, None)
        self._restless.discard(case.alert_id)
        for line in case.lines.values():
            for key in line.used:
                self._keys.pop(key, None)
        self._keys.pop(case.brief.alert_id, None)

    def _keep(self, case: Case) -> None:
        self.cases[case.alert_id] = case
        self._keys[case.brief.alert_id] = case.alert_id
        for line in case.lines.values():
            self._keys.update(dict.fromkeys(line.used, case.alert_id))
            if line.summary is not None and case.closed_at is None:
                self._open_members.setdefault(line.summary, set()).add(case.alert_id)
        loud = case.brief.loudness >= LOUD and case.alarm is None
        if loud and (not case.silent or case.unconfirmed):
            self._restless.add(case.alert_id)
        else:
            self._restless.discard(case.alert_id)

    def _by_public_id(self, page: Page) -> Case | None:
        return self.cases.get(self._keys.get(page.key, page.key))

    def _say(self, reason: str, told: Brief) -> None:
        self._out.append(Verdict(reason, told.kind))

    def _commands(self, *, remember: bool = True) -> list[Command]:
        """What was decided, each case written down once, as it stands at the end."""
        out, self._out = self._out, []
        last = {c.case.alert_id: c for c in out if isinstance(c, Remember)} if remember else {}
        return [*(c for c in out if not isinstance(c, Remember)), *last.values()]


def _stem(told: Brief) -> str:
    """The key of an incident: one an alert, and one of its own for grade 3 and for grade 4."""
    return f"{told.alert_id}:{told.stage}" if told.stage in ("g3", "g4") else told.alert_id


def _with(case: Case, name: str, line: Line) -> Case:
    return replace(case, lines={**case.lines, name: line})


def _undelivered(line: Line) -> bool:
    return any(page.act == "open" for page in line.pending)
