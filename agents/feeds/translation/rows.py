"""The rows of feeds.toml and of the shipped tables, and which values each field may have."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from agents.feeds.translation.moments import zone_of
from schemas.events import SIGNALS
from schemas.field_types import Action, Consciousness, Indication, OxygenDevice, Route, Source, TemperatureSite
from schemas.labs import LAB_VALUES

PUMP_SIGNALS = frozenset(
    {"pump_drug", "pump_dose_rate", "pump_flow", "pump_flow_current", "pump_concentration"}
    | {"pump_status", "pump_delivery_status"}
)
SIGNAL_NAMES = frozenset(
    {*SIGNALS, *LAB_VALUES, *PUMP_SIGNALS, "blood_pressure", "weight_kg", "temperature_site", "ignore"}
)
WordField = Literal["oxygen_device", "temperature_site", "consciousness", "route", "action", "indication", "unit"]
# What a word may mean, by field; a unit may be any that conversion knows (units.py).
MEANINGS: Mapping[str, frozenset[str]] = {
    "oxygen_device": frozenset(get_args(OxygenDevice)),
    "temperature_site": frozenset(get_args(TemperatureSite)),
    "consciousness": frozenset(get_args(Consciousness)),
    "route": frozenset(get_args(Route)),
    "action": frozenset({*get_args(Action), "void"}),
    "indication": frozenset(get_args(Indication)),
}
Status = Literal["verified", "verified-secondary", "unverified", "site"]
Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


class Row(BaseModel):
    """A row: nothing in it may be unknown. `source`: where it is written that this is so."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    status: Status = "site"
    source: str = ""


class CodeRow(Row):
    """A code of an observation, and the signal that it means."""

    system: str = ""
    code: Text
    signal: str
    unit: str | None = None
    sentinels: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    site: TemperatureSite | None = None
    rank: Literal["invasive", "pulse"] | None = None
    generic: bool = False

    @field_validator("signal")
    @classmethod
    def _known_signal(cls, signal: str) -> str:
        if signal not in SIGNAL_NAMES:
            raise ValueError(f"{signal!r} is no signal: a field of vitals or labs, blood_pressure, weight_kg or ignore")
        return signal


class WordRow(Row):
    """A word of a field, or several spellings of it, and what it means."""

    field: WordField
    written: Texts
    means: str

    @model_validator(mode="after")
    def _known_meaning(self) -> WordRow:
        allowed = MEANINGS.get(self.field)
        if allowed is not None and self.means not in allowed:
            raise ValueError(f"means: {self.means!r} is none of {', '.join(sorted(allowed))}")
        return self


class DrugRow(Row):
    """A drug's code, or its name as a site writes it, and the name that the formulary knows."""

    system: str = ""
    code: Text | None = None
    written: Texts = ()
    drug: str

    @model_validator(mode="after")
    def _has_a_key(self) -> DrugRow:
        if (self.code is None) == (not self.written):
            raise ValueError("needs either system and code, or written")
        return self


class ProductRow(Row):
    """A CAR-T product or bispecific antibody by its names."""

    written: Texts
    product: str


class SenderRow(BaseModel):
    """A sender, known by MSH-3.1 and -4.1 (or `*`), or by FHIR's meta.source, and what differs for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, max_length=64)
    application: str = "*"
    facility: str = "*"
    time_zone: str | None = None
    charset: str | None = None
    source: Source | None = None
    patient_identifier: tuple[str, ...] | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        return None if name is None else checked_zone(name)

    @field_validator("charset")
    @classmethod
    def _known_charset(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                codecs.lookup(name)
            except LookupError:
                raise ValueError(f"{name!r} is no character set") from None
        return name


def checked_zone(name: str) -> str:
    """The name of a time zone. Raises ValueError for any other."""
    zone_of(name)
    return name
