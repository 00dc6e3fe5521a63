"""The queue of one destination: pages of one patient stay in order, patients do not wait for each other, high first."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from random import Random

from agents.dispatch import metrics
from agents.dispatch.backoff import Backoff
from agents.dispatch.commands import Result
from agents.dispatch.page import HIGH_URGENCY, Page
from agents.dispatch.pager_calls import PagerCalls
from agents.dispatch.pagers.protocol import Pager, PagerAnswer
from agents.dispatch.patient_queue import PatientQueue, QueuedPage
from agents.platform.fail_stop import Fence, fail_stop

log = logging.getLogger("crs.dispatch")
Report = Callable[[Page, Result], Awaitable[None]]


class DestinationQueue:
    """All pages to one destination that are not delivered yet. `report` gets the final result of each page."""

    def __init__(
        self,
        name: str,
        pager: Pager,
        report: Report,
        max_concurrent: int,
        backoff: Backoff,
        random: Random,
        fence: Fence,
    ) -> None:
        self.name = name
        self.calls = PagerCalls(pager, fence)
        self.report = report
        self.backoff = backoff
        self.random = random
        self.patients: dict[str, PatientQueue] = {}  # by reference
        self._ready: list[tuple[int, int, str]] = []  # heap of (-urgency, ticket, reference)
        self._tickets = count()
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(max_concurrent)
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted: set[str] = set()  # keys that were accepted and whose rows are being written
        self._not_before = 0.0  # the destination asked for a pause; loop time
        self._not_before_high = 0.0
        self._loop = asyncio.get_running_loop()
        metrics.UP.labels(name).set(1)

    def put(self, page: Page, written: asyncio.Future[None]) -> None:
        """Adds a page for its patient. A high one moves the patient forward and shortens a pause."""
        patient = self.patients.setdefault(page.alert.reference, PatientQueue())
        before = patient.urgency if patient.pages else -1
        patient.pages.append(QueuedPage(page, written, self._loop.time()))
        if patient.sending:
            return
        if patient.timer is None:
            if patient.ticket is None or patient.urgency > before:
                self._make_ready(page.alert.reference, patient)
        elif before < HIGH_URGENCY <= patient.urgency:
            patient.timer.cancel()
            left = patient.timer.when() - self._loop.time()
            self._retry_after(page.alert.reference, patient, min(self.backoff.first, left))

    def drop(self, keys: frozenset[str]) -> None:
        """Removes pages about these incidents; an attempt that is being sent is not stopped."""
        for patient in self.patients.values():
            patient.drop(keys)

    async def run(self) -> None:
        """Sends pages until cancelled."""
        try:
            while True:
                await self._slots.acquire()
                reference = await self._next()
                task = asyncio.create_task(self._attempt(reference))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
        finally:
            for task in self._tasks:
                task.cancel()

    def pause(self) -> None:
        """No new attempt begins from now on."""
        self.calls.pause()

    async def idle(self) -> None:
        """Waits until nothing is being sent."""
        await self.calls.idle()

    async def refresh(self, pages: Callable[[set[str]], Sequence[Page]], *, alive: bool) -> PagerAnswer:
        """Sends the whole open set while no page is being sent.

        `pages` gives the open set; its argument are the keys that were accepted and are not written as such yet.
        """
        answer = await self.calls.refresh(lambda: pages(self._accepted), alive=alive)
        metrics.UP.labels(self.name).set(answer.outcome == "accepted")
        return answer

    @property
    def pending(self) -> int:
        """How many pages are not delivered yet."""
        return sum(len(patient.pages) for patient in self.patients.values())

    @property
    def oldest_seconds(self) -> float:
        """The age of the oldest of them."""
        queued = [patient.pages[0].queued_at for patient in self.patients.values() if patient.pages]
        return self._loop.time() - min(queued) if queued else 0.0

    # Which patient is next.

    def _make_ready(self, reference: str, patient: PatientQueue) -> None:
        """Ready once the first page's row is written: brokers that are away must not block other patients."""
        patient.timer = None
        written = patient.pages[0].written
        if not written.done():
            written.add_done_callback(lambda _: self._row_written(reference, patient))
            return
        patient.ticket = next(self._tickets)
        heapq.heappush(self._ready, (-patient.urgency, patient.ticket, reference))
        self._changed.set()

    def _row_written(self, reference: str, patient: PatientQueue) -> None:
        if not patient.sending and patient.ticket is None and patient.timer is None:
            self._make_ready_or_remove(reference, patient)

    def _retry_after(self, reference: str, patient: PatientQueue, seconds: float) -> None:
        patient.timer = self._loop.call_later(max(0.0, seconds), self._make_ready_or_remove, reference, patient)

    def _make_ready_or_remove(self, reference: str, patient: PatientQueue) -> None:
        if patient.pages:
            self._make_ready(reference, patient)
        else:
            self.patients.pop(reference, None)

    async def _next(self) -> str:
        """The most urgent patient that is ready, once the destination may be asked again."""
        while True:
            self._changed.clear()
            wait = None
            while self._ready and not self._valid(self._ready[0]):
                heapq.heappop(self._ready)
            if self._ready:
                high = -self._ready[0][0] >= HIGH_URGENCY
                wait = (self._not_before_high if high else self._not_before) - self._loop.time()
                if wait <= 0:
                    reference = heapq.heappop(self._ready)[2]
                    self.patients[reference].ticket = None
                    self.patients[reference].sending = True
                    return reference
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _valid(self, ready: tuple[int, int, str]) -> bool:
        """Whether a heap entry is current: the patient may have a new one, or no page any more."""
        patient = self.patients.get(ready[2])
        return patient is not None and patient.ticket == ready[1]

    # One attempt.

    async def _attempt(self, reference: str) -> None:
        patient = self.patients[reference]
        seconds = 0.0
        if patient.pages:
            queued = patient.pages[0]
            try:
                answer = await self._send(patient, queued)
            finally:
                self._slots.release()
            seconds = await self._handle_answer(patient, queued, answer)
        else:
            self._slots.release()
        patient.sending = False
        if seconds > 0 and patient.pages:
            self._retry_after(reference, patient, seconds)
        else:
            self._make_ready_or_remove(reference, patient)

    async def _send(self, patient: PatientQueue, queued: QueuedPage) -> PagerAnswer | None:
        """One attempt at the first page of a patient; None: a later page made it unnecessary."""
        page = queued.page
        if patient.unnecessary(page):
            return None
        queued.attempts += 1
        answer = await self.calls.send(page)
        metrics.PAGES.labels(self.name, page.act, metrics.OUTCOME_LABELS[answer.outcome]).inc()
        metrics.UP.labels(self.name).set(answer.outcome == "accepted")
        self._log(page, answer, queued.attempts)
        return answer

    async def _handle_answer(self, patient: PatientQueue, queued: QueuedPage, answer: PagerAnswer | None) -> float:
        """Reports a final answer. Returns the seconds until the next attempt; 0: there is none at this page."""
        if answer is None:
            await self._report(patient, queued, "superseded")
            return 0.0
        if answer.outcome != "retry":
            await self._report(patient, queued, answer.outcome)
            return 0.0
        now = self._loop.time()
        if answer.retry_after_seconds is not None:
            self._not_before = now + min(answer.retry_after_seconds, self.backoff.requested_longest)
            self._not_before_high = now + min(answer.retry_after_seconds, self.backoff.requested_longest_high)
        return self.backoff.seconds(queued.attempts, high=patient.high, random=self.random)

    async def _report(self, patient: PatientQueue, queued: QueuedPage, result: Result) -> None:
        """The result is written before the patient's next page is sent."""
        key = queued.page.key
        if queued.page.act == "open" and result == "accepted":
            self._accepted.add(key)
        try:
            await self.report(queued.page, result)
        finally:
            self._accepted.discard(key)
        if patient.pages and patient.pages[0] is queued:
            patient.pages.popleft()

    def _log(self, page: Page, answer: PagerAnswer, attempt: int) -> None:
        level = logging.INFO if answer.outcome == "accepted" else logging.WARNING
        line = "page destination=%s act=%s cause=%s kind=%s priority=%s incident=%s outcome=%s why=%s attempt=%d"
        detail = (self.name, page.act, page.cause, page.alert.kind, page.alert.priority, page.key)
        log.log(level, line, *detail, metrics.OUTCOME_LABELS[answer.outcome], answer.why or "-", attempt)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            fail_stop("delivery", error)
