"""A new kind of destination is one module: it is discovered, configured in TOML, and receives a page."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agents.dispatch import config, pagers
from agents.dispatch.backoff import Backoff
from agents.dispatch.commands import Result
from agents.dispatch.destination_queue import DestinationQueue
from agents.dispatch.page import Page
from agents.dispatch.pagers import registry
from agents.platform.errors import UserError
from agents.platform.fail_stop import Fence
from tests.dispatch.page_examples import page

KINDS = {"acm", "alertmanager", "apprise", "console", "pagerduty", "webhook"}
NAME = "lamp_of_a_test"
MODULE = '''
"""A pager that switches on a lamp."""

from typing import Literal

from agents.dispatch.pagers import registry
from agents.dispatch.pagers.destination_config import DestinationConfig
from agents.dispatch.pagers.protocol import ACCEPTED


class LampConfig(DestinationConfig):
    kind: Literal["lamp"]
    colour: str


class LampPager:
    refresh_seconds = None
    lit = []

    def __init__(self, config, context):
        self.config, self.context = config, context

    async def send(self, page):
        self.lit.append((self.config.colour, self.context.path, self.context.dispatcher, page.key))
        return ACCEPTED

    async def refresh(self, pages, *, alive):
        return ACCEPTED

    async def close(self):
        pass


registry.register(LampConfig, LampPager)
'''
SETTINGS = """
[dispatch]
reference_secret = { env = "REFERENCE" }
default = [["lamp"]]
[dispatch.destinations.lamp]
kind = "lamp"
colour = "red"
"""


@pytest.fixture
def lamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One more module in the package of the pagers; nothing else is changed."""
    (tmp_path / f"{NAME}.py").write_text(MODULE)
    monkeypatch.setattr(pagers, "__path__", [*pagers.__path__, str(tmp_path)])
    config.PagingConfig.model_rebuild(force=True)  # as at the start of a process
    module = sys.modules[f"{registry.PACKAGE}.{NAME}"]
    yield module
    registry.unregister(module.LampConfig)
    monkeypatch.undo()
    del sys.modules[f"{registry.PACKAGE}.{NAME}"]
    config.PagingConfig.model_rebuild(force=True)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERENCE", "a-long-enough-secret")


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "dispatch.toml"
    file.write_text(text)
    return file


def test_a_new_kind_is_one_module(lamp: Any, tmp_path: Path) -> None:
    loaded = config.load(written(tmp_path, SETTINGS))
    built = registry.build_pagers(loaded.destinations, loaded.name)

    async def play() -> None:
        results: list[tuple[str, Result]] = []
        ended = asyncio.Event()

        async def report(page: Page, result: Result) -> None:
            results.append((page.key, result))
            ended.set()

        queue = DestinationQueue("lamp", built["lamp"], report, 1, Backoff(), Random(1), Fence(60))
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        saved.set_result(None)
        queue.put(page(), saved)
        task = asyncio.create_task(queue.run())
        await asyncio.wait_for(ended.wait(), 5)
        task.cancel()
        assert results == [("a1", "accepted")]

    asyncio.run(play())
    assert lamp.LampPager.lit == [("red", "dispatch.destinations.lamp", "dispatch", "a1")]


def test_its_settings_are_checked_like_those_of_every_kind(lamp: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dispatch\.destinations\.lamp\.lamp\.colour: Field required"):
        config.load(written(tmp_path, SETTINGS.replace('colour = "red"', "")))


def test_without_its_module_the_kind_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"destinations\.lamp: Input tag 'lamp' found using 'kind'"):
        config.load(written(tmp_path, SETTINGS))


def test_these_kinds_exist() -> None:
    assert registry.kinds().keys() == KINDS


def test_no_pager_knows_more_of_dispatch_than_the_values_below_it() -> None:
    """The same as the import contract, for people who look here."""
    below = {"config_values", "page", "pagers", "public_alert"}
    for file in Path(pagers.__file__).parent.glob("*.py"):
        lines = (line.split() for line in file.read_text().splitlines())
        imported = {words[1] for words in lines if words[:1] == ["from"] and words[1].startswith("agents.dispatch.")}
        assert {name.split(".")[2] for name in imported} <= below, file.name
