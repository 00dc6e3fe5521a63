"""`crs-monitor ack`: someone has seen an alert, or asks for quiet; said into the log like every assessment."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import click

from agents.settings import Settings, with_settings
from agents.usage import Unusable


@click.command("ack")
@click.argument("alert", metavar="ALERT_ID|KEY")
@click.option("--by", required=True, help="Who has seen it.")
@click.option("--snooze", "minutes", type=click.IntRange(1, 60), help="Ask for quiet for so many minutes instead.")
@click.option("--reason", default="", help="Why quiet is asked for.")
@with_settings
def command(settings: Settings, alert: str, by: str, minutes: int | None, reason: str) -> None:
    """Acknowledge an alert, by its id or by the key that a pager shows.

    The alert stays open until its cause is over; high alerts are no longer repeated. With --snooze it is quiet for a
    while, and worse breaks the quiet.
    """
    from agents import surroundings
    from agents.dispatch import assessing, looking
    from schemas import topics

    if not by.strip():
        raise Unusable("--by: say who has seen it")
    there = surroundings.found(settings)
    for topic in (topics.PATIENT_STATE, topics.ASSESSMENTS):
        if settings.topic(topic) not in there:
            raise Unusable(f"topic {settings.topic(topic)} is missing; {surroundings.ADVICE}")
    partitions = there[settings.topic(topics.PATIENT_STATE)].partitions
    alert_id = looking.alert_of(alert)

    async def answer() -> None:
        patient_id = await looking.patient_of(settings, partitions, alert_id)
        if patient_id is None:
            raise Unusable(f"{alert}: no such alert is open; the board and the pages show ids of open alerts")
        at = looking.now()
        event = (
            assessing.acknowledgement(alert_id, patient_id, by, at, at.isoformat())
            if minutes is None
            else assessing.snooze(
                alert_id, patient_id, at + timedelta(minutes=minutes), at, reason or f"asked by {by}", at.isoformat()
            )
        )
        await looking.say(settings, event)

    asyncio.run(answer())
    click.echo(f"{alert_id}: {'acknowledged' if minutes is None else f'quiet for {minutes} min'}", err=True)
