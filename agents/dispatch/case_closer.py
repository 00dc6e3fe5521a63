"""Closes cases at all destinations, and a flood summary once its last member is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import Commands, verdict
from agents.dispatch.model import Case
from agents.dispatch.pages import Pages


class CaseCloser:
    """Only the engine closes a patient's alert; only the system's own cases are closed by the dispatcher itself."""

    def __init__(self, store: CaseStore, pages: Pages) -> None:
        self.store = store
        self.pages = pages

    def close(self, case: Case, at: datetime) -> Commands:
        """Closes every incident of a case, and each summary in which it was the last open member."""
        case = yield from self.pages.close(case)
        yield verdict(case.alert.status, case.alert)
        yield self.store.save(replace(case, closed_at=at))
        for summary in dict.fromkeys(each.summary for each in case.destinations.values() if each.summary):
            if self.store.remove_member(summary, case.alert_id):
                yield from self.close_own(summary, at)

    def close_own(self, alert_id: str, at: datetime) -> Commands:
        """Resolves a system alarm or a summary, if it is still open."""
        case = self.store.cases.get(alert_id)
        if case is not None and case.closed_at is None:
            resolved = replace(case.alert, version=case.alert.version + 1, status="resolved", raised_at=at)
            yield from self.close(replace(case, alert=resolved), at)
