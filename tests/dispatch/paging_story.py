"""Plays a paging story: what happens on the left, which pages are sent on the right, the time down the page.

    10:00  raise A high        | doctor open A raised
    10:02  tick                | doctor open A:2 again

Between two lines the clock ticks every ten seconds, and no page may be sent. Destinations accept pages at once, unless
the story has `dead NAME` (no page gets through), `refuses NAME` or `gone NAME`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from agents.dispatch.commands import (
    AlertUpdate,
    Command,
    DeleteCase,
    DropPages,
    PagingPolicy,
    PagingVerdict,
    Result,
    SaveCase,
    SendPage,
)
from agents.dispatch.model import Case, decode, encode
from agents.dispatch.page import Page
from agents.dispatch.paging import Paging
from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Routing
from schemas.alerts import AlertStatus, Priority

DAY = datetime(2026, 3, 4, tzinfo=UTC)
STATUS: dict[str, AlertStatus] = {"resolve": "resolved", "retract": "retracted"}
KINDS = {"high": "escalation", "medium": "step", "low": "onset", "technical": "signal_lost"}
DEFAULT = PagingPolicy(
    Routing((("doctor",), ("senior",))),
    ("doctor", "senior", "desk"),
    fallback={"doctor": "desk"},
    flood_pages={"doctor": 10},
)


def instant(text: str) -> datetime:
    """10:00 or 10:00:30, on the day of the story; the next day as 1d10:00."""
    day, _, rest = text.rpartition("d")
    hour, minute, *second = (int(part) for part in rest.split(":"))
    return DAY + timedelta(days=int(day or 0), hours=hour, minutes=minute, seconds=second[0] if second else 0)


@dataclass
class PagingStory:
    """The state machine, its destinations and its stored rows, as a story changes them."""

    policy: PagingPolicy = DEFAULT
    begin: str = "10:00"
    at: datetime = DAY
    rows: dict[str, bytes] = field(default_factory=dict)
    latest: dict[str, AlertUpdate] = field(default_factory=dict)
    queue: list[Page] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    rejecting: dict[str, Result] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    offset: int = 0

    def __post_init__(self) -> None:
        self.at = instant(self.begin)
        self.paging = Paging(self.policy)
        self.paging.assigned(0, [], self.at)

    def play(self, story: str) -> None:
        """Plays a story; a difference fails as a difference of the story."""
        expected: list[str] = []
        happened: list[str] = []
        for line in filter(None, map(str.strip, story.splitlines())):
            left, _, right = line.partition("|")
            when, *event = left.split()
            self._tick_until(instant(when))
            early = list(self.sent)
            self.sent.clear()
            self.happens(event)
            expected.append(f"{left.strip():<44} | {right.split('#')[0].strip()}")
            happened.extend(f"before {when}: {page}" for page in early)
            happened.append(f"{left.strip():<44} | {', '.join(self.sent) or '-'}")
            self.sent.clear()
        if happened != expected:
            pytest.fail("\n".join(difflib.ndiff(expected, happened)), pytrace=False)

    def _tick_until(self, at: datetime) -> None:
        while self.at + timedelta(seconds=10) < at:
            self.at += timedelta(seconds=10)
            self.execute(self.paging.ticked(self.at))
        self.at = at

    def happens(self, event: list[str]) -> None:
        """One event of the story."""
        match event:
            case ["tick"]:
                self.execute(self.paging.ticked(self.at))
            case ["raise" | "update" | "resolve" | "retract" | "ack" | "snooze" | "repeat" as what, name, *rest]:
                self.execute(self.paging.alert_updated(self._update(what, name, rest), self.at))
            case ["dead", name]:
                self.dead.add(name)
            case ["refuses", name]:
                self.rejecting[name] = "rejected"
            case ["gone", name]:
                self.rejecting[name] = "removed"
            case ["back", name]:
                self.dead.discard(name)
                self.rejecting.pop(name, None)
                self._deliver()
            case ["beat", partition]:
                self.paging.heartbeat(int(partition), self.at)
                self.execute(self.paging.ticked(self.at))
            case ["restart"]:
                self.restart()
            case _:
                raise AssertionError(f"unknown event: {' '.join(event)}")

    def restart(self, policy: PagingPolicy | None = None) -> None:
        """A new state machine that knows the stored rows and nothing else."""
        self.queue.clear()
        self.paging = Paging(policy or self.policy)
        self.execute(self.paging.assigned(0, map(decode, self.rows.values()), self.at))

    def _update(self, what: str, name: str, rest: list[str]) -> AlertUpdate:
        before = self.latest.get(name)
        self.offset += 1
        given = dict(zip(rest[1::2], rest[2::2], strict=True)) if what in ("raise", "update") else {}
        if what == "repeat":
            assert before is not None
            return before
        if what == "raise":
            priority, grade = as_priority(rest[0]), int(given.get("grade", 2))
            kind = given.get("kind", KINDS[priority])
            alert = PublicAlert(name, 1, "raised", kind, priority, grade, self.at, "ref", given.get("unit"))
            made = AlertUpdate(name, given.get("patient", "somebody"), 0, alert, self.offset)
        else:
            assert before is not None
            status = STATUS.get(what, "updated")
            alert = replace(before.alert, version=before.alert.version + 1, status=status, raised_at=self.at)
            made = replace(before, alert=alert, offset=self.offset)
            if what == "update":
                alert = replace(alert, priority=as_priority(rest[0]), grade=int(given.get("grade", alert.grade)))
                kept = before.acknowledged_at if alert.urgency <= before.alert.urgency else None
                made = replace(made, alert=alert, acknowledged_at=kept, snoozed_until=None)
            elif what == "ack":
                made = replace(made, acknowledged_at=self.at)
            elif what == "snooze":
                made = replace(made, snoozed_until=instant(rest[1]))
        self.latest[name] = made
        return made

    def execute(self, commands: list[Command]) -> None:
        """Executes commands: stores rows, queues pages, notes verdicts."""
        for command in commands:
            match command:
                case SaveCase(case):
                    self.rows[case.alert_id] = encode(case)
                case DeleteCase(alert_id, _):
                    self.rows.pop(alert_id)
                case DropPages(destination, keys):
                    self.queue = [p for p in self.queue if (p.destination, p.key in keys) != (destination, True)]
                case PagingVerdict(reason, _):
                    self.verdicts.append(reason)
                case SendPage(page):
                    self.sent.append(f"{page.destination} {page.act} {page.key} {page.cause}")
                    self.queue.append(page)
        self._deliver()

    def _deliver(self) -> None:
        for page in list(self.queue):
            if page in self.queue and page.destination not in self.dead:
                self.queue.remove(page)
                result = self.rejecting.get(page.destination, "accepted")
                self.execute(self.paging.page_ended(page, result, self.at))

    def case(self, name: str) -> Case:
        """A case as it is stored."""
        return decode(self.rows[name])


def as_priority(word: str) -> Priority:
    """The priority that a story's word names."""
    return next(priority for priority in get_args(Priority) if priority == word)
