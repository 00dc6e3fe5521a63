"""The way to one destination: order of a patient, loud first, patience, and an end that nothing overtakes."""

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
    """Answers as a script says; takes everything when the script is over."""

    refresh_seconds: float | None = None

    def __init__(self, *script: PagerAnswer, seconds: float = 0.0) -> None:
        self.script = list(script)
        self.seconds = seconds
        self.asked: list[str] = []
        self.under_way = 0
        self.most_under_way = 0
        self.times: list[float] = []

    async def send(self, page: Page) -> PagerAnswer:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        self.asked.append(f"{page.alert.reference} {page.act} {page.key}")
        return self.script.pop(0) if self.script else ACCEPTED

    async def refresh(self, pages: Sequence[Page], *, alive: bool) -> PagerAnswer:
        assert self.under_way == 0, "an end could be overtaken"
        self.asked.append(f"refresh {' '.join(page.key for page in pages)}")
        return ACCEPTED

    async def close(self) -> None:
        pass


class Bench:
    """Lanes with a note of what was reported."""

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


async def turn(bench: Bench, ended: int) -> None:
    """Runs the lanes until so many pages have ended."""
    task = asyncio.create_task(bench.queue.run())
    while len(bench.reported) < ended:
        await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_a_patients_pages_never_overtake_even_when_one_is_tried_again() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"), PagerAnswer("retry"))
        bench = Bench(pager)
        bench.put(page(), page("close", "over"))
        await turn(bench, 2)
        assert pager.asked == ["5f1c open a1"] * 3 + ["5f1c close a1"]

    run(play)


def test_the_next_page_of_a_patient_waits_until_the_last_is_written_down() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.report_seconds = 0.1
        bench.put(page(), page("close", "over"))
        await turn(bench, 2)
        assert pager.times[1] - pager.times[0] >= 0.1

    run(play)


def test_nothing_goes_out_before_its_case_is_written_down() -> None:
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


def test_patients_whose_rows_are_not_written_hold_up_nobody() -> None:
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
        bench.report_seconds = 3600  # brokers are away: outcomes cannot be written either
        while len(pager.asked) < 4:
            await asyncio.sleep(0.005)
        task.cancel()

    run(play)


def test_one_patient_who_waits_delays_no_other() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"))
        bench = Bench(pager, backoff=Backoff(first=0.3, longest=0.3, longest_high=0.3))
        bench.put(page(), page(key="b1", reference="b"), page(key="c1", reference="c"))
        await turn(bench, 3)
        assert [key for key, _ in bench.reported] == ["b1", "c1", "a1"]

    run(play)


def test_loud_goes_first_also_from_behind_a_quiet_page_of_its_patient() -> None:
    async def play() -> None:
        pager = Scripted(seconds=0.01)
        bench = Bench(pager, max_concurrent=1)
        for n in range(5):
            bench.put(page(key=f"q{n}", reference=f"q{n}", priority="low"))
        bench.put(page(key="l0", reference="loud", priority="low"), page(key="l1", reference="loud"))
        bench.put(page(key="m1", reference="m", priority="medium"))
        await turn(bench, 8)
        asked = [words.split()[2] for words in pager.asked]
        # While the outcome of l0 is written down, the slot is somebody else's.
        assert (asked[0], asked[1], asked[2]) == ("l0", "m1", "l1")
        assert asked[3:] == ["q0", "q1", "q2", "q3", "q4"]

    run(play)


def test_a_loud_page_shortens_the_pause_of_the_quiet_one_before_it() -> None:
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


def test_many_max_concurrent_but_never_more_than_allowed() -> None:
    async def play() -> None:
        pager = Scripted(seconds=0.02)
        bench = Bench(pager, max_concurrent=4)
        bench.put(*(page(key=f"k{n}", reference=f"r{n}") for n in range(20)))
        await turn(bench, 20)
        assert pager.most_under_way == 4

    run(play)


@pytest.mark.parametrize(("priority", "least", "most"), [("high", 0.2, 0.6), ("low", 0.9, 1.6)])
def test_retry_after_is_honoured_within_a_cap_that_is_short_for_loud(priority: str, least: float, most: float) -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry", "HTTP 429", 3600.0))
        bench = Bench(pager)
        bench.put(page(priority=priority))
        await turn(bench, 1)
        assert least <= pager.times[1] - pager.times[0] <= most

    run(play)


@pytest.mark.parametrize(
    ("answer", "result"), [("rejected", "rejected"), ("removed", "removed"), ("accepted", "accepted")]
)
def test_what_is_final_is_reported_once(answer: str, result: str) -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer(answer))  # type: ignore[arg-type]
        bench = Bench(pager)
        bench.put(page())
        await turn(bench, 1)
        assert bench.reported == [("a1", result)]
        assert len(pager.asked) == 1

    run(play)


def test_an_update_that_a_later_word_made_needless_is_not_sent() -> None:
    async def play() -> None:
        pager = Scripted(PagerAnswer("retry"))
        bench = Bench(pager)
        bench.put(page(), page("update", "updated", version=2), page("update", "updated", version=3))
        bench.put(page("close", "over", version=4))
        await turn(bench, 4)
        assert pager.asked == ["5f1c open a1", "5f1c open a1", "5f1c close a1"]
        assert [result for _, result in bench.reported] == ["accepted", "superseded", "superseded", "accepted"]

    run(play)


def test_what_was_dropped_is_not_sent() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.put(page(), page(key="b1"), page("close", "over", key="b1"), page("close", "over"))
        bench.queue.drop(frozenset({"b1"}))
        await turn(bench, 2)
        assert pager.asked == ["5f1c open a1", "5f1c close a1"]
        assert bench.queue.pending == 0

    run(play)


def test_the_open_set_is_never_posted_beside_a_page_that_is_under_way() -> None:
    async def play() -> None:
        pager = Scripted(seconds=0.03)
        bench = Bench(pager)
        task = asyncio.create_task(bench.queue.run())
        bench.put(*(page(key=f"k{n}", reference=f"r{n}") for n in range(12)))
        await asyncio.sleep(0.01)
        await bench.queue.refresh(lambda taken: [page()], alive=True)
        while len(bench.reported) < 12:
            await asyncio.sleep(0.005)
        task.cancel()
        assert "refresh a1" in pager.asked

    run(play)


def test_the_open_set_goes_out_while_brokers_do_not_take_our_rows_with_what_was_just_taken() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        bench.report_seconds = 3600
        task = asyncio.create_task(bench.queue.run())
        bench.put(page())
        while not pager.asked:
            await asyncio.sleep(0.005)
        await bench.queue.refresh(lambda taken: [page(key=key) for key in taken], alive=True)
        assert pager.asked == ["5f1c open a1", "refresh a1"]
        task.cancel()

    run(play)


def test_nothing_is_sent_from_the_moment_of_leaving() -> None:
    async def play() -> None:
        pager = Scripted()
        bench = Bench(pager)
        task = asyncio.create_task(bench.queue.run())
        bench.queue.pause()
        await bench.queue.refresh(lambda taken: [], alive=True)  # does not lift it
        bench.put(page())
        await asyncio.sleep(0.05)
        assert pager.asked == ["refresh "]
        task.cancel()

    run(play)


def test_a_defect_of_a_pager_is_a_refusal_and_stops_nobody() -> None:
    class Broken(Scripted):
        async def send(self, page: Page) -> PagerAnswer:
            if page.key == "a1":
                raise KeyError("a secret")
            return await super().send(page)

    async def play() -> None:
        bench = Bench(Broken())
        bench.put(page(), page(key="b1", reference="b"))
        await turn(bench, 2)
        assert dict(bench.reported) == {"a1": "rejected", "b1": "accepted"}

    run(play)


def test_pauses_double_with_jitter_up_to_a_cap() -> None:
    backoff, random = Backoff(), Random(7)
    loud = [backoff.seconds(n, high=True, random=random) for n in range(1, 40)]
    quiet = [backoff.seconds(n, high=False, random=random) for n in range(1, 40)]
    assert all(0.25 * 2 ** min(n, 4) <= pause <= 0.5 * 2**n for n, pause in enumerate(loud[:5]))
    assert max(loud) <= 10
    assert max(quiet) <= 60
    assert min(quiet[10:]) >= 30
    assert len(set(quiet[10:])) > 20
