"""A paging story, played: what happens on the left, who is paged on the right, the clock down the page.

    10:00  raise A high        | doctor open A raised
    10:02  tick                | doctor open A:2 again

Between two lines the clock ticks every ten seconds and nobody may be paged. Destinations take pages at once, unless
the story says `dead NAME` (nothing gets through) or `refuses NAME`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

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
from agents.dispatch.model import Case, Page, decode, encode
from agents.dispatch.paging import Paging
from agents.dispatch.public_alert import PublicAlert
from agents.dispatch.routing import Routing

DAY = datetime(2026, 3, 4, tzinfo=UTC)
KINDS = {"high": "escalation", "medium": "step", "low": "onset", "technical": "signal_lost"}
DEFAULT = PagingPolicy(
    Routing((("doctor",), ("senior",))),
    ("doctor", "senior", "desk"),
    second={"doctor": "desk"},
    flood_pages={"doctor": 10},
)


def clock(words: str) -> datetime:
    """10:00 or 10:00:30, on the day of the story; the next day as 1d10:00."""
    day, _, rest = words.rpartition("d")
    hour, minute, *second = (int(part) for part in rest.split(":"))
    return DAY + timedelta(days=int(day or 0), hours=hour, minutes=minute, seconds=second[0] if second else 0)


@dataclass
class Desk:
    """The machine, its destinations, and its memory, as a story moves them."""

    rules: PagingPolicy = DEFAULT
    begin: str = "10:00"
    at: datetime = DAY
    rows: dict[str, bytes] = field(default_factory=dict)
    latest: dict[str, AlertUpdate] = field(default_factory=dict)
    queue: list[Page] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    refuses: dict[str, Result] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    offset: int = 0

    def __post_init__(self) -> None:
        self.at = clock(self.begin)
        self.paging = Paging(self.rules)
        self.paging.assigned(0, [], self.at)

    def play(self, story: str) -> None:
        """Plays a story; a difference fails as a difference of the story."""
        told, happened = [], []
        for line in filter(None, map(str.strip, story.splitlines())):
            left, _, right = line.partition("|")
            when, *words = left.split()
            self._until(clock(when))
            early = list(self.said)
            self.said.clear()
            self.hear(words)
            told.append(f"{left.strip():<44} | {right.split('#')[0].strip()}")
            happened.extend(f"before {when}: {said}" for said in early)
            happened.append(f"{left.strip():<44} | {', '.join(self.said) or '-'}")
            self.said.clear()
        if happened != told:
            pytest.fail("\n".join(difflib.ndiff(told, happened)), pytrace=False)

    def _until(self, at: datetime) -> None:
        while self.at + timedelta(seconds=10) < at:
            self.at += timedelta(seconds=10)
            self.obey(self.paging.ticked(self.at))
        self.at = at

    def hear(self, words: list[str]) -> None:
        """One thing that happens."""
        match words:
            case ["tick"]:
                self.obey(self.paging.ticked(self.at))
            case ["raise" | "update" | "resolve" | "retract" | "ack" | "snooze" | "repeat" as what, name, *rest]:
                self.obey(self.paging.told(self._told(what, name, rest), self.at))
            case ["dead", name]:
                self.dead.add(name)
            case ["refuses", name]:
                self.refuses[name] = "refused"
            case ["gone", name]:
                self.refuses[name] = "gone"
            case ["back", name]:
                self.dead.discard(name)
                self.refuses.pop(name, None)
                self._deliver()
            case ["beat", partition]:
                self.obey(self.paging.heartbeat(int(partition), self.at))
                self.obey(self.paging.ticked(self.at))
            case ["restart"]:
                self.restart()
            case _:
                raise AssertionError(f"the story says {' '.join(words)}")

    def restart(self, rules: PagingPolicy | None = None) -> None:
        """A new machine that knows what was written down; nothing else."""
        self.queue.clear()
        self.paging = Paging(rules or self.rules)
        self.obey(self.paging.assigned(0, map(decode, self.rows.values()), self.at))

    def _told(self, what: str, name: str, rest: list[str]) -> AlertUpdate:
        before = self.latest.get(name)
        self.offset += 1
        words = dict(zip(rest[1::2], rest[2::2], strict=True)) if what in ("raise", "update") else {}
        if what == "repeat":
            assert before is not None
            return before
        if what == "raise":
            priority, grade = rest[0], int(words.get("grade", 2))
            told = PublicAlert(
                name,
                1,
                "raised",
                words.get("kind", KINDS[priority]),
                priority,
                grade,
                self.at,
                "ref",
                words.get("unit"),
            )
            made = AlertUpdate(name, words.get("patient", "somebody"), 0, told, self.offset)
        else:
            assert before is not None
            status = {"resolve": "resolved", "retract": "retracted"}.get(what, "updated")
            told = replace(before.brief, version=before.brief.version + 1, status=status, raised_at=self.at)
            made = replace(before, brief=told, offset=self.offset)
            if what == "update":
                told = replace(told, priority=rest[0], grade=int(words.get("grade", told.grade)))
                kept = before.acknowledged_at if told.urgency <= before.brief.urgency else None
                made = replace(made, brief=told, acknowledged_at=kept, snoozed_until=None)
            elif what == "ack":
                made = replace(made, acknowledged_at=self.at)
            elif what == "snooze":
                made = replace(made, snoozed_until=clock(rest[1]))
        self.latest[name] = made
        return made

    def obey(self, commands: list[Command]) -> None:
        """Does what the machine orders, and remembers what it asks to remember."""
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
                    self.said.append(f"{page.destination} {page.act} {page.key} {page.cause}")
                    self.queue.append(page)
        self._deliver()

    def _deliver(self) -> None:
        for page in list(self.queue):
            if page in self.queue and page.destination not in self.dead:
                self.queue.remove(page)
                result = self.refuses.get(page.destination, "confirmed")
                self.obey(self.paging.reported(page, result, self.at))

    def case(self, name: str) -> Case:
        """A case as it is written down."""
        return decode(self.rows[name])
