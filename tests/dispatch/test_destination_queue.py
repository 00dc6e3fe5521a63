"""The queue of one destination: order of a patient, high priority first, backoff; nothing overtakes a close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random

import pytest

from agents.dispatch.backoff import Backoff
from agents.dispatch.commands import Result
from agents.dispatch.destination_queue import DestinationQueue
from agents.dispatch.page import Page
from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer
from agents.platform.fail_stop import Fence
from tests.dispatch.page_examples import page

QUICK = Backoff(first=0.02, longest_high=0.05, longest=0.05, requested_longest_high=0.2, requested_longest=1.0)


class Scripted:
    """A pager with scripted answers; accepts everything after the script."""

    refresh_seconds: float | None = None

    def __init__(self, *script: PagerAnswer, seconds: float = 0.0) -> None:
        self.script = list(script)
        self.seconds = seconds
        self.asked: list[str] = []
        self.being_sent = 0
        self.most_being_sent = 0
        self.times: list[float] = []

    async def send(self, page: Page) -> PagerAnswer:
        self.being_sent += 1
        self.most_being_sent = max(self.most_being_sent, self.being_sent)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        self.being_sent -= 1
        self.asked.append(f"{page.alert.reference} {page.act} {page.key}")
        return self.script.pop(0) if self.script else ACCEPTED

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        assert self.being_sent == 0, "an end could be overtaken"
        self.asked.append(f"refresh {' '.join(page.key for page in pages)}")
        return ACCEPTED

    async def close(self) -> None:
        pass


class Bench:
    """A queue that keeps the reported results."""

    def __init__(self, pager: Scripted, max_concurrent: int = 4, backoff: Backoff = QUICK) -> None:
        self.reported: list[tuple[str, Result]] = []
        self.queue = DestinationQueue("pager", pager, self.report, max_concurrent, backoff, Random(1), Fence(60))
        self.written = asyncio.get_running_loop().create_future()
        self.written.set_result(None)
        self.report_seconds = 0.0

    async def report(self, page: Page, result: Result) -> None:
        await asyncio.sleep(self.report_seconds)
        self.reported.append((page.key, result))

    def put(self, *pages: Page) -> None:
        for one in pages:
            self.queue.put(one, self.written)


def run(play: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_played(play), 10))


async def _played(play: Callable[[], Awaitable[None]]) -> None:
    await play()


async def run_until(bench: Bench, ended: int) -> None:
    """Runs the queue until so many pages have a final result."""
    task = asyncio.create_task(bench.queue.run())
    while len(bench.reported) < ended:
        await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_a_patients_pages_never_overtake_also_when_one_is_retried() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"), PagerAnswer("retry"))
        bench = Bench(pager)
        bench.put(page(), page("close", "over"))
        await run_until(bench, 2)
        assert pager.asked == ["5f1c open a1"] * 3 + ["5f1c close a1"]

    run(play)


def test_the_next_page_of_a_patient_waits_until_the_result_of_the_last_is_written() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.report_seconds = 0.1
        bench.put(page(), page("close", "over"))
        await run_until(bench, 2)
        assert pager.times[1] - pager.times[0] >= 0.1

    run(play)


def test_no_page_is_sent_before_its_case_is_written() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.written = asyncio.get_running_loop().create_future()
        bench.put(page())
        task = asyncio.create_task(bench.queue.run())
        await asyncio.sleep(0.05)
        assert pager.asked == []
        bench.written.set_result(None)
        await asyncio.sleep(0.05)
        assert pager.asked == ["5f1c open a1"]
        task.cancel()

    run(play)


def test_patients_whose_rows_are_not_written_delay_no_other() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager, max_concurrent=1)
        written, bench.written = bench.written, asyncio.get_running_loop().create_future()
        bench.put(*(page(key=f"w{n}", reference=f"w{n}") for n in range(3)))
        waiting, bench.written = bench.written, written
        bench.put(page())
        task = asyncio.create_task(bench.queue.run())
        while len(bench.reported) < 1:
            await asyncio.sleep(0.005)
        assert pager.asked == ["5f1c open a1"]
        waiting.set_result(None)
        bench.report_seconds = 3600  # brokers are away: results cannot be written either
        while len(pager.asked) < 4:
            await asyncio.sleep(0.005)
        task.cancel()

    run(play)


def test_one_patient_who_waits_delays_no_other() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"))
        bench = Bench(pager, backoff=Backoff(first=0.3, longest=0.3, longest_high=0.3))
        bench.put(page(), page(key="b1", reference="b"), page(key="c1", reference="c"))
        await run_until(bench, 3)
        assert [key for key, _ in bench.reported] == ["b1", "c1", "a1"]

    run(play)


def test_high_priority_is_first_also_behind_a_low_page_of_its_patient() -> None:
    async def play() -> None:
        pager = Scripted(seconds=0.01)
        bench = Bench(pager, max_concurrent=1)
        for n in range(5):
            bench.put(page(key=f"q{n}", reference=f"q{n}", priority="low"))
        bench.put(page(key="h0", reference="h", priority="low"), page(key="h1", reference="h"))
        bench.put(page(key="m1", reference="m", priority="medium"))
        await run_until(bench, 8)
        asked = [sent.split()[2] for sent in pager.asked]
        # While the result of h0 is being written, another patient has the slot.
        assert (asked[0], asked[1], asked[2]) == ("h0", "m1", "h1")
        assert asked[3:] == ["q0", "q1", "q2", "q3", "q4"]

    run(play)


def test_a_high_page_shortens_the_pause_of_the_low_one_before_it() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"))
        bench = Bench(pager, backoff=Backoff(first=0.02, longest=60))
        bench.put(page(priority="low"))
        bench.queue.patients["5f1c"].pages[0].attempts = 11  # the next pause is half a minute or more
        task = asyncio.create_task(bench.queue.run())
        await asyncio.sleep(0.05)
        bench.put(page("open", "worsened", key="a1:2", version=2))
        while len(bench.reported) < 2:
            await asyncio.sleep(0.005)
        task.cancel()
        assert pager.times[2] - pager.times[0] < 1

    run(play)


def test_many_pages_are_sent_at_once_but_never_more_than_allowed() -> None:
    async def play() -> None:
        pager = Scripted(seconds=0.02)
        bench = Bench(pager, max_concurrent=4)
        bench.put(*(page(key=f"k{n}", reference=f"r{n}") for n in range(20)))
        await run_until(bench, 20)
        assert pager.most_being_sent == 4

    run(play)


@pytest.mark.parametrize(("priority", "least", "most"), [("high", 0.2, 0.6), ("low", 0.9, 1.6)])
def test_retry_after_is_honoured_within_a_cap_that_is_short_for_high_priority(
    priority: str, least: float, most: float
) -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry", "HTTP 429", 3600.0))
        bench = Bench(pager)
        bench.put(page(priority=priority))
        await run_until(bench, 1)
        assert least <= pager.times[1] - pager.times[0] <= most

    run(play)


@pytest.mark.parametrize(
    ("answer", "result"), [("rejected", "rejected"), ("removed", "removed"), ("accepted", "accepted")]
)
def test_a_final_answer_is_reported_once(answer: str, result: str) -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer(answer))  # type: ignore[arg-type]
        bench = Bench(pager)
        bench.put(page())
        await run_until(bench, 1)
        assert bench.reported == [("a1", result)]
        assert len(pager.asked) == 1

    run(play)


def test_an_update_that_a_later_page_replaces_is_not_sent() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"))
        bench = Bench(pager)
        bench.put(page(), page("update", "updated", version=2), page("update", "updated", version=3))
        bench.put(page("close", "over", version=4))
        await run_until(bench, 4)
        assert pager.asked == ["5f1c open a1", "5f1c open a1", "5f1c close a1"]
        assert [result for _, result in bench.reported] == ["accepted", "superseded", "superseded", "accepted"]

    run(play)


def test_a_dropped_page_is_not_sent() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.put(page(), page(key="b1"), page("close", "over", key="b1"), page("close", "over"))
        bench.queue.drop(frozenset({"b1"}))
        await run_until(bench, 2)
        assert pager.asked == ["5f1c open a1", "5f1c close a1"]
        assert bench.queue.pending == 0

    run(play)


def test_the_open_set_is_never_sent_while_a_page_is_being_sent() -> None:
    async def play() -> None:
        pager = Scripted(seconds=0.03)
        bench = Bench(pager)
        task = asyncio.create_task(bench.queue.run())
        bench.put(*(page(key=f"k{n}", reference=f"r{n}") for n in range(12)))
        await asyncio.sleep(0.01)
        await bench.queue.refresh(lambda accepted: [page()], alive=True)
        while len(bench.reported) < 12:
            await asyncio.sleep(0.005)
        task.cancel()
        assert "refresh a1" in pager.asked

    run(play)


def test_the_open_set_is_sent_while_brokers_are_away_with_what_was_just_accepted() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.report_seconds = 3600
        task = asyncio.create_task(bench.queue.run())
        bench.put(page())
        while not pager.asked:
            await asyncio.sleep(0.005)
        await bench.queue.refresh(lambda accepted: [page(key=key) for key in accepted], alive=True)
        assert pager.asked == ["5f1c open a1", "refresh a1"]
        task.cancel()

    run(play)


def test_after_a_pause_no_page_is_sent() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        task = asyncio.create_task(bench.queue.run())
        bench.queue.pause()
        await bench.queue.refresh(lambda accepted: [], alive=True)  # does not end the pause
        bench.put(page())
        await asyncio.sleep(0.05)
        assert pager.asked == ["refresh "]
        task.cancel()

    run(play)


def test_a_defect_in_a_pager_rejects_the_page_and_affects_no_other() -> None:
    class Broken(Scripted):
        async def send(self, page: Page) -> PagerAnswer:
            if page.key == "a1":
                raise KeyError("a secret")
            return await super().send(page)

    async def play() -> None:
        bench = Bench(Broken())
        bench.put(page(), page(key="b1", reference="b"))
        await run_until(bench, 2)
        assert dict(bench.reported) == {"a1": "rejected", "b1": "accepted"}

    run(play)


def test_pauses_double_with_jitter_up_to_a_cap() -> None:
    backoff, random = Backoff(), Random(7)
    high = [backoff.seconds(n, high=True, random=random) for n in range(1, 40)]
    other = [backoff.seconds(n, high=False, random=random) for n in range(1, 40)]
    assert all(0.25 * 2 ** min(n, 4) <= pause <= 0.5 * 2**n for n, pause in enumerate(high[:5]))
    assert max(high) <= 10
    assert max(other) <= 60
    assert min(other[10:]) >= 30
    assert len(set(other[10:])) > 20
