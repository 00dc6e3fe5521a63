"""Types of settings that dispatch, its pagers and the board share: secrets, web addresses, names, strict tables.

Secrets are never written in the file: `{ env = "NAME" }` or `{ file = "/path" }` gives their place.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

SECRET_SHORTEST = 16


def _secret(given: Any) -> SecretStr:
    """Reads a secret from its place."""
    if isinstance(given, dict) and given.keys() == {"env"}:
        value = os.environ.get(str(given["env"]), "")
        if not value:
            raise ValueError(f"environment variable {given['env']} is not set")
        return SecretStr(value)
    if isinstance(given, dict) and given.keys() == {"file"}:
        try:
            return SecretStr(Path(str(given["file"])).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"{given['file']}: {error.strerror}") from error
    raise ValueError('give the place of the secret: { env = "NAME" } or { file = "/path" }')


def _web_address(given: Any) -> str:
    if not isinstance(given, str) or not given.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return given.rstrip("/")


def _zone(given: Any) -> str:
    try:
        ZoneInfo(str(given))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone {given!r}; such as Europe/Berlin") from error
    return str(given)


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
Zone = Annotated[str, BeforeValidator(_zone)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class ConfigTable(BaseModel):
    """A table that rejects unknown settings: a misspelt route would be a page that is never sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)
