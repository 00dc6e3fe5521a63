"""Writes the checked records of the log to a file, for `replay --from-log`; an interrupted export leaves no file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Self

from agents.engine.log_lines import LogLine, encode_line
from agents.engine.log_time import append_time
from agents.platform.errors import UserError
from agents.verify.reader import StoredRecord

STDOUT = "-"


class LogExport:
    """A context: leave it without an exception, and the file is there, whole. `written`: how many records.

    The lines go to a temporary file in the same directory, which only its owner can read: it holds patients' data.
    """

    def __init__(self, name: str) -> None:
        """Opens the temporary file. Raises UserError when `name` cannot be a file."""
        if name == STDOUT:
            raise UserError("--export -: standard output is for the result of the check; name a file")
        self.name = name
        self.written = 0
        self._path = Path(os.path.realpath(name))
        if self._path.exists() and not self._path.is_file():
            raise UserError(f"--export {name}: not a file; name a file")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = NamedTemporaryFile(  # noqa: SIM115  (closed by __exit__)
                "wb", dir=self._path.parent, prefix=f".{self._path.name}.", suffix=".incomplete", delete=False
            )
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                os.replace(self._file.name, self._path)
        except OSError as failed:
            raise self._unwritable(failed) from failed
        finally:
            self._discard()

    def write(self, partition: int, record: StoredRecord) -> None:
        """Appends one record. Raises UserError when it cannot be written."""
        line = LogLine(partition, record.offset, append_time(record) or -1, record.key, record.value)
        try:
            self._file.write(encode_line(line) + b"\n")
        except OSError as error:
            raise self._unwritable(error) from error
        self.written += 1

    def _discard(self) -> None:
        """Closes the temporary file, and removes it if it was not moved."""
        with suppress(OSError):  # It could not be written to the end, which was reported.
            self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f"--export {self.name}: cannot be written: {error.strerror or error}")
