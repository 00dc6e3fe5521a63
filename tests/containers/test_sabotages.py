"""Each fault of the compose system that somebody could commit is noticed by one of the checks."""

from __future__ import annotations

import pytest

from tests.containers.compose_system import ComposeSystem
from tests.containers.sabotages import SABOTAGES


@pytest.mark.containers
@pytest.mark.timeout(300)
@pytest.mark.by_turns(4)
@pytest.mark.parametrize("name", SABOTAGES)
def test_the_check_notices_it(system: ComposeSystem, name: str) -> None:
    sabotage = SABOTAGES[name]
    with sabotage.happening(system), pytest.raises(AssertionError, match=sabotage.because):
        sabotage.noticed_by(system, sabotage.seconds)
    sabotage.noticed_by(system, 2 * sabotage.seconds)  # and without the fault it holds
