"""Tests that take turns: with TEST_TURN in the environment a part of those marked `by_turns` runs, else all.

`by_turns` alone: one third in each turn; `by_turns(4)`: one fourth. The number is another one for each commit and each
day (Makefile).
"""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

from tests.selection import leave_out

TURNS = 3


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests whose turn it is not."""
    turn = os.environ.get("TEST_TURN")
    if turn is None:
        return
    by_count = defaultdict(list)
    for item in items:
        if marker := item.get_closest_marker("by_turns"):
            by_count[marker.args[0] if marker.args else TURNS].append(item)
    left_out = [
        item for turns, taking in by_count.items() for number, item in enumerate(taking) if (number - int(turn)) % turns
    ]
    leave_out(config, items, left_out)
