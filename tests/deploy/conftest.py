"""One run of the whole system for all tests of a file; it keeps a core busy, so it ends with the file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.system import System, running
from tests.history.server import postgresql


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with pytest.MonkeyPatch.context() as environment, postgresql() as server:
        environment.setenv("CRS_REFERENCE_SECRET", "only-for-this-test-run")
        with running(tmp_path_factory.mktemp("system"), server.new_database("history")) as system:
            yield system
