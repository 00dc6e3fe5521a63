"""How Alembic reaches the database: over the connection it is handed, within the transaction that is open there."""

from __future__ import annotations

from alembic import context

from agents.history.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
