"""Runs a story through an engine and writes the outcome in the notation of the story.

`python -m tests.stories.story_run FILE…` prints stories with their actual outcome, to be compared with what is written.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from schemas.alerts import Alert
from tests.stories import clock, notation, story_file
from tests.stories.clock import DAY_1
from tests.stories.engines import EngineOutput, StoryEngine, engine_alone
from tests.stories.events import Chart, Event
from tests.stories.story_file import Line, Story

OUTAGE = "outage"  # in a line: no ticks from here to the next line


class StoryRun:
    """One run of a story. `raised`: every alert message, in order; `last`: those of the last line.

    `sent`: every message, in the order in which it arrived; `ended_at`: when the story ends, ms.
    """

    def __init__(self, story: Story, engine: StoryEngine) -> None:
        self.story = story
        self.engine = engine
        self.names = notation.AlertNames()
        self.raised: list[Alert] = []
        self.last: tuple[Alert, ...] = ()
        self.sent: list[Event] = []
        self.ended_at = DAY_1
        self._chart = Chart(self._alert_named)
        self._today = DAY_1
        self._outage = False  # the next line comes after a time without ticks
        self._backlog = False  # the next events were read late, after an outage

    @property
    def events(self) -> list[Event]:
        """Every event of the story so far, as JSON would carry it."""
        return self._chart.events

    def run(self) -> list[Line]:
        """The story as it happened: the lines as written, and a `tick` line wherever time alone caused an alert."""
        return [line for written in self.story.lines for line in self._line(written)]

    def _line(self, line: Line) -> list[Line]:
        """A line, and before it the ticks that caused an alert."""
        if line.when == OUTAGE:
            self._outage = True
            return [line]
        when = clock.read(line.when, self._today)
        ticks = self._ticks(when.received_at, inclusive=line.what != "tick")
        self._today = clock.midnight(when.received_at)
        self.ended_at = max(self.ended_at, when.received_at)
        if line.what == "tick":
            output = self._tick(when.received_at)
        else:
            fails = line.what.startswith("defect: ")
            event = self._chart.read(line.what.removeprefix("defect: "), when)
            self.sent.append(event)
            output = self.engine.receive(event, when.received_at, fails=fails, backlog=self._backlog)
        return [*ticks, line._replace(outcome=self._outcome(line.outcome, output, when.received_at))]

    def _ticks(self, until: int, *, inclusive: bool) -> list[Line]:
        """Time goes on; at one instant the tick comes before the event, as it does in the log."""
        lines: list[Line] = []
        if self._outage:
            self._outage, self._backlog = False, True
            return lines
        while (due := self.engine.next_due()) is not None and (due < until or (inclusive and due == until)):
            outcome = self._outcome("-", self._tick(due), due)
            if outcome != "-":
                lines.append(Line(clock.show(due, self._today), "tick", outcome))
        return lines

    def _tick(self, at: int) -> EngineOutput:
        self._backlog = False
        return self.engine.tick(at)

    def _outcome(self, expected: str, output: EngineOutput, at: int) -> str:
        """The outcome in the notation of the story, of the kinds of alert that the story looks at."""
        self.raised += output.alerts
        self.last = output.alerts
        for alert in output.alerts:
            self.names.of(alert)
        looks_at = self.story.looks_at
        shown = output._replace(alerts=tuple(a for a in output.alerts if looks_at is None or a.kind in looks_at))
        return notation.outcome_in_notation(
            notation.tokens(expected),
            shown,
            self.names,
            lambda patient_id: self.engine.view(patient_id, at),
            self._today,
        )

    def _alert_named(self, patient_id: str, name: str) -> str:
        """The id of the alert that a story names."""
        latest = {a.alert_id: a for a in self.raised if a.patient_id == patient_id}
        named = [a for a in latest.values() if f"{self.names.of(a)} ".startswith(f"{name} ")]
        if not named:
            raise ValueError(f"no alert '{name}' has been raised for {patient_id}")
        return named[-1].alert_id


def mismatch(story: Story, engine: StoryEngine) -> str:
    """The difference between the story as written and its actual outcome; empty when there is none."""
    actual = StoryRun(story, engine).run()
    if actual == list(story.lines):
        return ""
    header, *rows = story_file.table([*story.lines, *actual])
    written = len(story.lines)
    difference = difflib.unified_diff(
        [header, *rows[:written]], [header, *rows[written:]], "as written", "as it happened", lineterm=""
    )
    return "\n".join([f"{story.name}: {story.because}", *difference])


def main(files: list[str]) -> None:
    """Prints the stories of these files with their actual outcome."""
    for path in map(Path, files):
        for story in story_file.stories_of(path.name, path.read_text(encoding="utf-8")):
            print(f"\n## {story.title}\n")
            print("\n".join(story_file.table(StoryRun(story, engine_alone(story.profile)).run())))


if __name__ == "__main__":
    main(sys.argv[1:])
