"""Settings that all destinations share. Each pager module derives its own config class from these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from agents.dispatch.config_values import ConfigTable, Name, WebAddress
from agents.dispatch.public_alert import DEFAULT_TEMPLATE, template_fault


def _template(given: Any) -> str:
    fault = template_fault(str(given))
    if fault is not None:
        raise ValueError(fault)
    return str(given)


Template = Annotated[str, BeforeValidator(_template)]


class DestinationConfig(ConfigTable):
    """A derived class adds `kind: Literal["..."]`, by which the settings name it. Aliases are the names in the file."""

    fallback: Name | None = Field(None, alias="second", description="Paged when this one rejects or does not accept.")
    flood_pages: int = Field(10, ge=0, description="Pages in `flood_window_seconds` before a summary; 0: no guard.")
    timeout_seconds: float = Field(10, gt=0, le=120, description="Longest time of one attempt.")
    max_concurrent: int = Field(16, ge=1, le=256, alias="at_once", description="Attempts at the same time.")
    template: Template = Field(DEFAULT_TEMPLATE, description="One line; see the fields in the example.")


class WebDestinationConfig(DestinationConfig):
    """A destination that is reached over HTTP."""

    proxy: WebAddress | None = Field(None, description="An HTTP proxy in between.")
