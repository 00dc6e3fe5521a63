"""A PostgreSQL server for a test run: in a temporary directory, on loopback, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

START_SECONDS = 60
FAST_OPTIONS = [
    "-c",
    "fsync=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "max_connections=30",
    "-c",
    "shared_buffers=32MB",
]


def binary(name: str) -> str | None:
    """The path of a PostgreSQL program; Debian does not put the server's programs into PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))


def unprivileged_user() -> str | None:
    """Another user when the tests run as root, which PostgreSQL refuses; else None."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


@contextmanager
def postgresql(superuser: str = "crs") -> Iterator[Server]:
    """A running server, removed with its data at the end."""
    initdb, postgres = binary("initdb"), binary("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    user = unprivileged_user()
    with TemporaryDirectory(prefix="crs-postgresql-") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        how = [f"--username={superuser}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            [initdb, f"--pgdata={data}", *how], check=True, capture_output=True, user=user, cwd=folder, timeout=120
        )
        server = Server(postgres, data, folder, user, free_port())
        server.superuser = superuser
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Server:
    """A server that can be stopped and started again."""

    def __init__(self, postgres: str, data: str, folder: str, user: str | None, port: int) -> None:
        self.command = [
            postgres,
            "-D",
            data,
            "-p",
            str(port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-k",
            folder,
            *FAST_OPTIONS,
        ]
        self.folder, self.user, self.port = folder, user, port
        self.superuser = "crs"
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://{self.superuser}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """An empty database; returns its URL."""
        with create_engine(self.url(), isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        return self.url(name)

    def start(self) -> None:
        with Path(self.folder, "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, user=self.user, cwd=self.folder)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with create_engine(self.url()).connect():
                    return
            except OperationalError:
                output = Path(self.folder, "log").read_text(errors="replace")
                starting = self.process.poll() is None and time.monotonic() < deadline
                assert starting, f"PostgreSQL did not start: {output}"
                time.sleep(0.1)

    def stop(self) -> None:
        """Stops at once (SIGINT): open connections are closed."""
        if self.process is not None:
            self.process.send_signal(2)
            self.process.wait(timeout=60)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
