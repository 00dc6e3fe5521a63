"""`crs-monitor translate`: HL7 v2 or FHIR files as events of the contract, without a broker."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

import click

from agents.cli.output import NdjsonWriter, open_output, reject_same_file
from agents.cli.replay_results import LETTERS_SHOWN, SOME_DEAD_LETTERS
from agents.feeds.registry import open_fhir, open_hl7
from agents.feeds.translation.feed_files import FeedFiles
from agents.feeds.translation.letters import FeedLetter, letter_of
from agents.replay.summary import most

FORMATS = {"hl7": open_hl7, "fhir": open_fhir}


@click.command("translate")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--from", "format_name", type=click.Choice(list(FORMATS)), required=True, help="What the files hold.")
@click.option("--feeds", envvar="CRS_FEEDS_FILE", metavar="FILE", help="Settings and tables of the site, TOML.")
@click.option("--dead-letters", metavar="FILE", help="Write what could not be used there, NDJSON.")
@click.option("--summary", metavar="FILE", help="Write counts there: events, dead letters, what no table knows, JSON.")
def command(
    files: tuple[str, ...], format_name: str, feeds: str | None, dead_letters: str | None, summary: str | None
) -> None:
    """Print the events that HL7 v2 messages or FHIR resources mean, NDJSON, in input order (- is standard input).

    Only what `replay` would take is printed. Nothing is guessed: what is not understood is a dead letter, or counted.

    Exit 0: done. 2: usage, settings, or input that cannot be read. 3: some input was set aside as dead letters.
    """
    read = [*files, *([feeds] if feeds else [])]
    reject_same_file([dead_letters, summary], read)
    source = FORMATS[format_name](files, feeds)
    with ExitStack() as closing:
        letters = NdjsonWriter(dead_letters, closing)
        counts = None if summary is None else open_output(summary, closing)
        first = written(source, letters)
        if counts is not None:
            counts.write(json.dumps(source.summary.as_json(), ensure_ascii=False).encode() + b"\n")
    complain(source, first)


def written(source: FeedFiles, letters: NdjsonWriter) -> list[FeedLetter]:
    """Writes all events to standard output and all dead letters to their file; gives the first letters."""
    first: list[FeedLetter] = []
    out = sys.stdout.buffer
    for message, outcome in source.in_order():
        for event in outcome.events:
            out.write(event.payload + b"\n")
        for letter in outcome.letters:
            one = letter_of(letter, message.file, message.number, message.raw, datetime.now(UTC))
            letters.write(one)
            if len(first) < LETTERS_SHOWN:
                first.append(one)
    out.flush()
    return first


def complain(source: FeedFiles, first: list[FeedLetter]) -> None:
    """Exits with count and reasons on standard error, when something could not be used."""
    counts = source.summary.dead_letters
    total = sum(counts.values())
    if not total:
        return
    for letter in first:
        click.echo(f"{letter.detail} [{letter.reason}]", err=True)
    if total > len(first):
        click.echo(f"… and {total - len(first)} more (--dead-letters FILE has them all)", err=True)
    click.echo(f"crs-monitor: {total} dead letters: {most(counts)}", err=True)
    raise SystemExit(SOME_DEAD_LETTERS)


if __name__ == "__main__":
    command()
