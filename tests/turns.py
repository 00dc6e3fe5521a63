"""Tests that take turns: with TEST_TURN in the environment one third of those marked `by_turns` runs, else all.

The number goes up with every commit and every day (Makefile), so three runs see every one of them.
"""

from __future__ import annotations

import os

import pytest

TURNS = 3


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests whose turn it is not."""
    turn = os.environ.get("TEST_TURN")
    taking_turns = [item for item in items if item.get_closest_marker("by_turns")]
    if turn is None or not taking_turns:
        return
    due = taking_turns[int(turn) % TURNS :: TURNS]
    left_out = [item for item in taking_turns if item not in due]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
