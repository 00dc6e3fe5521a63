"""What follows from a new version of an alert: it is paged, worsens, eases, is acknowledged, snoozed, or closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agents.dispatch.case_closer import CaseCloser
from agents.dispatch.case_store import CaseStore
from agents.dispatch.commands import AlertUpdate, Commands, PagingPolicy, verdict
from agents.dispatch.escalation import Escalation
from agents.dispatch.model import Case
from agents.dispatch.page import Act, Cause
from agents.dispatch.pages import Pages


class AlertChanges:
    """Compares a version with the stored case."""

    def __init__(
        self, policy: PagingPolicy, store: CaseStore, pages: Pages, closer: CaseCloser, escalation: Escalation
    ) -> None:
        self.policy = policy
        self.store = store
        self.pages = pages
        self.closer = closer
        self.escalation = escalation

    def update(self, update: AlertUpdate, at: datetime) -> Commands:
        """Decides about one version. One that was received before changes nothing."""
        before = self.store.cases.get(update.alert_id)
        if update.alert.version <= self.store.last_version(update.partition, update.alert_id):
            yield verdict("repeat", update.alert)
        elif before is None:
            yield from self._first(update, at)
        elif before.closed_at is not None:
            yield from self._reopened(_updated(before, update), at)
        elif update.alert.over:
            yield from self.closer.close(_updated(before, update), at)
        else:
            yield from self._changed(before, _updated(before, update), at)

    def _first(self, update: AlertUpdate, at: datetime) -> Commands:
        """An alert that nobody was paged about yet."""
        alert, tiers = update.alert, self.policy.routing.tiers(update.alert, at)
        case = _updated(Case(update.alert_id, update.patient_id, update.partition, alert, tiers, at), update)
        if alert.over:
            yield verdict("over_before_told", alert)
            case = replace(case, closed_at=at)
        elif case.quiet and tiers:
            # Acknowledged or snoozed before it could be paged: only a worse version calls anybody.
            yield verdict("taken_on_before_told", alert)
        else:
            yield verdict("paged" if tiers else "unrouted", alert)
            for name in tiers[0] if tiers else ():
                case = yield from self.pages.open(case, name, "raised", at)
        yield self.store.save(case)

    def _reopened(self, case: Case, at: datetime) -> Commands:
        """The engine never raises an id again; if it did, one page too many is better than none."""
        if case.alert.over:
            yield self.store.save(case)
        else:
            yield from self._worsened(replace(case, closed_at=None), at)

    def _changed(self, before: Case, case: Case, at: datetime) -> Commands:
        """A new version of an open alert: a worse one calls again, everything else is an update."""
        if case.alert.urgency > before.alert.urgency:
            yield from self._worsened(case, at)
        elif before.snoozed_until and not case.quiet:
            yield from self.escalation.repeat_page(replace(case, rounds=0), "snooze_ended", at)
        elif case.acknowledged_at and not before.acknowledged_at:
            yield from self._inform(case, "acknowledge", "acknowledged")
        elif case.snoozed_until and case.snoozed_until != before.snoozed_until:
            yield from self._inform(case, "update", "snoozed")
        else:
            eased = case.alert.urgency < before.alert.urgency
            yield from self._inform(case, "update", "eased" if eased else "updated")

    def _worsened(self, case: Case, at: datetime) -> Commands:
        """Calls the first tier of the new route, and everybody who has an open incident."""
        tiers = self.policy.routing.tiers(case.alert, at)
        case = replace(case, tiers=tiers, tier=0, rounds=0, paged_at=at)
        informed = [name for name, status in case.destinations.items() if status.keys]
        for name in dict.fromkeys([*(tiers[0] if tiers else ()), *informed]):
            case = yield from self.pages.open_worsened(case, name, at)
        yield verdict("worsened", case.alert)
        yield self.store.save(case)

    def _inform(self, case: Case, act: Act, cause: Cause) -> Commands:
        case = yield from self.pages.update(case, act, cause)
        yield verdict(cause, case.alert)
        yield self.store.save(case)


def _updated(case: Case, update: AlertUpdate) -> Case:
    """The case with a new version of its alert."""
    return replace(
        case,
        alert=update.alert,
        offset=update.offset,
        acknowledged_at=update.acknowledged_at,
        snoozed_until=update.snoozed_until,
    )
