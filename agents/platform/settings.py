"""Every setting, with its meaning, its default and what is refused. Options come before the environment, then the file.

Names in the environment are `CRS_` and the field's name in capitals; in a TOML file, the field's name. A secret may be
given as a file instead: `CRS_SASL_PASSWORD_FILE`.
"""

from __future__ import annotations

import functools
import os
import ssl
import tomllib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import click
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from agents.platform.errors import UserError
from schemas.topics import TopicSpec

ClickFunction = TypeVar("ClickFunction", bound=Callable[..., Any])
BOOTSTRAP = "KAFKA_BOOTSTRAP_SERVERS"
SECRETS = ("sasl_password", "database_url")
CHANGELOG = "watch-patients-changelog"


class Settings(BaseSettings):
    """What a command needs to know about its surroundings. Times in seconds."""

    model_config = SettingsConfigDict(env_prefix="CRS_", frozen=True, extra="forbid", populate_by_name=True)

    bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        validation_alias=AliasChoices("bootstrap_servers", BOOTSTRAP),
        description="Kafka brokers, `host:port,host:port`.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT", description="How brokers are spoken to. SASL_PLAINTEXT is refused beyond loopback."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How we show who we are."
    )
    sasl_username: str | None = Field(None, description="User at the brokers; needed with SASL.")
    sasl_password: SecretStr | None = Field(None, description="Its password; needed with SASL.")
    ssl_cafile: Path | None = Field(None, description="Certificates that brokers are checked against (PEM).")
    ssl_certfile: Path | None = Field(None, description="Our own certificate (PEM), for brokers that ask.")
    ssl_keyfile: Path | None = Field(None, description="The key of our certificate (PEM).")

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
        """Options, then the environment, then the file that `load` has read."""
        assert isinstance(init_settings, InitSettingsSource)
        options = dict(init_settings.init_kwargs)
        in_file = options.pop("in_file", {})
        return (
            InitSettingsSource(settings_cls, init_kwargs=options),
            env_settings,
            InitSettingsSource(settings_cls, init_kwargs=dict(in_file)),
        )

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, servers: str) -> str:
        for server in servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"'{server}' is not host:port")
        return ",".join(server.strip() for server in servers.split(","))

    @field_validator("topic_prefix")
    @classmethod
    def _legal_in_a_topic(cls, prefix: str) -> str:
        if not all(sign.isalnum() or sign in "._-" for sign in prefix):
            raise ValueError("may have letters, digits, '.', '_' and '-' only")
        return prefix

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.min_insync_replicas is not None and self.min_insync_replicas > self.replication_factor:
            raise ValueError("min_insync_replicas is above replication_factor: nothing could ever be written")
        if self.security_protocol.startswith("SASL"):
            if self.sasl_username is None or self.sasl_password is None:
                raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
            if self.security_protocol == "SASL_PLAINTEXT" and not self.on_loopback:
                raise ValueError("SASL_PLAINTEXT would send the password and patients in the clear: use SASL_SSL")
        elif self.sasl_username is not None or self.sasl_password is not None:
            raise ValueError(
                f"sasl_username without SASL (security_protocol is {self.security_protocol}): use SASL_SSL"
            )
        if self.ssl_cafile is not None and not self.security_protocol.endswith("SSL"):
            raise ValueError(f"ssl_cafile without TLS (security_protocol is {self.security_protocol}): use SSL")
        for path in (self.ssl_cafile, self.ssl_certfile, self.ssl_keyfile):
            if path is not None and not path.is_file():
                raise ValueError(f"{path}: no such file")
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether every broker is this machine."""
        return all(is_loopback(server.rpartition(":")[0]) for server in self.bootstrap_servers.split(","))

    @property
    def insync(self) -> int:
        """Copies that must confirm a write."""
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

    def ssl_context(self) -> ssl.SSLContext | None:
        """What TLS is done with; None without TLS."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=None if self.ssl_cafile is None else str(self.ssl_cafile))
        if self.ssl_certfile is not None:
            context.load_cert_chain(str(self.ssl_certfile), None if self.ssl_keyfile is None else str(self.ssl_keyfile))
        return context

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments that connect an aiokafka client."""
        return self._connection() | {"bootstrap_servers": self.bootstrap_servers.split(",")}

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments that connect a kafka-python client."""
        return self._connection() | {"bootstrap_servers": self.bootstrap_servers.split(",")}

    def librdkafka(self) -> dict[str, Any]:
        """Configuration that connects a confluent-kafka client; Java's partitioner, or patients would be torn apart."""
        configuration: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            "partitioner": "murmur2_random",
        }
        if self.security_protocol.startswith("SASL") and self.sasl_password is not None:
            configuration["sasl.mechanism"] = self.sasl_mechanism
            configuration["sasl.username"] = self.sasl_username
            configuration["sasl.password"] = self.sasl_password.get_secret_value()
        for name, path in (
            ("ssl.ca.location", self.ssl_cafile),
            ("ssl.certificate.location", self.ssl_certfile),
            ("ssl.key.location", self.ssl_keyfile),
        ):
            if path is not None:
                configuration[name] = str(path)
        return configuration

    def _connection(self) -> dict[str, Any]:
        connection: dict[str, Any] = {"security_protocol": self.security_protocol}
        if (context := self.ssl_context()) is not None:
            connection["ssl_context"] = context
        if self.security_protocol.startswith("SASL") and self.sasl_password is not None:
            connection["sasl_mechanism"] = self.sasl_mechanism
            connection["sasl_plain_username"] = self.sasl_username
            connection["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return connection


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load(config: Path | None = None, **options: Any) -> Settings:
    """The settings in force; options that are None were not given. Raises UserError naming the setting."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**({"in_file": in_file(config)} | secrets_in_files() | given))
    except ValidationError as error:
        raise UserError(f"settings: {'; '.join(complaint(found, config) for found in error.errors())}") from error


def in_file(config: Path | None) -> dict[str, Any]:
    """The settings that stand in a TOML file. A table in it belongs to one command, which reads it itself."""
    return {name: value for name, value in whole_file(config).items() if not isinstance(value, dict)}


def whole_file(config: Path | None) -> dict[str, Any]:
    """Everything that stands in a TOML file."""
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{config}: {error.strerror}; expected a TOML file with settings") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{config}: not TOML: {error}") from error


def secrets_in_files() -> dict[str, str]:
    """Secrets whose environment names a file."""
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
    """One refusal: which setting, and what is wrong with it. Never the value: it may be a secret."""
    place = ".".join(str(part) for part in found["loc"]).removeprefix("KAFKA_").lower()
    words = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        words = f"no such setting{f' (in {config})' if config else ''}"
    return f"{place}: {words}" if place else words


def with_settings(command: ClickFunction) -> ClickFunction:
    """Gives a click command the options that every command with a broker has, and passes it `settings`."""

    @click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings.")
    @click.option("--bootstrap-servers", help="Kafka brokers, host:port,host:port.")
    @click.option("--topic-prefix", help="What every topic name starts with.")
    @click.option("--partitions", type=int, help="Partitions of every topic.")
    @click.option("--replication-factor", type=int, help="Copies of every topic.")
    @click.option("--profile", help="The grading profile in force.")
    @click.option("--data-dir", type=click.Path(path_type=Path), help="Local state; one directory for each worker.")
    @click.option("--metrics-port", type=int, help="Port of /metrics, /healthz and /readyz; 0: none.")
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        config: Path | None,
        bootstrap_servers: str | None,
        topic_prefix: str | None,
        partitions: int | None,
        replication_factor: int | None,
        profile: str | None,
        data_dir: Path | None,
        metrics_port: int | None,
        **rest: Any,
    ) -> Any:
        settings = load(
            config,
            bootstrap_servers=bootstrap_servers,
            topic_prefix=topic_prefix,
            partitions=partitions,
            replication_factor=replication_factor,
            profile=profile,
            data_dir=data_dir,
            metrics_port=metrics_port,
        )
        return command(*args, settings=settings, **rest)

    return wrapped  # type: ignore[return-value]
