"""An error that the user can fix: an option, a file, or something the program depends on. One line, exit code 2."""

from __future__ import annotations

from typing import IO, Any

import click


class UserError(click.ClickException):
    """A file, option or dependency that cannot be used. The message names what is wrong and what to do about it."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints one line to standard error."""
        click.echo(f"crs-monitor: {self.format_message()}", file=file, err=file is None)
