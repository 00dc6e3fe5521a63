"""Starts a coroutine without a task: if it never has to wait, which is usual, it costs neither task nor event loop.

`start` runs it up to its first wait, `resume` goes on from there inside a task. This rests on how CPython 3.11 to 3.14
mark a future that is awaited (`_asyncio_future_blocking`); tests/worker/test_eager_start.py fails if that changes.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any


def start(coroutine: Any) -> tuple[bool, Any]:
    """Runs a coroutine up to its first wait. Gives whether it has ended, and otherwise what it waits for."""
    try:
        return False, coroutine.send(None)
    except StopIteration:
        return True, None


async def resume(coroutine: Any, waiting: Any) -> Any:
    """Goes on with a started coroutine that waits for `waiting`, up to its result."""
    return await _resumed(coroutine, waiting)


@types.coroutine
def _resumed(coroutine: Any, waiting: Any) -> Generator[Any, Any, Any]:
    while True:
        if hasattr(waiting, "_asyncio_future_blocking"):
            waiting._asyncio_future_blocking = True
        try:
            answer = yield waiting
        except BaseException as error:
            try:
                waiting = coroutine.throw(error)
            except StopIteration as done:
                return done.value
        else:
            try:
                waiting = coroutine.send(answer)
            except StopIteration as done:
                return done.value
