"""feeds.toml: zones, identifiers, senders and tables of a site, checked whole when it is read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agents.feeds.translation.moments import zone_of
from agents.feeds.translation.rows import CodeRow, DrugRow, ProductRow, SenderRow, WordRow, checked_zone
from agents.feeds.translation.table_index import SiteRows, index_of
from agents.feeds.translation.tables import Tables
from agents.platform.errors import UserError
from schemas.field_types import Source

MOST_SENDERS = 1_024
DEFAULT_IDENTIFIERS = ("MR", "MRN", "PI", "*", "id")


class Listener(BaseModel):
    """Where a feed is listened to; `translate` and `replay` only check it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    listen: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    plaintext: bool = False


class Mllp(Listener):
    """The MLLP server. `longest_bytes`: of a message, also of one in a file."""

    client_ca: Path | None = None
    longest_bytes: int = Field(1_048_576, ge=1_024)
    processing_ids: tuple[str, ...] = ("P",)


class Fhir(Listener):
    """The FHIR endpoint, and where what was missed is searched for."""

    token_file: Path | None = None
    search: str | None = None
    search_token_file: Path | None = None


class FeedsFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    time_zone: Annotated[str, AfterValidator(checked_zone)] | None = None
    patient_identifier: tuple[str, ...] | None = None
    mllp: Mllp = Mllp()
    fhir: Fhir = Fhir()
    sender: tuple[SenderRow, ...] = ()
    code: tuple[CodeRow, ...] = ()
    word: tuple[WordRow, ...] = ()
    drug: tuple[DrugRow, ...] = ()
    product: tuple[ProductRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """What holds for the messages of one sender. `name`: the row's, or `other`."""

    name: str
    zone: ZoneInfo | None
    charset: str | None
    source: Source | None
    identifiers: tuple[str, ...]


@dataclass(frozen=True)
class FeedSettings:
    """Settings and tables, ready for a translation."""

    file: FeedsFile
    tables: Tables
    _senders: dict[tuple[str, str], Sender] = field(default_factory=dict)

    def sender(self, application: str, facility: str = "") -> Sender:
        """What holds for a sender; the first row that fits it decides."""
        found = self._senders.get((application, facility))
        if found is None:
            if len(self._senders) >= MOST_SENDERS:
                self._senders.clear()
            found = self._senders[application, facility] = sender_of(self.file, application, facility)
        return found


def sender_row(rows: tuple[SenderRow, ...], application: str, facility: str) -> SenderRow:
    """The first row that fits, or one without any override."""
    for row in rows:
        if row.application in ("*", application) and row.facility in ("*", facility):
            return row
    return SenderRow(name="other")


def sender_of(file: FeedsFile, application: str, facility: str) -> Sender:
    """The sender's row, filled up by what the file says for all."""
    row = sender_row(file.sender, application, facility)
    zone = row.time_zone or file.time_zone
    return Sender(
        name=row.name,
        zone=None if zone is None else zone_of(zone),
        charset=row.charset,
        source=row.source,
        identifiers=row.patient_identifier or file.patient_identifier or DEFAULT_IDENTIFIERS,
    )


def load_settings(path: str | None = None) -> FeedSettings:
    """The settings in a file, with the shipped tables behind its own. Raises UserError naming file and row."""
    if path is None:
        return parse_settings({}, "feeds.toml")
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected a TOML file with settings of feeds") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML: {error}") from error
    return parse_settings(content, path)


def parse_settings(content: Mapping[str, Any], name: str) -> FeedSettings:
    """The settings in a parsed file. Raises UserError naming `name`, the row and what is wrong with it."""
    file = checked_file(content, name)
    return FeedSettings(file, index_of(SiteRows(name, file.code, file.word, file.drug, file.product)))


def checked_file(content: Mapping[str, Any], name: str) -> FeedsFile:
    """The file with every value checked by itself. Raises UserError."""
    try:
        return FeedsFile.model_validate(content)
    except ValidationError as error:
        raise UserError("; ".join(f"{name}: {complaint(one)}" for one in error.errors()[:3])) from error


def complaint(found: Any) -> str:
    """The row and the key, and what is wrong: `[[code]] row 2: signal: …`."""
    where, rest = "", list(found["loc"])
    if len(rest) > 1 and isinstance(rest[1], int):
        where, rest = f"[[{rest[0]}]] row {rest[1] + 1}: ", rest[2:]
    key = ".".join(str(part) for part in rest if not isinstance(part, int))
    problem = found["msg"].removeprefix("Value error, ")
    problem = "no such key" if found["type"] == "extra_forbidden" else problem
    return f"{where}{key + ': ' if key and not problem.startswith(key + ':') else ''}{problem}"
