"""Writes states, alerts and Kafka offsets to the database in one transaction, so that a repeat changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agents.history.rows import TableRow
from agents.history.state_diff import LastWritten, StateChange, WithdrawnReading, diff
from agents.history.tables import ALERTS, DOSES, EPISODES, METADATA, ORIGINS, PATIENTS, POSITIONS, STATE_CHANGES, VITALS
from agents.platform.errors import UserError
from schemas.state import PatientState

# Columns that keep their first value when a row is written again.
WRITTEN_ONCE = {"reference", "superseded_by"}
Key = tuple[Any, ...]
Positions = Mapping[tuple[str, int], int]
NO_POSITIONS: Positions = {}
INSERTS: dict[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@dataclass(slots=True)
class Pending:
    """The rows of one transaction: the last for each key, without those that a later state of the batch withdraws."""

    written: dict[str, LastWritten]
    rows: dict[str, dict[Key, TableRow]] = field(default_factory=dict)
    doses_withdrawn: list[TableRow] = field(default_factory=list)
    vitals_withdrawn: list[TableRow] = field(default_factory=list)

    def put(self, table: Table, row: TableRow) -> None:
        """Adds a row, in place of an earlier one with its key."""
        key = tuple(row[column.name] for column in table.primary_key)
        self.rows.setdefault(table.name, {})[key] = row

    def of(self, table: Table) -> list[TableRow]:
        """The rows of a table."""
        return list(self.rows.get(table.name, {}).values())

    def add(self, change: StateChange) -> None:
        """Adds the rows of one state."""
        patient = change.patient
        self.written[patient["patient_id"]] = change.written
        self.put(PATIENTS, patient | {"told": asdict(change.written)})
        for event_id in change.doses_withdrawn:
            self.withdraw_dose(patient, event_id)
        for withdrawn in change.vitals_withdrawn:
            self.withdraw_reading(patient, withdrawn)
        for table, rows in ((EPISODES, (change.episode,)), (STATE_CHANGES, (change.change,))):
            for row in rows:
                if row is not None:
                    self.put(table, {name: value for name, value in row.items() if name in table.c})
        for table, more in ((DOSES, change.doses), (VITALS, change.vitals)):
            for row in more:
                self.put(table, row)

    def withdraw_dose(self, patient: TableRow, event_id: str) -> None:
        """Marks a dose as withdrawn at the log time of the state; its row stays."""
        at, offset = patient["as_of"], patient["log_offset"]
        self.doses_withdrawn.append(
            {"of_patient": patient["patient_id"], "of_event": event_id, "before_offset": offset, "at": at}
        )
        if (row := self.rows.get(DOSES.name, {}).get((patient["patient_id"], event_id))) is not None:
            row["withdrawn_at"] = at

    def withdraw_reading(self, patient: TableRow, withdrawn: WithdrawnReading) -> None:
        """Removes a reading that was entered in error; the log still has it."""
        patient_id, offset = patient["patient_id"], patient["log_offset"]
        self.vitals_withdrawn.append(
            {
                "of_patient": patient_id,
                "of_signal": withdrawn.signal,
                "of_time": withdrawn.at,
                "before_offset": offset,
            }
        )
        self.rows.get(VITALS.name, {}).pop((patient_id, withdrawn.signal, withdrawn.at), None)


class Store:
    """The history's database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._insert = INSERTS[engine.dialect.name]

    def write(
        self, states: Iterable[PatientState], alerts: Sequence[TableRow], positions: Positions = NO_POSITIONS
    ) -> int:
        """Writes a batch; returns how many of the states were new.

        `states`: in log order for each patient; `alerts`: one row for each version; `positions`: the offset of the
        next message to read, by topic and partition.
        """
        ordered = list(states)
        with self.engine.begin() as connection:
            pending = Pending(self._last_written(connection, sorted({state.patient_id for state in ordered})))
            new_states = 0
            for state in ordered:
                change = diff(pending.written.get(state.patient_id, LastWritten()), state)
                if change is not None:
                    pending.add(change)
                    new_states += 1
            for alert in alerts:
                pending.put(ALERTS, alert)
            for (topic, partition), offset in positions.items():
                pending.put(POSITIONS, {"topic": topic, "partition": partition, "next_offset": offset})
            self._flush(connection, pending)
        return new_states

    def position(self, topic: str, partition: int) -> int | None:
        """The offset of the next message to read from a partition; None: nothing of it was written."""
        where = (POSITIONS.c.topic == topic) & (POSITIONS.c.partition == partition)
        with self.engine.connect() as connection:
            return connection.execute(select(POSITIONS.c.next_offset).where(where)).scalar_one_or_none()

    def begin(self, topic_prefix: str, cluster_id: str, anew: bool = False) -> None:
        """Records which cluster's history this is; `anew`: deletes everything first.

        Raises UserError when the database holds the history of another cluster or topic prefix.
        """
        with self.engine.begin() as connection:
            found = connection.execute(select(ORIGINS.c.topic_prefix, ORIGINS.c.cluster_id)).all()
            if anew:
                for table in METADATA.sorted_tables:
                    connection.execute(delete(table))
            elif any(tuple(row) != (topic_prefix, cluster_id) for row in found):
                raise UserError(
                    f"the database holds the history of Kafka cluster {found[0].cluster_id}, topics "
                    f"{found[0].topic_prefix}*; this is {cluster_id}, {topic_prefix}*: name another database, "
                    "or forget what it holds with --begin-anew"
                )
            elif found:
                return
            connection.execute(insert(ORIGINS).values(topic_prefix=topic_prefix, cluster_id=cluster_id))

    def _last_written(self, connection: Connection, patient_ids: Sequence[str]) -> dict[str, LastWritten]:
        """What was last written, by patient id. Locks the rows, in one order in every process to avoid deadlocks."""
        rows = select(PATIENTS.c.patient_id, PATIENTS.c.told).where(PATIENTS.c.patient_id.in_(patient_ids))
        found = connection.execute(rows.order_by(PATIENTS.c.patient_id).with_for_update())
        return {patient_id: LastWritten(**published) for patient_id, published in found}

    def _flush(self, connection: Connection, pending: Pending) -> None:
        apply_withdrawals(connection, pending)
        for table in (PATIENTS, EPISODES, STATE_CHANGES, DOSES, VITALS, ALERTS, POSITIONS):
            rows = pending.of(table)
            if rows:
                connection.execute(self._upsert(table), rows)
        supersede(connection, pending.of(STATE_CHANGES))

    def _upsert(self, table: Table) -> Any:
        """An insert that replaces an older row with the same key, never a newer one."""
        statement = self._insert(table)
        keys = [column.name for column in table.primary_key]
        given = {column.name for column in table.c} - {*keys, *WRITTEN_ONCE}
        order = "next_offset" if table is POSITIONS else "log_offset"
        older = table.c[order] <= statement.excluded[order]
        if table is ALERTS:  # An alert without a log offset is replaced by any other.
            older = or_(ALERTS.c.log_offset.is_(None), older)
        return statement.on_conflict_do_update(
            index_elements=keys, set_={name: statement.excluded[name] for name in sorted(given)}, where=older
        )


def apply_withdrawals(connection: Connection, pending: Pending) -> None:
    """Applies withdrawals to rows that are already in the database: doses are marked, readings deleted."""
    if pending.doses_withdrawn:
        connection.execute(
            update(DOSES)
            .where(
                DOSES.c.patient_id == bindparam("of_patient"),
                DOSES.c.event_id == bindparam("of_event"),
                DOSES.c.log_offset < bindparam("before_offset"),
            )
            .values(withdrawn_at=bindparam("at")),
            pending.doses_withdrawn,
        )
    if pending.vitals_withdrawn:
        connection.execute(
            delete(VITALS).where(
                VITALS.c.patient_id == bindparam("of_patient"),
                VITALS.c.signal == bindparam("of_signal"),
                VITALS.c.effective_at == bindparam("of_time"),
                VITALS.c.log_offset < bindparam("before_offset"),
            ),
            pending.vitals_withdrawn,
        )


def supersede(connection: Connection, changes: Sequence[TableRow]) -> None:
    """Marks older rows as superseded by a change that holds from the same or an earlier bedside time on."""
    if not changes:
        return
    marks: list[dict[str, int | str | datetime]] = [
        {"of_patient": row["patient_id"], "by": row["log_offset"], "since": row["effective_at"]}
        for row in sorted(changes, key=lambda row: (row["patient_id"], row["log_offset"]))
    ]
    connection.execute(
        update(STATE_CHANGES)
        .where(
            STATE_CHANGES.c.patient_id == bindparam("of_patient"),
            STATE_CHANGES.c.log_offset < bindparam("by"),
            STATE_CHANGES.c.effective_at >= bindparam("since"),
            STATE_CHANGES.c.superseded_by.is_(None),
        )
        .values(superseded_by=bindparam("by")),
        marks,
    )
