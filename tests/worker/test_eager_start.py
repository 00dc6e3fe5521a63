"""A coroutine that never waits needs no task; one that waits goes on in the event loop as if it had been awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents.stream import eager_start


async def run(coroutine: Awaitable[str]) -> tuple[bool, str | None]:
    """Whether it ended at once, and its result."""
    ended, waiting = eager_start.start(coroutine)
    return ended, None if ended else await eager_start.resume(coroutine, waiting)


def test_a_coroutine_that_never_waits_has_ended_at_once() -> None:
    done = []

    async def append() -> str:
        done.append(1)
        return "unused"

    assert asyncio.run(run(append())) == (True, None)
    assert done == [1]


async def sleep_twice() -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    return "slept"


async def wait_for_a_future() -> str:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_result, "answer")
    return await future


async def outlive_an_error() -> str:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_exception, ValueError("no"))
    try:
        return await future
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize(
    ("coroutine", "result"), [(sleep_twice, "slept"), (wait_for_a_future, "answer"), (outlive_an_error, "no")]
)
def test_a_coroutine_that_waits_goes_on_to_its_result(coroutine: Callable[[], Awaitable[str]], result: str) -> None:
    assert asyncio.run(asyncio.wait_for(run(coroutine()), 10)) == (False, result)


def test_cancelling_reaches_the_coroutine() -> None:
    seen = []

    async def wait() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return "never"

    async def cancel() -> None:
        task = asyncio.ensure_future(run(wait()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert seen == ["cancelled"]
