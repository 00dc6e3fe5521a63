"""The tables of the history. `effective_at` is the bedside clock, `as_of` and `raised_at` the log's."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Dialect, Float, Index, Integer, MetaData, String
from sqlalchemy import Table as Listing
from sqlalchemy.types import TypeDecorator

NAMES = {"pk": "pk_%(table_name)s", "ix": "ix_%(column_0_label)s", "uq": "uq_%(column_0_label)s"}
METADATA = MetaData(naming_convention=NAMES)


class InstantColumn(TypeDecorator[datetime]):
    """A time with its offset. Kept as UTC, also where a database (SQLite) forgets offsets."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """On the way in: never without an offset."""
        assert value is None or value.tzinfo is not None, "every time has an offset"
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """On the way out."""
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Which log this is the history of: offsets of another cluster mean other things.
ORIGINS = Listing(
    "origins",
    METADATA,
    Column("topic_prefix", String, primary_key=True),
    Column("cluster_id", String, nullable=False),
)

# How far each partition was read, written with what was read: a database restored from a backup goes on from there.
POSITIONS = Listing(
    "positions",
    METADATA,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

# Where every patient stands. `told`: what the history knows of the last state, to tell what the next one changes.
PATIENTS = Listing(
    "patients",
    METADATA,
    Column("patient_id", String, primary_key=True),
    # What stands for the patient where an address is seen by others: random, given once, known to nobody else.
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

# One row for each clinical change. Where late or corrected data tells the time from `effective_at` on anew, the rows
# told before stay as what was known then, and say which row took their place.
STATE_CHANGES = Listing(
    "state_changes",
    METADATA,
    Column("patient_id", String, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("as_of", InstantColumn, nullable=False),
    Column("effective_at", InstantColumn, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("astct_grade", Integer, nullable=False),
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

EPISODES = Listing(
    "episodes",
    METADATA,
    Column("patient_id", String, primary_key=True),
    Column("episode", Integer, primary_key=True, autoincrement=False),
    Column("onset_at", InstantColumn),
    Column("peak_grade", Integer, nullable=False),
    Column("as_of", InstantColumn, nullable=False),
    Column("log_offset", BigInteger, nullable=False),
)

# A dose that was charted in error stays, with the log time at which it was taken back.
DOSES = Listing(
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

# A sample: the latest reading of every signal whenever a state was published. `word` for what is no number.
VITALS = Listing(
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

ALERTS = Listing(
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
