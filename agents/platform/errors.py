"""What a person at the command line did not foresee: one line that says what, and what to do about it; exit 2."""

from __future__ import annotations

from typing import IO, Any

import click


class UserError(click.ClickException):
    """A file, option or surrounding that cannot be used. The message says what is wrong and what would be right."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """One line on standard error."""
        click.echo(f"crs-monitor: {self.format_message()}", file=file, err=file is None)
