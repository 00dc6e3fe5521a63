"""`crs-monitor topics`: creates the topics that are missing and names those that differ from the settings."""

from __future__ import annotations

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from agents.brokers.topic_admin import Comparison, compare, create
from agents.brokers.topic_specs import wanted_topics
from agents.platform.settings import Settings, with_settings

ADVICE = (
    "existing topics are never altered: change the settings, or the topics with kafka-configs.sh; "
    "a number of partitions cannot be changed, a new topic prefix starts anew"
)


@click.command("topics")
@with_settings
@click.option("--check", is_flag=True, help="Create nothing.")
def command(settings: Settings, check: bool) -> None:
    """Create the topics that are missing, and check the others.

    Exit code 0 when every topic is as set, 1 when one differs (or, with --check, is missing).
    """
    compared = compare(settings, wanted_topics(settings))
    missing = [each.wanted for each in compared if each.missing]
    if not check:
        create(settings, missing)
    Console().print(as_table(compared, created=not check))
    complaints = [f"{each.wanted.name}: {difference}" for each in compared for difference in each.differences]
    if check:
        complaints += [f"{topic.name}: is missing" for topic in missing]
    for complaint in complaints:
        click.echo(complaint, err=True)
    if any(each.differences for each in compared):
        click.echo(ADVICE, err=True)
    if complaints:
        raise SystemExit(1)


def as_table(compared: list[Comparison], *, created: bool) -> Table:
    """The table for the terminal; it fits into 80 columns with the usual prefix."""
    table = Table("topic", "", "partitions", "copies", "kept", box=SIMPLE)
    table.columns[0].min_width = max(len(each.wanted.name) for each in compared)
    table.columns[2].justify = table.columns[3].justify = "right"
    for each in compared:
        topic = each.wanted
        table.add_row(
            topic.name, status_of(each, created=created), str(topic.partitions), str(topic.copies), topic.kept
        )
    return table


def status_of(compared: Comparison, *, created: bool) -> str:
    """Created, missing, differs or as set."""
    if compared.missing:
        return "[green]created" if created else "[yellow]missing"
    return "[red]differs" if compared.differences else "[green]as set"
