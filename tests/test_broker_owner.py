"""One broker for several test processes: started by the first that asks, once, and ended with the run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import AuthenticationError

import pytest

from agents.platform.errors import UserError
from tests.broker_owner import BrokerOwner, ask


class Starts:
    """Counts starts and ends."""

    def __init__(self) -> None:
        self.happened: list[str] = []

    @contextmanager
    def broker(self) -> Iterator[tuple[str, str]]:
        self.happened.append("started")
        yield "host:1", "the first"
        self.happened.append("ended")


def test_all_who_ask_get_one_broker_and_it_ends_with_the_owner() -> None:
    starts = Starts()
    owner = BrokerOwner(starts.broker)
    with ThreadPoolExecutor(4) as workers:
        given = list(workers.map(lambda _: ask(owner.port, owner.key), range(8)))
    assert given == [("host:1", "the first")] * 8
    assert starts.happened == ["started"]
    owner.close()
    assert starts.happened == ["started", "ended"]


def test_nothing_is_started_when_nobody_asks() -> None:
    starts = Starts()
    BrokerOwner(starts.broker).close()
    assert starts.happened == []


def test_a_broker_that_cannot_start_is_tried_once_and_all_get_the_reason() -> None:
    tried = []

    def without_java() -> Iterator[tuple[str, ...]]:
        tried.append("once")
        raise UserError("no Java found")
        yield

    owner = BrokerOwner(contextmanager(without_java))
    assert [ask(owner.port, owner.key) for _ in "ab"] == ["no Java found"] * 2
    assert tried == ["once"]
    owner.close()


def test_a_stranger_is_refused_and_the_owner_goes_on() -> None:
    starts = Starts()
    owner = BrokerOwner(starts.broker)
    with pytest.raises(AuthenticationError):
        ask(owner.port, b"another key")
    assert ask(owner.port, owner.key) == ("host:1", "the first")
    owner.close()
