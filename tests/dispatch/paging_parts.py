"""What tests of the single parts of paging share: a policy, a case, and the commands of a part as short texts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from agents.dispatch.commands import CaseCommands, Command, DropPages, PagingPolicy, PagingVerdict, SaveCase, SendPage
from agents.dispatch.model import Case
from agents.dispatch.routing import Routing
from tests.dispatch.page_examples import AT, page

POLICY = PagingPolicy(
    Routing((("doctor",), ("senior",))),
    ("doctor", "senior", "desk"),
    fallback={"doctor": "desk"},
    flood_pages={"doctor": 2},
)
MINUTE = timedelta(minutes=1)


def case(name: str = "a1", tiers: tuple[tuple[str, ...], ...] = (("doctor",), ("senior",)), **given: Any) -> Case:
    """A case without pages; `given` are fields of its alert."""
    return Case(name, "somebody", 0, page(key=name, **given).alert, tiers, AT)


def texts(commands: Iterable[Command]) -> list[str]:
    """Each command as a short text."""
    return [_text(command) for command in commands]


def ended(commands: CaseCommands) -> tuple[Case, list[str]]:
    """The case that a part returns, and its commands."""
    found = []
    while True:
        try:
            found.append(_text(next(commands)))
        except StopIteration as stop:
            return stop.value, found


def _text(command: Command) -> str:
    match command:
        case SendPage(sent):
            return f"{sent.destination} {sent.act} {sent.key} {sent.cause}"
        case DropPages(destination, keys):
            return f"drop {destination} {' '.join(sorted(keys))}"
        case SaveCase(saved):
            return f"save {saved.alert_id}"
        case PagingVerdict(reason, _):
            return reason
        case _:
            return repr(command)
