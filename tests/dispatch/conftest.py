"""Fixtures that the tests of dispatch share: two HTTP receivers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dispatch.receiver import Receiver, receiver


@pytest.fixture
def pager() -> Iterator[Receiver]:
    """A receiver that accepts everything until its mode is changed."""
    with receiver() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Receiver]:
    """A second one."""
    with receiver() as running:
        yield running
