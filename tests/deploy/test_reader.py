"""Grafana reads the history as someone who can change nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from agents.history import database
from tests.deploy.tools import DEPLOY
from tests.history.server import binary, postgresql


@pytest.fixture(scope="module")
def reader() -> Iterator[Engine]:
    """The role as the script makes it, before the tables are there; then the history makes its tables."""
    with postgresql() as server:
        url = server.new_database("crs")
        psql = binary("psql")
        assert psql is not None
        environment = {
            "PATH": f"{os.path.dirname(psql)}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "POSTGRES_USER": "crs",
            "POSTGRES_DB": "crs",
            "CRS_READER_PASSWORD": 'it\'s a "secret"',
        }
        subprocess.run([str(DEPLOY / "postgres/10-reader.sh")], env=environment, check=True, timeout=60)
        owner = database.connect(make_url(url))
        database.migrate(owner)
        yield create_engine(url.replace("//crs@", "//crs_reader@"))


def test_it_reads_tables_that_were_made_later(reader: Engine) -> None:
    with reader.connect() as connection:
        for table in ("patients", "state_changes", "episodes", "doses", "vitals", "alerts"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM alerts",
        "INSERT INTO origins VALUES ('a', 'b')",
        "CREATE TABLE mine (a int)",
        "SET default_transaction_read_only = off; UPDATE patients SET grade = 0",
    ],
)
def test_it_changes_nothing(reader: Engine, statement: str) -> None:
    with reader.connect() as connection, pytest.raises(DBAPIError, match=r"read-only|permission denied"):
        connection.exec_driver_sql(statement)
