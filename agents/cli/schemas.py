"""`crs-monitor schemas`: writes the JSON Schemas of all messages on the wire, or checks the checked-in copies."""

from __future__ import annotations

from pathlib import Path

import click

from schemas import export


@click.command("schemas")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=export.CHECKED_IN,
    help="Where to; by default beside the models.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file differs from the models.")
def command(directory: Path, check: bool) -> None:
    """Write the JSON Schemas (events, alert, patient state, dead letter)."""
    if not check:
        for path in export.write(directory):
            click.echo(path)
        return
    differing = export.differing(directory)
    for name in differing:
        click.echo(f"{directory / name}: differs from the models; run `crs-monitor schemas`", err=True)
    if differing:
        raise SystemExit(1)
    click.echo(f"{len(export.DOCUMENTS)} schemas are as the models say")


if __name__ == "__main__":
    command()
