"""Every case that is open, and the pages that were ordered for it: the ground on which paging decides."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from agents.dispatch.commands import Command, PagingPolicy, PagingVerdict, SaveCase, SendPage
from agents.dispatch.flood_guard import FloodGuard
from agents.dispatch.model import Act, Case, Cause, DestinationStatus, Page
from agents.dispatch.public_alert import PublicAlert

LOUD = 3  # high priority and above


class Book:
    """Cases, the keys that receivers know them by, and what was ordered since somebody last asked."""

    def __init__(self, rules: PagingPolicy) -> None:
        self.rules = rules
        self.cases: dict[str, Case] = {}
        self.settled: dict[int, dict[str, int]] = {}  # partition -> what is over and known to all -> last version
        self.gone: set[str] = set()
        self._restless: set[str] = set()  # loud, and unanswered or unconfirmed
        self._snoozed: set[str] = set()
        self._closing: set[str] = set()  # over, and someone does not know yet
        self._members: dict[str, set[str]] = {}  # summary -> members that are open
        self._keys: dict[str, str] = {}
        self._floods = {
            name: FloodGuard(rules.flood_pages.get(name, 0), rules.flood_window, rules.flood_gather)
            for name in rules.destinations
        }
        self._out: list[Command] = []

    def find(self, key: str) -> Case | None:
        """The open case of a patient that a receiver knows under this key, or that has this alert id."""
        case = self.cases.get(self._keys.get(key, key))
        return case if case is not None and case.closed_at is None and case.patient_id else None

    def open_pages(self, destination: str, taken: Collection[str] = ()) -> list[Page]:
        """Everything open at a destination that it took, for those that must be reminded of the whole set.

        `taken`: incidents that it took a moment ago, of which we have not heard yet.
        """
        return [
            Page(destination, "open", "raised", key, case.brief, order=case.offset, level=line.levels[key])
            for case in self.cases.values()
            if case.closed_at is None and (line := case.lines.get(destination)) is not None
            for key in line.keys
            if key in taken or not any(page.key == key and page.act == "open" for page in line.pending)
        ]

    def last_version(self, partition: int, alert_id: str) -> int:
        """The latest version of an alert that was heard of; 0: none."""
        known = self.cases.get(alert_id)
        return known.brief.version if known else self.settled.get(partition, {}).get(alert_id, 0)

    # One page to one destination.

    def _open(self, case: Case, name: str, cause: Cause, at: datetime) -> Case:
        """A page that calls somebody, unless it floods; a destination that is gone is stood in for by its second."""
        name = self._standing_in(name)
        line = case.lines.get(name, DestinationStatus())
        loud = case.brief.urgency >= LOUD or case.alarm is not None
        flood = self._floods[name]
        if not flood.admits(at, loud=loud):
            flood.hold(case.alert_id, at)
            self._say("held_flood", case.brief)
            return with_line(case, name, replace(line, held=True))
        flood.release(case.alert_id)
        stem = stem_of(case.brief)
        key = stem if stem not in line.used else f"{stem}:{len(line.used) + 1}"
        repeat = len(line.used) if line.version == case.brief.version else 0
        level = case.brief.priority
        page = Page(name, "open", cause, key, case.brief, repeat, order=case.offset, level=level)
        levels = {**line.levels, key: level}
        line = replace(line, keys=(*line.keys, key), used=(*line.used, key), levels=levels, held=False)
        return self._send(case, name, line, [page])

    def _standing_in(self, name: str) -> str:
        seen = {name}
        while name in self.gone and (second := self.rules.second.get(name)) is not None and second not in seen:
            name = second
            seen.add(name)
        return name

    def _send(self, case: Case, name: str, line: DestinationStatus, pages: list[Page]) -> Case:
        self._out += [SendPage(page) for page in pages]
        version = case.brief.version if any(page.primary for page in pages) else line.version
        return with_line(case, name, replace(line, pending=(*line.pending, *pages), version=version))

    def _pages(self, case: Case, name: str, act: Act, cause: Cause, keys: Iterable[str]) -> list[Page]:
        """The same word about several incidents of one alert; the latest incident speaks for all of them."""
        line = case.lines.get(name, DestinationStatus())
        last = () if cause == "superseded" else line.keys[-1:]
        return [
            Page(name, act, cause, key, case.brief, order=case.offset, primary=(key,) == last, level=line.levels[key])
            for key in keys
        ]

    # Bookkeeping.

    def _settle(self, case: Case) -> None:
        """Writes the case down; what is over and known to all leaves the memory."""
        self._out.append(SaveCase(case))
        if case.settled:
            self._leave(case)
            self.settled.setdefault(case.partition, {})[case.alert_id] = case.brief.version
        else:
            self._keep(case)

    def _keep(self, case: Case) -> None:
        self.cases[case.alert_id] = case
        self._keys[case.brief.alert_id] = case.alert_id
        for line in case.lines.values():
            self._keys.update(dict.fromkeys(line.used, case.alert_id))
            if line.summary is not None and case.closed_at is None:
                self._members.setdefault(line.summary, set()).add(case.alert_id)
        loud = case.brief.urgency >= LOUD and case.alarm is None and case.tiers != ()
        _mark(self._restless, case.alert_id, loud and (not case.silent or case.unconfirmed))
        _mark(self._snoozed, case.alert_id, case.snoozed_until is not None and case.closed_at is None)
        _mark(self._closing, case.alert_id, case.closed_at is not None)

    def _leave(self, case: Case) -> None:
        self.cases.pop(case.alert_id, None)
        for marks in (self._restless, self._snoozed, self._closing):
            marks.discard(case.alert_id)
        for line in case.lines.values():
            for key in line.used:
                self._keys.pop(key, None)
        self._keys.pop(case.brief.alert_id, None)
        for flood in self._floods.values():
            flood.release(case.alert_id)

    def _by_page(self, page: Page) -> Case | None:
        return self.cases.get(self._keys.get(page.key, page.key))

    def _say(self, reason: str, told: PublicAlert) -> None:
        self._out.append(PagingVerdict(reason, told.kind))

    def _commands(self, *, remember: bool = True) -> list[Command]:
        """What was decided, each case written down once, as it stands at the end."""
        out, self._out = self._out, []
        last = {c.case.alert_id: c for c in out if isinstance(c, SaveCase)} if remember else {}
        return [*(c for c in out if not isinstance(c, SaveCase)), *last.values()]


def stem_of(told: PublicAlert) -> str:
    """The key of an incident: one an alert, and one of its own for grade 3 and for grade 4."""
    return f"{told.alert_id}:{told.page_level}" if told.page_level in ("g3", "g4") else told.alert_id


def with_line(case: Case, name: str, line: DestinationStatus) -> Case:
    """The case, with what one destination was told."""
    return replace(case, lines={**case.lines, name: line})


def undelivered(line: DestinationStatus) -> bool:
    """A page that calls somebody is still on its way there."""
    return any(page.act == "open" for page in line.pending)


def _mark(marks: set[str], name: str, holds: bool) -> None:
    if holds:
        marks.add(name)
    else:
        marks.discard(name)
