"""Alembic's entry point: runs the migrations on the given connection, within its open transaction."""

from __future__ import annotations

from alembic import context

from agents.history.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
