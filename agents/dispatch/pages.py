"""Pages about one case: open, update and close its incidents at each destination.

Applies the flood guards, and the fallbacks of destinations that were removed for good. Methods yield the commands
and return the changed case, which the caller saves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from agents.dispatch.commands import CaseCommands, Commands, PagingPolicy, SendPage, verdict
from agents.dispatch.flood_guard import FloodGuard
from agents.dispatch.model import Case, DestinationStatus
from agents.dispatch.page import HIGH_URGENCY, Act, Cause, Page
from agents.dispatch.public_alert import PublicAlert


class Pages:
    """Decides the pages to each destination of a case, in the order in which they must be sent."""

    def __init__(self, policy: PagingPolicy) -> None:
        self.policy = policy
        self.removed_destinations: set[str] = set()
        self.flood_guards = {
            name: FloodGuard(policy.flood_pages.get(name, 0), policy.flood_window, policy.flood_gather)
            for name in policy.destinations
        }

    def open(self, case: Case, name: str, cause: Cause, at: datetime) -> CaseCommands:
        """Opens a new incident at a destination, or at its fallback if it was removed; or the flood guard holds it."""
        name = self._available(name)
        status = case.at(name)
        guard = self.flood_guards[name]
        if not guard.admits(at, high=case.alert.urgency >= HIGH_URGENCY or case.alarm is not None):
            guard.hold(case.alert_id, at)
            yield verdict("held_flood", case.alert)
            return with_status(case, name, replace(status, held=True))
        guard.release(case.alert_id)
        base = base_key(case.alert)
        key = base if base not in status.used else f"{base}:{len(status.used) + 1}"
        repeat = len(status.used) if status.version == case.alert.version else 0
        level = case.alert.priority
        page = Page(name, "open", cause, key, case.alert, repeat, order=case.offset, level=level)
        levels = {**status.levels, key: level}
        status = replace(status, keys=(*status.keys, key), used=(*status.used, key), levels=levels, held=False)
        return (yield from self._send(case, name, status, [page]))

    def open_worsened(self, case: Case, name: str, at: datetime) -> CaseCommands:
        """Closes the incidents of the old level before the new level opens."""
        status = case.at(name)
        superseded = self._about(case, name, "close", "superseded", status.keys)
        case = yield from self._send(case, name, replace(status, keys=()), superseded)
        return (yield from self.open(case, name, "worsened", at))

    def update(self, case: Case, act: Act, cause: Cause) -> CaseCommands:
        """Informs every destination with an open incident; nobody is called again."""
        for name, status in list(case.destinations.items()):
            keys = status.keys if act == "acknowledge" else status.keys[-1:]
            case = yield from self._send(case, name, status, self._about(case, name, act, cause, keys))
        return case

    def close(self, case: Case) -> CaseCommands:
        """Closes every incident of the case at every destination."""
        for name, status in list(case.destinations.items()):
            pages = self._about(case, name, "close", "over", status.keys)
            case = yield from self._send(case, name, replace(status, keys=(), held=False), pages)
        self.release(case.alert_id)
        return case

    def restore(self, case: Case, at: datetime) -> Commands:
        """Sends what was pending before a restart, unchanged and in order, and holds what was held."""
        for name, status in case.destinations.items():
            for page in status.pending:
                yield SendPage(page)
            if status.held:
                self.flood_guards[name].hold(case.alert_id, at)

    def count_earlier(self, case: Case, at: datetime) -> None:
        """Counts pages from before a restart for the flood guards."""
        for name, status in case.destinations.items():
            if status.used and at - case.paged_at < self.policy.flood_window:
                self.flood_guards[name].count_earlier(case.paged_at)

    def release(self, alert_id: str) -> None:
        """Takes an alert out of the next summaries."""
        for guard in self.flood_guards.values():
            guard.release(alert_id)

    def _available(self, name: str) -> str:
        """The destination itself, or the first fallback that was not removed."""
        visited = {name}
        while name in self.removed_destinations:
            fallback = self.policy.fallback.get(name)
            if fallback is None or fallback in visited:
                break
            name = fallback
            visited.add(name)
        return name

    def _send(self, case: Case, name: str, status: DestinationStatus, pages: list[Page]) -> CaseCommands:
        yield from map(SendPage, pages)
        version = case.alert.version if any(page.primary for page in pages) else status.version
        return with_status(case, name, replace(status, pending=(*status.pending, *pages), version=version))

    def _about(self, case: Case, name: str, act: Act, cause: Cause, keys: Iterable[str]) -> list[Page]:
        """The same message about several incidents of one alert; only the latest incident's page is primary."""
        status = case.at(name)
        last = () if cause == "superseded" else status.keys[-1:]
        return [
            Page(name, act, cause, key, case.alert, order=case.offset, primary=(key,) == last, level=status.levels[key])
            for key in keys
        ]


def base_key(alert: PublicAlert) -> str:
    """The key of the first incident of a level: the alert id, with a suffix for grade 3 and for grade 4."""
    return f"{alert.alert_id}:{alert.page_level}" if alert.page_level in ("g3", "g4") else alert.alert_id


def with_status(case: Case, name: str, status: DestinationStatus) -> Case:
    """The case with a new state at one destination."""
    return replace(case, destinations={**case.destinations, name: status})
