"""`crs-monitor ack`: acknowledges or snoozes an open alert by writing an assessment."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import click

from agents.platform.errors import UserError
from agents.platform.settings import Settings, with_settings


@click.command("ack")
@click.argument("alert", metavar="ALERT_ID|KEY")
@click.option("--by", required=True, help="Who has seen it.")
@click.option("--snooze", "minutes", type=click.IntRange(1, 60), help="Snooze for so many minutes instead.")
@click.option("--reason", default="", help="Why it is snoozed.")
@with_settings
def command(settings: Settings, alert: str, by: str, minutes: int | None, reason: str) -> None:
    """Acknowledge an alert, by its id or by the key that a pager shows.

    The alert stays open until its cause is over; high alerts are no longer repeated. With --snooze nobody is paged for
    a while, unless the alert becomes worse.
    """
    from agents.brokers import preflight
    from agents.dispatch import assessments, find_alert
    from schemas import topics

    if not by.strip():
        raise UserError("--by: the name of the person is empty")
    partitions = preflight.require_topics(
        settings, [settings.topic(topics.PATIENT_STATE)], [settings.topic(topics.ASSESSMENTS)]
    )
    alert_id = find_alert.alert_of(alert)

    async def answer() -> None:
        patient_id = await find_alert.patient_of(settings, partitions, alert_id)
        if patient_id is None:
            raise UserError(f"{alert}: no such alert is open; the board and the pages show ids of open alerts")
        at = find_alert.now()
        event = (
            assessments.acknowledgement(alert_id, patient_id, by, at, at.isoformat())
            if minutes is None
            else assessments.snooze(
                alert_id, patient_id, at + timedelta(minutes=minutes), at, reason or f"asked by {by}", at.isoformat()
            )
        )
        await find_alert.publish(settings, event)

    asyncio.run(answer())
    click.echo(f"{alert_id}: {'acknowledged' if minutes is None else f'quiet for {minutes} min'}", err=True)
