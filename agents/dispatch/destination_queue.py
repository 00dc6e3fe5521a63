"""The way to one destination: patients do not wait for each other, pages of one never overtake, loud goes first."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from agents.dispatch import metrics
from agents.dispatch.case_store import LOUD
from agents.dispatch.commands import Result
from agents.dispatch.model import Page
from agents.dispatch.pagers.answer import Pager, PagerAnswer
from agents.platform.fail_stop import Fence, fail_stop

log = logging.getLogger("crs.dispatch")
Report = Callable[[Page, Result], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt: doubling, with jitter, and never longer than the caps. Seconds."""

    first: float = 0.5
    longest_loud: float = 10.0
    longest: float = 60.0
    asked_longest_loud: float = 15.0  # what a destination may ask for by Retry-After
    asked_longest: float = 300.0

    def pause(self, attempts: int, *, loud: bool, dice: Random) -> float:
        """After so many attempts at one page."""
        longest = self.longest_loud if loud else self.longest
        return float(min(longest, self.first * 2.0 ** min(attempts - 1, 20)) * dice.uniform(0.5, 1.0))


@dataclass(slots=True)
class QueuedPage:
    """A page on its way. It may go once its case is written down."""

    page: Page
    remembered: asyncio.Future[None]
    since: float
    attempts: int = 0


@dataclass(slots=True)
class Lane:
    """The pages of one patient to this destination, in order."""

    pages: deque[QueuedPage] = field(default_factory=deque)
    under_way: bool = False
    turn: int | None = None  # its place in the queue, if it stands there
    timer: asyncio.TimerHandle | None = None  # it pauses until then

    @property
    def loudness(self) -> int:
        """A loud page is not held up by quiet ones of other patients, even when it stands behind a quiet one."""
        return max(waiting.page.brief.urgency for waiting in self.pages)


class Lanes:
    """All pages on their way to one destination."""

    def __init__(
        self, name: str, pager: Pager, report: Report, at_once: int, patience: Backoff, dice: Random, fence: Fence
    ) -> None:
        self.name = name
        self.fence = fence
        self.pager = pager
        self.report = report
        self.at_once = at_once
        self.patience = patience
        self.dice = dice
        self.lanes: dict[str, Lane] = {}
        self._ready: list[tuple[int, int, str]] = []
        self._number = count()
        self._something = asyncio.Event()
        self._slots = asyncio.Semaphore(at_once)
        self._under_way: set[asyncio.Task[None]] = set()
        self._holds = 0  # reasons for which no attempt may begin
        self._free = asyncio.Event()
        self._free.set()
        self._sending = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._taken: set[str] = set()  # incidents that were taken, and whose rows are being written
        self._asked_until = 0.0  # the destination asked for a pause
        self._asked_until_loud = 0.0
        self._loop = asyncio.get_running_loop()
        metrics.UP.labels(name).set(1)

    def put(self, page: Page, remembered: asyncio.Future[None]) -> None:
        """One more page for its patient. A loud one moves the whole lane up, and shortens its pause."""
        lane = self.lanes.setdefault(page.brief.reference, Lane())
        before = lane.loudness if lane.pages else -1
        lane.pages.append(QueuedPage(page, remembered, self._loop.time()))
        if lane.under_way:
            return
        if lane.timer is None:
            if lane.turn is None or lane.loudness > before:
                self._queue(page.brief.reference, lane)
        elif before < LOUD <= lane.loudness:
            lane.timer.cancel()
            self._pause(page.brief.reference, lane, min(self.patience.first, lane.timer.when() - self._loop.time()))

    def drop(self, keys: frozenset[str]) -> None:
        """These incidents need not be told of any more; an attempt that is under way is not stopped."""
        for lane in self.lanes.values():
            lane.pages = deque(waiting for waiting in lane.pages if waiting.page.key not in keys)

    async def run(self) -> None:
        """Hands out pages until cancelled."""
        try:
            while True:
                await self._slots.acquire()
                reference = await self._next()
                task = asyncio.create_task(self._attempt(reference))
                self._under_way.add(task)
                task.add_done_callback(self._done)
        finally:
            for task in self._under_way:
                task.cancel()

    def hold(self) -> None:
        """No new attempt from now on."""
        self._holds += 1
        self._free.clear()

    async def idle(self) -> None:
        """Until nothing is being sent."""
        await self._idle.wait()

    async def refresh(self, pages: Callable[[set[str]], Sequence[Page]], *, alive: bool) -> PagerAnswer:
        """Reminds the destination of the open set while nothing is being sent: an end must not be overtaken.

        `pages` gives the open set; it is told of incidents that were taken and are not yet written down as such.
        """
        self.hold()
        try:
            await self._idle.wait()
            answer = await self.pager.refresh(pages(self._taken), alive=alive)
        finally:
            self._holds -= 1
            if not self._holds:
                self._free.set()
        metrics.UP.labels(self.name).set(answer.outcome == "taken")
        return answer

    @property
    def pending(self) -> int:
        """Pages on their way."""
        return sum(len(lane.pages) for lane in self.lanes.values())

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest of them has waited."""
        since = [lane.pages[0].since for lane in self.lanes.values() if lane.pages]
        return self._loop.time() - min(since) if since else 0.0

    def _queue(self, reference: str, lane: Lane) -> None:
        """In line for a slot, once the first page is written down: brokers that are away hold up nobody else."""
        lane.timer = None
        remembered = lane.pages[0].remembered
        if not remembered.done():
            remembered.add_done_callback(lambda _: self._written(reference, lane))
            return
        lane.turn = next(self._number)
        heapq.heappush(self._ready, (-lane.loudness, lane.turn, reference))
        self._something.set()

    def _written(self, reference: str, lane: Lane) -> None:
        if lane.under_way or lane.turn is not None or lane.timer is not None:
            return
        self._again(reference, lane)

    def _pause(self, reference: str, lane: Lane, seconds: float) -> None:
        lane.timer = self._loop.call_later(max(0.0, seconds), self._again, reference, lane)

    async def _next(self) -> str:
        """The loudest patient whose turn it is, once the destination may be asked again."""
        while True:
            self._something.clear()
            pause = None
            while self._ready and not self._stands(self._ready[0]):
                heapq.heappop(self._ready)
            if self._ready:
                loud = -self._ready[0][0] >= LOUD
                pause = (self._asked_until_loud if loud else self._asked_until) - self._loop.time()
                if pause <= 0:
                    reference = heapq.heappop(self._ready)[2]
                    self.lanes[reference].turn = None
                    self.lanes[reference].under_way = True
                    return reference
            try:
                async with asyncio.timeout(pause):
                    await self._something.wait()
            except TimeoutError:
                continue

    def _stands(self, place: tuple[int, int, str]) -> bool:
        """Whether a place in the queue still holds: its lane may have moved up, or away."""
        lane = self.lanes.get(place[2])
        return lane is not None and lane.turn == place[1]

    async def _attempt(self, reference: str) -> None:
        lane = self.lanes[reference]
        pause = 0.0
        if lane.pages:
            waiting = lane.pages[0]
            try:
                answer = await self._send(lane, waiting)
            finally:
                self._slots.release()
            pause = await self._heed(lane, waiting, answer)
        else:
            self._slots.release()
        lane.under_way = False
        if pause > 0 and lane.pages:
            self._pause(reference, lane, pause)
        else:
            self._again(reference, lane)

    def _again(self, reference: str, lane: Lane) -> None:
        if lane.pages:
            self._queue(reference, lane)
        else:
            self.lanes.pop(reference, None)

    async def _send(self, lane: Lane, waiting: QueuedPage) -> PagerAnswer | None:
        """One attempt at the first page of a lane; None: a later word made it needless."""
        page = waiting.page
        if page.act == "update" and any(later.page.key == page.key for later in list(lane.pages)[1:]):
            return None
        waiting.attempts += 1
        answer = await self._ask(page)
        metrics.PAGES.labels(self.name, page.act, answer.outcome).inc()
        metrics.UP.labels(self.name).set(answer.outcome == "taken")
        self._log(page, answer, waiting.attempts)
        return answer

    async def _heed(self, lane: Lane, waiting: QueuedPage, answer: PagerAnswer | None) -> float:
        """What the destination said. How long to pause before the next attempt; 0: none at this page."""
        if answer is None:
            await self._ended(lane, waiting, "superseded")
            return 0.0
        if answer.outcome != "again":
            ended: dict[str, Result] = {"taken": "confirmed", "refused": "refused", "gone": "gone"}
            await self._ended(lane, waiting, ended[answer.outcome])
            return 0.0
        now = self._loop.time()
        if answer.retry_after_seconds is not None:
            self._asked_until = now + min(answer.retry_after_seconds, self.patience.asked_longest)
            self._asked_until_loud = now + min(answer.retry_after_seconds, self.patience.asked_longest_loud)
        loud = any(each.page.brief.urgency >= LOUD for each in lane.pages)
        return self.patience.pause(waiting.attempts, loud=loud, dice=self.dice)

    async def _ask(self, page: Page) -> PagerAnswer:
        """A defect of ours must not stop the others: the second destination is told, with a technical alarm."""
        await self._free.wait()
        self.fence.check()
        self._sending += 1
        self._idle.clear()
        try:
            return await self.pager.send(page)
        except Exception as defect:
            where = defect.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            return PagerAnswer("refused", f"defect {type(defect).__name__} line {where.tb_lineno if where else 0}")
        finally:
            self._sending -= 1
            if not self._sending:
                self._idle.set()

    async def _ended(self, lane: Lane, waiting: QueuedPage, result: Result) -> None:
        """The outcome is written down before the patient's next page goes out."""
        key = waiting.page.key
        if waiting.page.act == "open" and result == "confirmed":
            self._taken.add(key)
        try:
            await self.report(waiting.page, result)
        finally:
            self._taken.discard(key)
        if lane.pages and lane.pages[0] is waiting:
            lane.pages.popleft()

    def _log(self, page: Page, answer: PagerAnswer, attempt: int) -> None:
        level = logging.INFO if answer.outcome == "taken" else logging.WARNING
        words = "page destination=%s act=%s cause=%s kind=%s priority=%s incident=%s outcome=%s why=%s attempt=%d"
        told = page.brief
        detail = (self.name, page.act, page.cause, told.kind, told.priority, page.key)
        log.log(level, words, *detail, answer.outcome, answer.why or "-", attempt)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            fail_stop("delivery", repr(task.exception()))
