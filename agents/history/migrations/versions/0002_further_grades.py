"""Grades on further scales: one JSON column in patients and in state changes, so that a scale needs no migration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
TABLES = ("patients", "state_changes")


def upgrade() -> None:
    """Adds the columns; earlier rows have no further grades."""
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("further_grades", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Removes the columns."""
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("further_grades")
