"""Writes messages to a history, and reads what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Table, select

from agents.history.parse import read_alert, read_state
from agents.history.store import Store
from agents.history.tables import METADATA
from schemas.state import PatientState
from tests.history.topic_messages import Published


def write(store: Store, messages: Sequence[Published], batch: int = 50) -> None:
    for start in range(0, len(messages), batch):
        part = messages[start : start + batch]
        states = [read_state(m.value) for m in part if m.kind == "state"]
        alerts = [read_alert(m.value, m.headers) for m in part if m.kind == "alert"]
        store.write(
            [state for state in states if isinstance(state, PatientState)],
            [alert for alert in alerts if isinstance(alert, dict)],
        )


def all_rows(engine: Engine) -> dict[str, list[Any]]:
    """All rows of all tables, in the order of their keys; not the references, which are random."""
    with engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(*(column for column in table.c if column.name != "reference")).order_by(*table.primary_key)
                )
            ]
            for table in METADATA.sorted_tables
        }


def rows(engine: Engine, table: Table) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)))
