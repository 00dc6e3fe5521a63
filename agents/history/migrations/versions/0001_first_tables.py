"""The first tables: origins, positions, patients, state changes, episodes, doses, vitals, alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("previous_grade", sa.Integer(), nullable=False),
        sa.Column("astct_grade", sa.Integer(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("profile_version", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("recommendation", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("log_partition", sa.Integer(), nullable=True),
        sa.Column("log_offset", sa.BigInteger(), nullable=True),
        sa.Column("log_appended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", "version", name="pk_alerts"),
    )
    op.create_index("ix_alerts_patient_id", "alerts", ["patient_id", "raised_at"], unique=False)
    op.create_table(
        "doses",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("drug", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("dose_mg", sa.Float(), nullable=True),
        sa.Column("indication", sa.String(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "event_id", name="pk_doses"),
    )
    op.create_index("ix_doses_patient_id", "doses", ["patient_id", "effective_at"], unique=False)
    op.create_table(
        "episodes",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("onset_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("peak_grade", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "episode", name="pk_episodes"),
    )
    op.create_table(
        "origins",
        sa.Column("topic_prefix", sa.String(), nullable=False),
        sa.Column("cluster_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("topic_prefix", name="pk_origins"),
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_positions"),
    )
    op.create_table(
        "patients",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("bed", sa.String(), nullable=True),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("age_years", sa.Float(), nullable=True),
        sa.Column("weight_kg", sa.Float(), nullable=True),
        sa.Column("high_risk", sa.Boolean(), nullable=True),
        sa.Column("infused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.Column("monitoring", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("astct_grade", sa.Integer(), nullable=False),
        sa.Column("grade_basis", sa.String(), nullable=False),
        sa.Column("grade_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("onset_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("peak_grade", sa.Integer(), nullable=False),
        sa.Column("tocilizumab_count_24h", sa.Integer(), nullable=False),
        sa.Column("tocilizumab_count_total", sa.Integer(), nullable=False),
        sa.Column("tocilizumab_next_eligible_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tocilizumab_blocked_by", sa.String(), nullable=True),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", name="pk_patients"),
        sa.UniqueConstraint("reference", name="uq_patients_reference"),
    )
    op.create_index("ix_patients_unit", "patients", ["unit"], unique=False)
    op.create_table(
        "state_changes",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("astct_grade", sa.Integer(), nullable=False),
        sa.Column("grade_basis", sa.String(), nullable=False),
        sa.Column("peak_grade", sa.Integer(), nullable=False),
        sa.Column("onset_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fever", sa.Integer(), nullable=True),
        sa.Column("hypotension", sa.Integer(), nullable=True),
        sa.Column("hypoxia", sa.Integer(), nullable=True),
        sa.Column("infusions", sa.String(), nullable=False),
        sa.Column("oxygen", sa.String(), nullable=False),
        sa.Column("monitoring", sa.String(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("patient_id", "log_offset", name="pk_state_changes"),
    )
    op.create_index("ix_state_changes_patient_id", "state_changes", ["patient_id", "effective_at"], unique=False)
    op.create_table(
        "vitals",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("word", sa.String(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "signal", "effective_at", name="pk_vitals"),
    )


def downgrade() -> None:
    """Drops the tables with their content; it can be read again from the topics."""
    for table in ("vitals", "state_changes", "patients", "positions", "origins", "episodes", "doses", "alerts"):
        op.drop_table(table)
