"""`crs-monitor history` at the command line: each user error is one line and exit code 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from agents.history import database
from agents.history.store import Store
from tests.history.server import Server, free_port


def history(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agents.cli.main", "history", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def complaint(*arguments: str) -> str:
    run = history(*arguments)
    lines = [line for line in run.stderr.splitlines() if not line.startswith("{")]
    assert run.returncode == 2, run.stderr
    assert len(lines) == 1, run.stderr
    assert "Traceback" not in run.stderr
    return lines[0]


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    error = complaint("--database-url", f"postgresql://crs:secret@127.0.0.1:{free_port()}/history")
    assert "cannot be used" in error
    assert "refused" in error
    assert "secret" not in error


def test_a_database_that_is_not_there_is_named(server: Server) -> None:
    error = complaint("--database-url", f"postgresql://crs@127.0.0.1:{server.port}/nowhere")
    assert '"nowhere" does not exist' in error


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_name_says_what_it_should_be(server: Server, encoding: str) -> None:
    with create_engine(server.url(), isolation_level="AUTOCOMMIT").connect() as connection:
        created = f"CREATE DATABASE in_{encoding} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"
        connection.exec_driver_sql(created)
    error = complaint("--database-url", f"postgresql://crs@127.0.0.1:{server.port}/in_{encoding.lower()}")
    assert f"has the encoding {encoding}; create it with ENCODING 'UTF8'" in error


def test_tables_that_are_missing_say_how_to_make_them(server: Server) -> None:
    url = server.new_database("unmigrated")
    assert "run crs-monitor history --migrate" in complaint("--database-url", url)
    run = history("--database-url", url, "--migrate-only")
    assert (run.returncode, run.stderr) == (0, "")
    assert "up to date" in run.stdout


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://crs@127.0.0.1/history", "mysql is not supported"),
        ("sqlite://", "not supported"),
        ("not a url", "expected postgresql://"),
    ],
)
def test_an_unsupported_url_says_what_is_expected(url: str, words: str) -> None:
    assert words in complaint("--database-url", url)


def test_a_broker_that_does_not_answer_is_named(tmp_path: Path) -> None:
    port = free_port()
    error = complaint("--data-dir", str(tmp_path), "--bootstrap-servers", f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port}: no broker answers" in error
    assert (tmp_path / "history.sqlite").is_file(), "without a server the history is a file beside the state"


def test_a_metrics_port_in_use_is_named(tmp_path: Path, server: Server) -> None:
    error = complaint("--data-dir", str(tmp_path), "--metrics-port", str(server.port))
    assert f"port {server.port} on 127.0.0.1: Address already in use" in error


def test_a_server_that_restarts_is_written_to_again(server: Server) -> None:
    """The pool notices that its connections were cut."""

    engine = database.connect(make_url(server.new_database("restarted")))
    database.migrate(engine)
    server.stop()
    server.start()
    Store(engine).begin("crs.", "cluster-a")
    engine.dispose()
