"""The formats of recorded events by name. A new format is a file or folder beside this one, and a line in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agents.feeds.source import EventSource
from agents.platform.extras import require_extra

if TYPE_CHECKING:
    from agents.feeds.fhir.source import FhirFiles
    from agents.feeds.hl7.source import Hl7Files
    from agents.feeds.ndjson import NdjsonFiles


def open_ndjson(paths: Sequence[str], feeds: str | None = None) -> NdjsonFiles:
    """Events of the contract, one JSON object a line; `-` is standard input."""
    from agents.feeds.ndjson import NdjsonFiles

    return NdjsonFiles(paths)


def open_clif(paths: Sequence[str], feeds: str | None = None) -> EventSource:
    """A CLIF data set: one directory of parquet files."""
    require_extra("replay", "--clif")
    from agents.feeds.clif.source import ClifEvents

    (directory,) = paths
    return ClifEvents(Path(directory))


def open_hl7(paths: Sequence[str], feeds: str | None = None) -> Hl7Files:
    """HL7 v2 messages. `feeds`: the file with settings and tables of the site."""
    from agents.feeds.hl7.source import Hl7Files
    from agents.feeds.translation.settings import load_settings

    return Hl7Files(paths, load_settings(feeds))


def open_fhir(paths: Sequence[str], feeds: str | None = None) -> FhirFiles:
    """FHIR resources, bundles or NDJSON. `feeds`: the file with settings and tables of the site."""
    from agents.feeds.fhir.source import FhirFiles
    from agents.feeds.translation.settings import load_settings

    return FhirFiles(paths, load_settings(feeds))


FORMATS: Mapping[str, Callable[[Sequence[str], str | None], EventSource]] = {
    "ndjson": open_ndjson,
    "clif": open_clif,
    "hl7": open_hl7,
    "fhir": open_fhir,
}


def open_source(format_name: str, paths: Sequence[str], feeds: str | None = None) -> EventSource:
    """Opens files of a format. Raises UserError when they cannot be read, or when the format's extra is missing."""
    return FORMATS[format_name](paths, feeds)
