"""The store into which Faust recovers rows: a foreign record of the changelog is ignored, counted and logged."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.types import TP
from prometheus_client import REGISTRY

from agents.engine.changelog import Marker, Record, records_of
from agents.stream.faust_store import RowStore
from monitor.model import fresh
from monitor.record import row

ROW = row.Row(row.VERSION, 7, row.EMPTY_DIGEST, fresh("p1"))


def recovered(*records: Record, partition: int = 0) -> RowStore:
    app = faust.App("rows", broker="crs://127.0.0.1:1", store="memory://")
    store = RowStore("rows://", app, app.Table("rows"))
    messages = [
        SimpleNamespace(message=SimpleNamespace(partition=partition, offset=offset, **record._asdict()))
        for offset, record in enumerate(records)
    ]
    batch: Any = messages
    store.apply_changelog_batch(batch, bytes, bytes)
    return store


def foreign_so_far() -> float:
    return REGISTRY.get_sample_value("crs_changelog_foreign_total") or 0.0


def test_a_foreign_record_does_not_stop_the_recovery(caplog: pytest.LogCaptureFixture) -> None:
    before = foreign_so_far()
    ours = list(records_of({"p1": ROW}, Marker(8, 1)))
    with caplog.at_level(logging.WARNING, "crs.rows"):
        store = recovered(Record(b"Marple", b"72", [("epoch", b"tomorrow")]), *ours)
    assert store.rows(0).decoded() == {"p1": ROW}
    assert store.rows(0).marker == Marker(8, 1)
    assert foreign_so_far() == before + 1
    assert caplog.messages == ["changelog 0/0: not a record of ours, ignored"]


def test_recovery_goes_on_after_a_foreign_record_at_the_end() -> None:
    store = recovered(*records_of({"p1": ROW}, Marker(8, 1)), Record(None, None))
    assert store.persisted_offset(TP("changelog", 0)) == 2


def test_rows_of_a_partition_that_moved_away_are_dropped() -> None:
    store = recovered(*records_of({"p1": ROW}, Marker(8, 1)), partition=3)
    asyncio.run(store.on_recovery_completed({TP("changelog", 1)}, set()))
    assert store.rows(3).rows == {}
