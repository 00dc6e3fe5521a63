"""In-memory store of the open cases, with the indexes by which paging finds them. Data operations only."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from agents.dispatch.commands import SaveCase
from agents.dispatch.model import Case
from agents.dispatch.page import HIGH_URGENCY, Page


class CaseStore:
    """Open cases by alert id and by incident key; of settled cases only the last version."""

    def __init__(self) -> None:
        self.cases: dict[str, Case] = {}
        self.unacknowledged: set[str] = set()  # high priority, and unanswered or undelivered
        self.snoozed: set[str] = set()
        self.closing: set[str] = set()  # closed, and a destination has not accepted the close yet
        self._settled_versions: dict[int, dict[str, int]] = {}  # partition -> alert id -> last version
        self._members: dict[str, set[str]] = {}  # summary -> open members
        self._alert_ids: dict[str, str] = {}  # incident key -> alert id

    def find(self, key: str) -> Case | None:
        """The open case of a patient with this alert id or incident key."""
        case = self.cases.get(self._alert_ids.get(key, key))
        return case if case is not None and case.closed_at is None and case.patient_id else None

    def of_page(self, page: Page) -> Case | None:
        """The case that a page is about, open or closing."""
        return self.cases.get(self._alert_ids.get(page.key, page.key))

    def open_pages(self, destination: str, accepted: Collection[str] = ()) -> list[Page]:
        """Every open incident that the destination has accepted, as pages.

        `accepted`: keys that it accepted a moment ago and whose rows are still being written.
        """
        return [
            Page(destination, "open", "raised", key, case.alert, order=case.offset, level=status.levels[key])
            for case in self.cases.values()
            if case.closed_at is None and (status := case.destinations.get(destination)) is not None
            for key in status.keys
            if key in accepted or not any(page.key == key and page.act == "open" for page in status.pending)
        ]

    def last_version(self, partition: int, alert_id: str) -> int:
        """The latest version of an alert that was received; 0: none."""
        case = self.cases.get(alert_id)
        return case.alert.version if case else self._settled_versions.get(partition, {}).get(alert_id, 0)

    def save(self, case: Case) -> SaveCase:
        """Stores the case, or removes a settled one. Returns the command that writes its row."""
        if case.settled:
            self.remove(case)
            self.settle(case)
        else:
            self.keep(case)
        return SaveCase(case)

    def settle(self, case: Case) -> None:
        """Remembers only the version of a case that is closed at every destination."""
        self._settled_versions.setdefault(case.partition, {})[case.alert_id] = case.alert.version

    def keep(self, case: Case) -> None:
        """Stores the case and updates the indexes."""
        self.cases[case.alert_id] = case
        self._alert_ids[case.alert.alert_id] = case.alert_id
        for status in case.destinations.values():
            self._alert_ids.update(dict.fromkeys(status.used, case.alert_id))
            if status.summary is not None and case.closed_at is None:
                self._members.setdefault(status.summary, set()).add(case.alert_id)
        high = case.alert.urgency >= HIGH_URGENCY and case.alarm is None and case.tiers != ()
        _index(self.unacknowledged, case.alert_id, high and (not case.quiet or case.undelivered))
        _index(self.snoozed, case.alert_id, case.snoozed_until is not None and case.closed_at is None)
        _index(self.closing, case.alert_id, case.closed_at is not None)

    def remove(self, case: Case) -> None:
        """Removes the case and its index entries."""
        self.cases.pop(case.alert_id, None)
        for index in (self.unacknowledged, self.snoozed, self.closing):
            index.discard(case.alert_id)
        for status in case.destinations.values():
            for key in status.used:
                self._alert_ids.pop(key, None)
        self._alert_ids.pop(case.alert.alert_id, None)

    def remove_partition(self, partition: int) -> list[Case]:
        """Removes all cases of a partition and returns them."""
        removed = [case for case in self.cases.values() if case.partition == partition]
        for case in removed:
            self.remove(case)
        self._settled_versions.pop(partition, None)
        return removed

    # Members of flood summaries.

    def set_members(self, summary: str, alert_ids: Iterable[str]) -> None:
        """Records which alerts a summary includes."""
        self._members[summary] = set(alert_ids)

    def remove_member(self, summary: str, alert_id: str) -> bool:
        """Removes a closed alert from its summary. Returns whether no open member is left."""
        members = self._members.get(summary, set())
        members.discard(alert_id)
        if not members:
            self._members.pop(summary, None)
        return not members

    def summaries_without_members(self) -> list[Case]:
        """Summaries whose members are all closed."""
        return [case for case in self.cases.values() if case.members and not self._members.get(case.alert_id)]


def _index(index: set[str], alert_id: str, present: bool) -> None:
    if present:
        index.add(alert_id)
    else:
        index.discard(alert_id)
