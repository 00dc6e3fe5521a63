"""The first day of an operator on real containers: all is ready and works, and survives kills and a restart."""

from __future__ import annotations

import pytest

from tests.containers import checks
from tests.containers.checks import Kept, until
from tests.containers.compose_system import ComposeSystem

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]


def test_every_part_becomes_healthy(system: ComposeSystem) -> None:
    checks.every_part_is_healthy(system)
    checks.every_partition_is_owned(system)


def test_prometheus_reaches_all_targets_and_evaluates_all_rules(system: ComposeSystem) -> None:
    checks.all_targets_are_up(system)
    checks.all_rules_are_loaded(system)


def test_the_board_is_live_through_its_proxy_in_a_browser(system: ComposeSystem) -> None:
    checks.the_board_is_live(system)


def test_verify_finds_no_difference(system: ComposeSystem) -> None:
    checks.verify_finds_no_difference(system)


@pytest.mark.parametrize("service", ["worker-1", "kafka-1", "history-db"])
def test_a_killed_container_comes_back_and_nothing_is_lost(system: ComposeSystem, service: str) -> None:
    before = system.restarts(service)
    system.kill(service)

    def started_again() -> None:
        assert system.restarts(service) > before, f"{service} was not started again"

    until(started_again, 60)
    checks.every_part_is_healthy(system, 120)
    checks.every_partition_is_owned(system)
    checks.all_targets_are_up(system)
    checks.verify_finds_no_difference(system)


# In the simulated ward the first patients fall ill in the second minute: what needs them comes after the kills.


def test_grades_move(system: ComposeSystem) -> None:
    checks.grades_move(system)


def test_the_history_fills_and_its_reader_changes_nothing(system: ComposeSystem) -> None:
    checks.the_reader_reads_the_history(system)


def test_alertmanager_has_the_pages_of_patients_and_both_signs_of_life(system: ComposeSystem) -> None:
    checks.alertmanager_has_the_pages(system)


def test_down_and_up_keep_everything(system: ComposeSystem) -> None:
    before = Kept.now(system)
    system.down()
    system.up()
    checks.every_part_is_healthy(system)
    checks.every_partition_is_owned(system)
    checks.nothing_is_lost(before, system)
