"""The roles in the history's database: `history` owns it and is no superuser, Grafana can change nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from agents.history import database
from tests.deploy.tools import DEPLOY
from tests.history.server import binary, postgresql


@dataclass(frozen=True)
class Roles:
    """Connections to the same database, each as another role."""

    superuser: Engine
    owner: Engine
    reader: Engine


@pytest.fixture(scope="module")
def roles() -> Iterator[Roles]:
    """The roles as the script makes them, before the tables are there; then the history makes its tables."""
    with postgresql(superuser="postgres") as server:
        url = server.new_database("crs")
        psql = binary("psql")
        assert psql is not None
        environment = {
            "PATH": f"{os.path.dirname(psql)}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "POSTGRES_USER": "postgres",
            "POSTGRES_DB": "crs",
            "CRS_DB_PASSWORD": 'it\'s "mine"',
            "CRS_READER_PASSWORD": 'it\'s a "secret"',
        }
        superuser = create_engine(url)
        with superuser.begin() as connection:
            connection.exec_driver_sql("ALTER ROLE postgres PASSWORD 'as the image sets it'")
        subprocess.run([str(DEPLOY / "postgres/10-roles.sh")], env=environment, check=True, timeout=60)
        owner = database.connect(make_url(url.replace("//postgres@", "//crs@")))
        database.migrate(owner)
        yield Roles(superuser, owner, create_engine(url.replace("//postgres@", "//crs_reader@")))


def test_the_reader_reads_tables_that_were_made_later(roles: Roles) -> None:
    with roles.reader.connect() as connection:
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
def test_the_reader_changes_nothing(roles: Roles, statement: str) -> None:
    with roles.reader.connect() as connection, pytest.raises(DBAPIError, match=r"read-only|permission denied"):
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement", ["CREATE ROLE another", "CREATE DATABASE another", "COPY alerts TO PROGRAM 'cat'"]
)
def test_history_rules_its_tables_and_not_the_server(roles: Roles, statement: str) -> None:
    owner = roles.owner.execution_options(isolation_level="AUTOCOMMIT")
    with owner.connect() as connection, pytest.raises(DBAPIError, match=r"permission denied|must be superuser"):
        connection.exec_driver_sql(statement)


def test_nobody_becomes_superuser_over_the_network(roles: Roles) -> None:
    """With a password of none, scram-sha-256, which the image demands of every address, lets nobody in."""
    with roles.superuser.connect() as connection:
        found = connection.execute(text("SELECT rolname, rolpassword IS NULL FROM pg_authid WHERE rolsuper")).all()
        roles_with_login = connection.execute(
            text("SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%'")
        ).scalars()
        assert [tuple(each) for each in found] == [("postgres", True)]
        assert set(roles_with_login) == {"crs", "crs_reader"}
