"""The formats of recorded events by name. A new format is a file or folder beside this one, and a line in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agents.feeds.source import EventSource
from agents.platform.extras import require_extra


def open_ndjson(paths: Sequence[str]) -> EventSource:
    """Events of the contract, one JSON object a line; `-` is standard input."""
    from agents.feeds.ndjson import NdjsonFiles

    return NdjsonFiles(paths)


def open_clif(paths: Sequence[str]) -> EventSource:
    """A CLIF data set: one directory of parquet files."""
    require_extra("replay", "--clif")
    from agents.feeds.clif.source import ClifEvents

    (directory,) = paths
    return ClifEvents(Path(directory))


FORMATS: Mapping[str, Callable[[Sequence[str]], EventSource]] = {"ndjson": open_ndjson, "clif": open_clif}


def open_source(format_name: str, paths: Sequence[str]) -> EventSource:
    """Opens files of a format. Raises UserError when they cannot be read, or when the format's extra is missing."""
    return FORMATS[format_name](paths)
