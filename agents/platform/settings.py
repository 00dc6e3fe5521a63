"""Every setting of the processes: meaning, default, and which values are refused (kafka_connection.py: the brokers).

An option on the command line wins over the environment, and that over the TOML file. The name in the environment is
`CRS_` and the field's name in capitals, in the file the field's name. A secret may be given as a file instead, as in
`CRS_SASL_PASSWORD_FILE`.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import click
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from agents.platform.errors import UserError
from agents.platform.kafka_connection import KafkaConnection
from schemas.topics import TopicSpec

ClickFunction = TypeVar("ClickFunction", bound=Callable[..., Any])
SECRETS = ("sasl_password", "database_url")
# The settings that are options of every command, too: the decorator `with_settings`.
OPTIONS = (
    *("bootstrap_servers", "topic_prefix", "partitions", "replication_factor"),
    *("profile", "data_dir", "metrics_port"),
)
CHANGELOG = "watch-patients-changelog"


class Settings(KafkaConnection):
    """The settings of one process. Times in seconds."""

    topic_prefix: str = Field("crs.", max_length=100, description="What every topic name starts with.")
    partitions: int = Field(
        12, ge=1, le=4096, description="Partitions of every topic; at least 4 a worker, never changed later."
    )
    replication_factor: int = Field(1, ge=1, le=9, description="Copies of every topic; 3 on a real cluster.")
    min_insync_replicas: int | None = Field(
        None, ge=1, le=9, description="Copies that must confirm a write; left out: one less than there are, at least 1."
    )

    profile: str = Field("house", description="The grading profile in force.")
    data_dir: Path = Field(Path("out/data"), description="Local state; one directory for each worker.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of /metrics, /healthz, /readyz; 0: none.")
    metrics_host: str = Field("127.0.0.1", description="Address of that port.")
    database_url: SecretStr | None = Field(
        None,
        description="Where `history` writes, `postgresql://user@host/database`; left out: an SQLite file in data_dir.",
    )

    checkpoint_seconds: float = Field(
        1.0,
        ge=0,
        le=60,
        description="Rows and marker are written this often (write-behind); 0: with every batch. Alerts never wait.",
    )
    state_seconds: float = Field(
        5.0,
        ge=0,
        le=600,
        description="A patient's state is published at once when it changes clinically, else at most this often.",
    )
    tick_seconds: float = Field(1.0, gt=0, le=60, description="How often the clock is written into the log.")
    session_timeout_seconds: float = Field(
        10.0, ge=1, le=300, description="A worker that is silent for so long loses its patients to another."
    )
    rebalance_timeout_seconds: float = Field(20.0, ge=1, le=600, description="Longest time for workers to regroup.")
    send_timeout_seconds: float = Field(
        15.0, ge=1, le=600, description="A write that brokers do not confirm in this time stops the worker."
    )
    stall_seconds: float = Field(
        30.0, ge=5, le=3600, description="The watchdog stops a worker that makes no progress for so long."
    )
    fetch_wait_ms: int = Field(
        100, ge=1, le=5000, description="How long a broker may wait for new data before it answers a fetch."
    )
    instance_id: str | None = Field(
        None, max_length=128, description="Name of this worker for static membership, e.g. the pod's; left out: none."
    )
    standby_replicas: int = Field(0, ge=0, le=3, description="Workers that keep a warm copy of another's rows.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first, then the environment, then the file that `load` has read."""
        assert isinstance(init_settings, InitSettingsSource)
        options = dict(init_settings.init_kwargs)
        in_file = options.pop("in_file", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=options),
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=dict(in_file)),
        )

    @field_validator("topic_prefix")
    @classmethod
    def _legal_in_a_topic_name(cls, prefix: str) -> str:
        if not all(character.isalnum() or character in "._-" for character in prefix):
            raise ValueError("may have letters, digits, '.', '_' and '-' only")
        return prefix

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.min_insync_replicas is not None and self.min_insync_replicas > self.replication_factor:
            raise ValueError("min_insync_replicas is above replication_factor: nothing could ever be written")
        return self

    @property
    def insync(self) -> int:
        """How many copies must confirm a write."""
        return self.min_insync_replicas or max(1, self.replication_factor - 1)

    def topic(self, spec: TopicSpec) -> str:
        """The full name of a topic."""
        return spec.full_name(self.topic_prefix)

    @property
    def group(self) -> str:
        """The consumer group of the workers, and the name of the Faust app."""
        return f"{self.topic_prefix}watch"

    @property
    def changelog(self) -> str:
        """The topic that keeps the rows of all patients."""
        return f"{self.topic_prefix}{CHANGELOG}"


def load(config: Path | None = None, **options: Any) -> Settings:
    """The settings of this process; an option that is None was not given. Raises UserError naming the setting."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**({"in_file": in_file(config)} | secrets_in_files() | given))
    except ValidationError as error:
        raise UserError(f"settings: {'; '.join(complaint(found, config) for found in error.errors())}") from error


def in_file(config: Path | None) -> dict[str, Any]:
    """The settings in a TOML file, without its tables: each belongs to one command, which reads it itself."""
    return {name: value for name, value in read_toml(config).items() if not isinstance(value, dict)}


def read_toml(config: Path | None) -> dict[str, Any]:
    """The whole content of a TOML file; empty without a file. Raises UserError when it cannot be read."""
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{config}: {error.strerror}; expected a TOML file with settings") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{config}: not TOML: {error}") from error


def secrets_in_files() -> dict[str, str]:
    """The secrets that an environment variable `CRS_…_FILE` names a file for. Raises UserError."""
    found = {}
    for name in SECRETS:
        path = os.environ.get(f"CRS_{name.upper()}_FILE")
        if path is None:
            continue
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UserError(f"CRS_{name.upper()}_FILE: {path}: {error.strerror}") from error
    return found


def complaint(found: Any, config: Path | None) -> str:
    """Names the setting and what is wrong with it. Never shows the value: it may be a secret."""
    setting = ".".join(str(part) for part in found["loc"]).removeprefix("KAFKA_").lower()
    problem = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        problem = f"no such setting{f' (in {config})' if config else ''}"
    return f"{setting}: {problem}" if setting else problem


def with_settings(command: ClickFunction) -> ClickFunction:
    """Adds the options of every command that uses brokers to a click command, and passes it `settings`."""

    @click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings.")
    @click.option("--bootstrap-servers", help="Kafka brokers, host:port,host:port.")
    @click.option("--topic-prefix", help="What every topic name starts with.")
    @click.option("--partitions", type=int, help="Partitions of every topic.")
    @click.option("--replication-factor", type=int, help="Copies of every topic.")
    @click.option("--profile", help="The grading profile in force.")
    @click.option("--data-dir", type=click.Path(path_type=Path), help="Local state; one directory for each worker.")
    @click.option("--metrics-port", type=int, help="Port of /metrics, /healthz and /readyz; 0: none.")
    @functools.wraps(command)
    def wrapped(*args: Any, config: Path | None, **options: Any) -> Any:
        settings = load(config, **{name: options.pop(name) for name in OPTIONS})
        return command(*args, settings=settings, **options)

    return wrapped  # type: ignore[return-value]
