"""The migrations create exactly the tables of the code, and can be undone."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from agents.history import database
from agents.history.tables import METADATA


def test_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    database.migrate(engine)
    database.require_migrated(engine)


def test_every_step_goes_back(engine: Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(database.configuration(connection), "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    database.migrate(engine)
    database.require_migrated(engine)
