"""`crs-monitor demo`: shows it all on this machine, on real ICU stays, and says where to look."""

from __future__ import annotations

from pathlib import Path

import click

from agents import demo_offline


@click.command("demo")
@click.option("--offline", is_flag=True, help="Without a broker: the stays through the judgement, and the report.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("out/report.html"),
    show_default=True,
    help="Where the page with the ward and its timelines is written.",
)
def command(offline: bool, report: Path) -> None:
    """Replay 134 real ICU stays, with tocilizumab injected by the rules and marked as such."""
    demo_offline.run(report)


if __name__ == "__main__":
    command()
