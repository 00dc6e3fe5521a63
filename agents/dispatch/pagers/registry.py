"""Registry of the pager kinds: each pager module registers its config class and a function that builds the pager.

`discover` imports every module of this package, so a new kind is one new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from agents.dispatch.pagers.destination_config import DestinationConfig
from agents.dispatch.pagers.protocol import Pager

PACKAGE = "agents.dispatch.pagers"


@dataclass(frozen=True, slots=True)
class PagerContext:
    """What a pager may need beside its own settings."""

    path: str  # of its table in the settings, for error messages
    dispatcher: str  # the name of this dispatcher


Config = TypeVar("Config", bound=DestinationConfig)
Build = Callable[[Any, PagerContext], Pager]
_KINDS: dict[type[DestinationConfig], Build] = {}


def register(config_class: type[Config], build: Callable[[Config, PagerContext], Pager]) -> None:
    """Adds a kind. `build` raises UserError for settings that cannot work."""
    _KINDS[config_class] = build


def unregister(config_class: type[DestinationConfig]) -> None:
    """Removes a kind again."""
    del _KINDS[config_class]


def discover() -> None:
    """Imports every module of this package; each pager module registers itself."""
    for module in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__):
        importlib.import_module(f"{PACKAGE}.{module.name}")


def kinds() -> dict[str, type[DestinationConfig]]:
    """The config class of each kind."""
    return {get_args(each.model_fields["kind"].annotation)[0]: each for each in _KINDS}


def build_pagers(destinations: Mapping[str, DestinationConfig], dispatcher: str) -> dict[str, Pager]:
    """A pager for each destination. Raises UserError for settings that cannot work."""
    return {
        name: _KINDS[type(config)](config, PagerContext(f"dispatch.destinations.{name}", dispatcher))
        for name, config in destinations.items()
    }


class AnyKind:
    """Annotation of a setting: one of the registered config classes, chosen by its `kind`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        discover()
        union: Any = Union[tuple(kinds().values())]  # noqa: UP007 (the members are known at run time only)
        return handler.generate_schema(Annotated[union, Field(discriminator="kind")])


AnyDestination = Annotated[DestinationConfig, AnyKind()]
