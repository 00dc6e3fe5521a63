"""How brokers are reached: addresses, TLS and SASL settings, in the dialects of the three client libraries."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BOOTSTRAP = "KAFKA_BOOTSTRAP_SERVERS"


class KafkaConnection(BaseSettings):
    """The part of the settings that every Kafka client needs."""

    model_config = SettingsConfigDict(env_prefix="CRS_", frozen=True, extra="forbid", populate_by_name=True)

    bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        validation_alias=AliasChoices("bootstrap_servers", BOOTSTRAP),
        description="Kafka brokers, `host:port,host:port`.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT", description="Protocol to the brokers. SASL_PLAINTEXT is refused beyond loopback."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the user authenticates."
    )
    sasl_username: str | None = Field(None, description="User at the brokers; needed with SASL.")
    sasl_password: SecretStr | None = Field(None, description="Its password; needed with SASL.")
    ssl_cafile: Path | None = Field(None, description="Certificates that brokers are checked against (PEM).")
    ssl_certfile: Path | None = Field(None, description="Our own certificate (PEM), for brokers that ask.")
    ssl_keyfile: Path | None = Field(None, description="The key of our certificate (PEM).")

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, servers: str) -> str:
        for server in servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"'{server}' is not host:port")
        return ",".join(server.strip() for server in servers.split(","))

    @model_validator(mode="after")
    def _safe_connection(self) -> Self:
        """Refuses contradictions, and passwords that would be sent in clear text."""
        if self.security_protocol.startswith("SASL"):
            if self.sasl_username is None or self.sasl_password is None:
                raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
            if self.security_protocol == "SASL_PLAINTEXT" and not self.on_loopback:
                raise ValueError("SASL_PLAINTEXT would send the password and patients in clear text: use SASL_SSL")
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
        """Whether every broker runs on this machine."""
        return all(is_loopback(server.rpartition(":")[0]) for server in self.bootstrap_servers.split(","))

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context; None without TLS."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=None if self.ssl_cafile is None else str(self.ssl_cafile))
        if self.ssl_certfile is not None:
            context.load_cert_chain(str(self.ssl_certfile), None if self.ssl_keyfile is None else str(self.ssl_keyfile))
        return context

    def aiokafka(self) -> dict[str, Any]:
        """Keyword arguments that connect an aiokafka client."""
        return self._keywords()

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments that connect a kafka-python client."""
        return self._keywords()

    def librdkafka(self) -> dict[str, Any]:
        """Configuration that connects a confluent-kafka client.

        It names the partitioner of the Java client: with librdkafka's own one, events of one patient would go to two
        partitions.
        """
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

    def _keywords(self) -> dict[str, Any]:
        """aiokafka took its keyword arguments over from kafka-python."""
        keywords: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers.split(","),
            "security_protocol": self.security_protocol,
        }
        if (context := self.ssl_context()) is not None:
            keywords["ssl_context"] = context
        if self.security_protocol.startswith("SASL") and self.sasl_password is not None:
            keywords["sasl_mechanism"] = self.sasl_mechanism
            keywords["sasl_plain_username"] = self.sasl_username
            keywords["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return keywords


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
