"""The database tables. `effective_at` is a time of the bedside clock, `as_of` and `raised_at` are log time."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator

NAMES = {"pk": "pk_%(table_name)s", "ix": "ix_%(column_0_label)s", "uq": "uq_%(column_0_label)s"}
METADATA = MetaData(naming_convention=NAMES)


class InstantColumn(TypeDecorator[datetime]):
    """A time with a UTC offset, stored as UTC; SQLite, which has no offsets, gives UTC back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database, as UTC. A time without an offset is a bug."""
        assert value is None or value.tzinfo is not None, "every time has an offset"
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database, as UTC."""
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# The cluster and topics that the rows come from: offsets of another cluster have no meaning here.
ORIGINS = Table(
    "origins",
    METADATA,
    Column("topic_prefix", String, primary_key=True),
    Column("cluster_id", String, nullable=False),
)

# The next offset of each partition, written with the rows: a database restored from a backup continues there.
POSITIONS = Table(
    "positions",
    METADATA,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

# The current state of every patient. `told`: `state_diff.LastWritten` as JSON, to find what the next state changes.
PATIENTS = Table(
    "patients",
    METADATA,
    Column("patient_id", String, primary_key=True),
    # Names the patient in addresses of dashboards: random, given once, used nowhere else.
    Column("reference", String, nullable=False, unique=True, default=lambda: secrets.token_hex(6)),
    Column("unit", String),
    Column("bed", String),
    Column("product", String),
    Column("age_years", Float),
    Column("weight_kg", Float),
    Column("high_risk", Boolean),
    Column("infused_at", InstantColumn),
    Column("merged_into", String),
    Column("monitoring", String, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("astct_grade", Integer, nullable=False),
    Column("further_grades", JSON, nullable=False, server_default="{}"),  # on scales without a column, by field
    Column("grade_basis", String, nullable=False),
    Column("grade_since", InstantColumn),
    Column("onset_at", InstantColumn),
    Column("peak_grade", Integer, nullable=False),
    Column("tocilizumab_count_24h", Integer, nullable=False),
    Column("tocilizumab_count_total", Integer, nullable=False),
    Column("tocilizumab_next_eligible_at", InstantColumn),
    Column("tocilizumab_blocked_by", String),
    Column("missing", JSON, nullable=False),
    Column("as_of", InstantColumn, nullable=False),
    Column("log_offset", BigInteger, nullable=False),
    Column("told", JSON, nullable=False),
    Index(None, "unit"),
)

# One row for each clinical change. When late or corrected data changes the course from `effective_at` on, earlier rows
# stay as what was known then, and `superseded_by` names the row that replaces them.
STATE_CHANGES = Table(
    "state_changes",
    METADATA,
    Column("patient_id", String, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("as_of", InstantColumn, nullable=False),
    Column("effective_at", InstantColumn, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("astct_grade", Integer, nullable=False),
    Column("further_grades", JSON, nullable=False, server_default="{}"),  # on scales without a column, by field
    Column("grade_basis", String, nullable=False),
    Column("peak_grade", Integer, nullable=False),
    Column("onset_at", InstantColumn),
    Column("fever", Integer),
    Column("hypotension", Integer),
    Column("hypoxia", Integer),
    Column("infusions", String, nullable=False),
    Column("oxygen", String, nullable=False),
    Column("monitoring", String, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("superseded_by", BigInteger),
    Index(None, "patient_id", "effective_at"),
)

EPISODES = Table(
    "episodes",
    METADATA,
    Column("patient_id", String, primary_key=True),
    Column("episode", Integer, primary_key=True, autoincrement=False),
    Column("onset_at", InstantColumn),
    Column("peak_grade", Integer, nullable=False),
    Column("as_of", InstantColumn, nullable=False),
    Column("log_offset", BigInteger, nullable=False),
)

# A dose that was charted in error stays, with the log time at which it was withdrawn.
DOSES = Table(
    "doses",
    METADATA,
    Column("patient_id", String, primary_key=True),
    Column("event_id", String, primary_key=True),
    Column("episode", Integer, nullable=False),
    Column("drug", String, nullable=False),
    Column("role", String, nullable=False),
    Column("dose_mg", Float),
    Column("indication", String),
    Column("effective_at", InstantColumn, nullable=False),
    Column("grade", Integer),
    Column("counts", Boolean, nullable=False),
    Column("withdrawn_at", InstantColumn),
    Column("log_offset", BigInteger, nullable=False),
    Index(None, "patient_id", "effective_at"),
)

# A sample: the latest reading of every signal when a state was published. `word`: a value that is not a number.
VITALS = Table(
    "vitals",
    METADATA,
    Column("patient_id", String, primary_key=True),
    Column("signal", String, primary_key=True),
    Column("effective_at", InstantColumn, primary_key=True),
    Column("value", Float),
    Column("word", String),
    Column("unit", String),
    Column("source", String),
    Column("log_offset", BigInteger, nullable=False),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("alert_id", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("patient_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("previous_grade", Integer, nullable=False),
    Column("astct_grade", Integer, nullable=False),
    Column("effective_at", InstantColumn, nullable=False),
    Column("raised_at", InstantColumn, nullable=False),
    Column("title", String, nullable=False),
    Column("message", String, nullable=False),
    Column("reason", String),
    Column("rule_id", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("profile_version", String, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("missing", JSON, nullable=False),
    Column("recommendation", JSON(none_as_null=True)),
    Column("acknowledged_at", InstantColumn),
    Column("snoozed_until", InstantColumn),
    Column("log_partition", Integer),
    Column("log_offset", BigInteger),
    Column("log_appended_at", InstantColumn),
    Index(None, "patient_id", "raised_at"),
)
