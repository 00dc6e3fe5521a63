"""Connects to the history's database (PostgreSQL, or an SQLite file in the data directory) and migrates it."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command as alembic
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from agents.platform.errors import UserError
from agents.platform.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
SQLITE_FILE = "history.sqlite"
POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}
CONNECT_SECONDS = 5
# Key of the advisory lock: only one process migrates at a time. Any number that nothing else uses.
MIGRATION_LOCK = 0x63_72_73


def url_of(settings: Settings) -> URL:
    """The URL of the database: from the settings, else an SQLite file in the data directory. Raises UserError."""
    if settings.database_url is None:
        return URL.create("sqlite", database=str(settings.data_dir / SQLITE_FILE))
    try:
        url = make_url(settings.database_url.get_secret_value())
    except ArgumentError as error:
        raise UserError("database_url: no URL; expected postgresql://user@host/database") from error
    if url.drivername in POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url
    raise UserError(f"database_url: {url.drivername} is not supported; expected postgresql://user@host/database")


def connect(url: URL) -> Engine:
    """An engine, after one test connection. Raises UserError when the database does not answer."""
    if url.drivername == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        event.listen(engine, "connect", set_pragmas)
    else:
        engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_SECONDS})
        # Before SQLAlchemy's own questions, which end in a traceback when the answers are bytes.
        event.listen(engine, "connect", require_utf8, insert=True)
    try:
        with engine.connect():
            return engine
    except OperationalError as error:
        raise UserError(f"database {without_password(url)} cannot be used: {first_line(error)}") from error


def set_pragmas(connection: object, _record: object) -> None:
    """SQLite: readers (a dashboard, a backup) do not block the writer, and a commit is on disk."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def require_utf8(connection: psycopg.Connection, _record: object) -> None:
    """PostgreSQL: names and texts are kept as they came. Raises UserError for a database of another encoding."""
    about = connection.info
    encoding = about.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UserError(f"database {about.dbname} has the encoding {encoding}; create it with ENCODING 'UTF8'")


def without_password(url: URL) -> str:
    """A database's URL without the password."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def first_line(error: DBAPIError) -> str:
    """The first line of the database's error message."""
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return lines[0] if lines else type(error.orig).__name__


def migrate(engine: Engine) -> None:
    """Brings the tables up to date in one transaction, one process at a time."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        alembic.upgrade(configuration(connection), "head")


def require_migrated(engine: Engine) -> None:
    """Raises UserError when the tables are not at the migration of this version."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(configuration(connection)).get_current_head()
    if found != wanted:
        raise UserError(
            f"database {without_password(engine.url)} is at migration {found or 'none'}, this version needs {wanted}: "
            "run crs-monitor history --migrate"
        )


def configuration(connection: Connection) -> Config:
    """Alembic's configuration, made in code instead of read from a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
