"""The flood guard of one destination, alone: both sides of its limit, its window and its gathering time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.dispatch.flood_guard import FloodGuard
from tests.dispatch.page_examples import AT

WINDOW, GATHER = timedelta(minutes=10), timedelta(seconds=10)


def full() -> FloodGuard:
    guard = FloodGuard(2, WINDOW, GATHER)
    assert guard.admits(AT, high=False)
    assert guard.admits(AT, high=False)
    return guard


@pytest.mark.parametrize(("seconds", "admitted"), [(599, False), (600, True)])
def test_both_sides_of_the_window(seconds: int, admitted: bool) -> None:
    assert full().admits(AT + timedelta(seconds=seconds), high=False) is admitted


def test_high_priority_is_always_admitted_and_counted() -> None:
    guard = FloodGuard(2, WINDOW, GATHER)
    assert all(guard.admits(AT, high=True) for _ in range(5))
    assert not guard.admits(AT, high=False)


def test_a_limit_of_0_switches_the_guard_off() -> None:
    guard = FloodGuard(0, WINDOW, GATHER)
    assert all(guard.admits(AT, high=False) for _ in range(100))


def test_pages_from_before_a_restart_count() -> None:
    guard = FloodGuard(2, WINDOW, GATHER)
    for _ in range(3):
        guard.count_earlier(AT)
    assert not guard.admits(AT, high=False)
    assert len(guard.recent) == 2


@pytest.mark.parametrize(("seconds", "members"), [(9, ()), (10, ("a1", "b1"))])
def test_a_summary_gathers_for_a_while(seconds: int, members: tuple[str, ...]) -> None:
    guard = full()
    guard.hold("a1", AT)
    guard.hold("b1", AT + timedelta(seconds=5))
    assert guard.summary(AT + timedelta(seconds=seconds)) == members


def test_there_is_one_summary_per_window() -> None:
    guard = full()
    guard.hold("a1", AT)
    assert guard.summary(AT + GATHER) == ("a1",)
    guard.hold("b1", AT + GATHER)
    assert guard.summary(AT + WINDOW) == ()
    assert guard.summary(AT + GATHER + WINDOW) == ("b1",)


def test_an_alert_that_was_released_is_in_no_summary() -> None:
    guard = full()
    guard.hold("a1", AT)
    guard.release("a1")
    assert guard.summary(AT + WINDOW) == ()
