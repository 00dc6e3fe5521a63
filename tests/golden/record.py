"""Rows and alerts as this build writes them, kept as bytes: what is in tables and on topics stays so.

`python -m tests.golden.record` writes them anew. Do that on purpose only, and say in the changelog why:
- a rule changed what is known or told: a clinical change, with its story;
- the row has a further field, with a default, at the end of its named tuple;
- the row changed its shape in another way: a new `VERSION` and a conversion in monitor/record/row.py, so that a running
  table is not misread.

`python -m tests.golden.record --frozen` also writes what stays: the rows of the coming release and the copy of its
reader in tests/golden/frozen. That is right until the release is out, whenever the model has changed, and never after:
then those files say what is in tables, and the next release gets files of its own. It refuses once the changelog has
the release.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import NamedTuple

import click

from agents.engine.partition import next_digest
from monitor.model import State
from monitor.record import row
from tests.golden import freeze, judgements
from tests.stories.engines import engine_alone
from tests.stories.story_file import Story, every_story
from tests.stories.story_run import StoryRun

HERE = Path(__file__).parent
ROWS = HERE / "rows.ndjson"
ALERTS = HERE / "alerts.ndjson"
OFFSET = 4711
TOLD = "guideline.md: Grade by grade, what is to be done"
# Between them these use every field of a state.
RICH = (
    TOLD,
    "answers.md: A repeated acknowledgement does not quieten what worsened since",
    "answers.md: Worsening breaks a snooze",
    "corrections.md: A merge is taken back too late",
    "corrections.md: The taking back comes first",
    "blood_pressure.md: A dose that cannot be worked out is not low",
    "blood_pressure.md: Low blood pressure that is not due to CRS",
    "confirmation.md: One low reading of a monitor may be an artefact",
    "episodes.md: Fever again within 72 hours reopens it",
    "leaving.md: A drug nobody knows",
    "leaving.md: Two records, one patient",
    "leaving.md: Moved to another unit",
    "masked_fever.md: The same patient by ASTCT",
    "neuro.md: A CNS depressant on top of it",
    "oxygen.md: Oxygen that the patient always needs",
    "steps.md: Alternatives when tocilizumab and steroids fail",
    "steps.md: Empiric antibiotics in neutropenia",
    "time.md: A correction of a correction",
    "time.md: A reading that a monitor sends seconds late",
    "time.md: Too late to be judged",
    "tocilizumab.md: Unsafe doses",
    "watching.md: Three implausible values, but not within 10 minutes",
)


class Kept(NamedTuple):
    """One row as it was kept: of which story and patient, and its bytes."""

    story: str
    patient_id: str
    payload: bytes


def stories() -> dict[str, Story]:
    """Every story by its name."""
    return {story.name: story for story in every_story()}


def states() -> dict[tuple[str, str], State]:
    """The states at the end of the rich stories, by story and patient."""
    found: dict[tuple[str, str], State] = {}
    for name in RICH:
        story = stories()[name]
        engine = engine_alone(story.profile)
        StoryRun(story, engine).run()
        found |= {(name, patient_id): state for patient_id, state in engine.states.items()}
    return found


def encoded(state: State) -> bytes:
    """A state as the table would keep it."""
    digest = next_digest(row.EMPTY_DIGEST, OFFSET, state.patient_id)
    return row.encode(row.Row(row.VERSION, OFFSET, digest, state))


def alerts() -> list[str]:
    """The alerts of one story as they go out."""
    story = stories()[TOLD]
    story_run = StoryRun(story, engine_alone(story.profile))
    story_run.run()
    return [alert.model_dump_json(exclude_none=True) for alert in story_run.raised]


def kept(path: Path = ROWS) -> list[Kept]:
    """The rows that were kept in a file."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [Kept(line["story"], line["patient"], b64decode(line["row"])) for line in lines]


def write_rows(path: Path) -> None:
    """Writes the rows of the rich stories."""
    rows = (
        {"story": story, "patient": patient_id, "row": b64encode(encoded(state)).decode("ascii")}
        for (story, patient_id), state in states().items()
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in rows), encoding="utf-8")


@click.command()
@click.option("--frozen", is_flag=True, help=f"Also the frozen files of release {freeze.RELEASE}, until it is out.")
def main(frozen: bool) -> None:
    """Writes rows and alerts anew, on purpose only: see the head of this file."""
    if frozen:
        freeze.write_reader()
        write_rows(freeze.ROWS)
    write_rows(ROWS)
    ALERTS.write_text("".join(line + "\n" for line in alerts()), encoding="utf-8")
    judgements.write()


if __name__ == "__main__":
    main()
