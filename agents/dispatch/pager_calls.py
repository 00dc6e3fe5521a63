"""Calls one pager, never with a page and the list of open incidents at once; an exception in it is a rejection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from agents.dispatch.page import Page
from agents.dispatch.pagers.protocol import Pager, PagerAnswer
from agents.platform.fail_stop import Fence


class PagerCalls:
    """`fence` ends the process instead of sending when it may have lost its partitions."""

    def __init__(self, pager: Pager, fence: Fence) -> None:
        self.pager = pager
        self.fence = fence
        self._pauses = 0  # reasons why no page may be sent
        self._running = asyncio.Event()
        self._running.set()
        self._sending = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def pause(self) -> None:
        """No page is sent from now on."""
        self._pauses += 1
        self._running.clear()

    async def idle(self) -> None:
        """Waits until no page is being sent."""
        await self._idle.wait()

    async def send(self, page: Page) -> PagerAnswer:
        """Sends a page once. A defect in a pager rejects it, so that the fallback is paged, with a system alarm."""
        await self._running.wait()
        self.fence.check()
        self._sending += 1
        self._idle.clear()
        try:
            return await self.pager.send(page)
        except Exception as defect:
            where = defect.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            return PagerAnswer("rejected", f"defect {type(defect).__name__} line {where.tb_lineno if where else 0}")
        finally:
            self._sending -= 1
            if not self._sending:
                self._idle.set()

    async def refresh(self, pages: Callable[[], Sequence[Page]], *, alive: bool) -> PagerAnswer:
        """Sends the open set, which is determined once no page is being sent: a close must not be overtaken."""
        self.pause()
        try:
            await self._idle.wait()
            return await self.pager.refresh(pages(), alive=alive)
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._running.set()
