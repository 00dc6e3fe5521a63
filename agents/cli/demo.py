"""`crs-monitor demo`: runs the whole system on this machine, on real ICU stays, and prints where to look."""

from __future__ import annotations

from pathlib import Path

import click

from agents.platform.extras import require_extra

NOT_AS_IT_SHOULD_BE = 1


@click.command("demo")
@click.option(
    "--offline", is_flag=True, help="Without a broker: the whole stays through the judgement, and the report."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("out/report.html"),
    show_default=True,
    help="Where the page with the ward and its timelines is written.",
)
@click.option("--hours", type=click.IntRange(1, 60), default=54, show_default=True, help="How much of each stay.")
@click.option("--seconds", type=click.FloatRange(5), default=75.0, show_default=True, help="In how much time.")
@click.option("--stay", is_flag=True, help="Keep everything running at the end, to look around, until Ctrl-C.")
def command(offline: bool, report: Path, hours: int, seconds: float, stay: bool) -> None:
    """Stream 134 real ICU stays and a scripted patient through the whole system, then verify it and report.

    Starts an embedded Kafka broker, a worker, a dispatcher with a pager, and Prometheus and Alertmanager where they are
    installed; all on this machine, all gone at the end. Tocilizumab is injected by the rules and marked as such.
    """
    require_extra("demo", "demo")
    if offline:
        from agents.demo.offline import run_offline

        run_offline(report)
        return
    from agents.demo.run import run

    if not run(report, hours, seconds, stay):
        raise SystemExit(NOT_AS_IT_SHOULD_BE)


if __name__ == "__main__":
    command()
