"""Files that a command writes: opened before the work begins, one JSON object a line; `-` is standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from agents.platform.errors import UserError

STDOUT = "-"


class NdjsonWriter:
    """Takes models and writes them as lines; without a file it takes them and writes nothing."""

    def __init__(self, name: str | None, closing: ExitStack) -> None:
        """Opens the file, until `closing` closes. Raises UserError when it cannot be written."""
        self.written = 0
        self._stream = None if name is None else stream_of(name, closing)

    def write(self, said: BaseModel) -> None:
        """One line."""
        if self._stream is not None:
            self.written += 1
            self._stream.write(said.model_dump_json().encode() + b"\n")


def stream_of(name: str, closing: ExitStack) -> BinaryIO:
    """The file of this name, empty, in a directory that is made when it is missing."""
    if name == STDOUT:
        closing.callback(sys.stdout.buffer.flush)
        return sys.stdout.buffer
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return closing.enter_context(path.open("wb"))
    except OSError as error:
        raise UserError(f"{name}: cannot be written: {error.strerror or error}") from error


def reject_same_file(written: Iterable[str | None], read: Iterable[str]) -> None:
    """Raises UserError when a file would be written twice, or over what is read."""
    taken = {os.path.realpath(name) for name in read}
    for name in written:
        if name is None or name in (STDOUT, os.devnull):
            continue
        place = os.path.realpath(name)
        if place in taken:
            raise UserError(f"{name}: is read or written by this very command; name another file")
        taken.add(place)
