"""Settings of the board (address, token, certificate): command-line options, environment, TOML table `[board]`."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from agents.dispatch.config_values import SECRET_SHORTEST, ConfigTable, Secret
from agents.platform.errors import UserError
from agents.platform.kafka_connection import is_loopback
from agents.platform.settings import read_toml

SECRETS = {"token": "CRS_BOARD_TOKEN", "reference_secret": "CRS_REFERENCE_SECRET"}


class BoardConfig(ConfigTable):
    """The table `[board]`. The default is loopback; any other address needs TLS and a token."""

    host: str = Field("127.0.0.1", description="Address that is listened on.")
    port: int = Field(8780, ge=0, le=65535, description="Port; 0: any that is free.")
    token: Secret | None = Field(None, description="What people show to come in; left out on loopback: made up.")
    reference_secret: Secret | None = Field(
        None, description="Key of the opaque patient references, the dispatcher's; left out: made up at every start."
    )
    certificate: Path | None = Field(None, description="Our certificate (PEM), for HTTPS.")
    key: Path | None = Field(None, description="Its key (PEM).")
    behind_proxy: str | None = Field(None, description="The address people use, when a proxy does the TLS.")
    show_ids: bool = Field(False, description="Show patient ids beside the opaque references.")
    session_hours: float = Field(12, gt=0, le=168, description="A browser that does not look for so long must show it.")

    @model_validator(mode="after")
    def _check_safety(self) -> Self:
        for name in SECRETS:
            secret = getattr(self, name)
            if secret is not None and len(secret.get_secret_value()) < SECRET_SHORTEST:
                raise ValueError(f"{name}: at least {SECRET_SHORTEST} characters")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if self.behind_proxy is not None and not is_origin(self.behind_proxy):
            raise ValueError("behind_proxy: the address people use, such as https://board.example")
        if not is_loopback(self.host):
            if self.certificate is None and self.behind_proxy is None:
                raise ValueError(
                    f"host {self.host} would send patients in the clear: give certificate and key, or behind_proxy"
                )
            if self.token is None:
                raise ValueError(f"token: needed on {self.host}; set {SECRETS['token']}")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers connect with TLS."""
        return self.certificate is not None or self.behind_proxy is not None

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, None without a certificate. Raises UserError when certificate or key cannot be used."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            why = error.strerror or "no certificate and key in PEM that belong together"
            raise UserError(f"board: {self.certificate}, {self.key}: {why}") from error
        return context


def is_origin(given: str) -> bool:
    """Whether this is `https://host` or `https://host:port` and nothing more."""
    try:
        parts = urlsplit(given)
        return given == f"https://{parts.netloc}" and bool(parts.hostname) and "@" not in given
    except ValueError:
        return False


def load(file: Path | None, **options: Any) -> BoardConfig:
    """Options override the environment, which overrides the file. Raises UserError with all invalid settings."""
    table = read_toml(file).get("board", {})
    if not isinstance(table, dict):
        raise UserError(f"{file}: board must be a table, [board]")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return BoardConfig.model_validate(table | in_environment() | given)
    except ValidationError as error:
        raise UserError("; ".join(problem(found) for found in error.errors())) from error


def in_environment() -> dict[str, dict[str, str]]:
    """Secrets that the environment gives by value (`CRS_BOARD_TOKEN`) or by file (`CRS_BOARD_TOKEN_FILE`)."""
    found = {}
    for name, variable in SECRETS.items():
        if os.environ.get(variable):
            found[name] = {"env": variable}
        elif path := os.environ.get(f"{variable}_FILE"):
            found[name] = {"file": path}
    return found


def problem(found: Any) -> str:
    """One validation error as text, without the value, which may be a secret."""
    place = ".".join(str(part) for part in ("board", *found["loc"]))
    text = "no such setting" if found["type"] == "extra_forbidden" else found["msg"].removeprefix("Value error, ")
    return f"{place}: {text}"
