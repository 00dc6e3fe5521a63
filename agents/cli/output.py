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
    """Writes models as lines of JSON; without a file it drops them."""

    def __init__(self, name: str | None, closing: ExitStack) -> None:
        """Opens the file until `closing` closes. Raises UserError when it cannot be written."""
        self.written = 0
        self._stream = None if name is None else open_output(name, closing)

    def write(self, model: BaseModel) -> None:
        """Writes one line."""
        if self._stream is not None:
            self.written += 1
            self._stream.write(model.model_dump_json().encode() + b"\n")


def open_output(name: str, closing: ExitStack) -> BinaryIO:
    """The file of this name, emptied; its directory is created. Raises UserError when it cannot be written."""
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
    """Raises UserError when a file would be written twice, or be overwritten while it is read."""
    used = {os.path.realpath(name) for name in read}
    for name in written:
        if name is None or name in (STDOUT, os.devnull):
            continue
        path = os.path.realpath(name)
        if path in used:
            raise UserError(f"{name}: this command reads or writes this file already; name another file")
        used.add(path)
