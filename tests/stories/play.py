"""Plays a story and writes down what happened in the story's own notation.

`python -m tests.stories.play FILE…` prints stories as they come out, to be read beside what is written.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from schemas.alerts import Alert
from tests.stories import clock, script, words
from tests.stories.clock import DAY_1
from tests.stories.events import Chart, Event
from tests.stories.script import Line, Story
from tests.stories.stage import Said, Stage, engine

OUTAGE = "outage"  # a line that says: from here to the next line nothing ticks


class Player:
    """One telling of a story. `raised`: every alert that it told, in order; `last`: those of the last line.

    `sent`: every message, in the order in which it arrived; `ended_at`: when the story ends, ms.
    """

    def __init__(self, story: Story, stage: Stage) -> None:
        self.story = story
        self.stage = stage
        self.names = words.Names()
        self.raised: list[Alert] = []
        self.last: tuple[Alert, ...] = ()
        self.sent: list[Event] = []
        self.ended_at = DAY_1
        self._chart = Chart(self._alert_named)
        self._today = DAY_1
        self._outage = False  # the next line comes after a time without ticks
        self._backlog = False  # what comes now has waited

    @property
    def events(self) -> list[Event]:
        """Every event of the story so far, as JSON would carry it."""
        return self._chart.events

    def play(self) -> list[Line]:
        """The story as it happened: the lines as written, and a `tick` line wherever time alone told something."""
        return [line for written in self.story.lines for line in self._line(written)]

    def _line(self, line: Line) -> list[Line]:
        """A line, and before it the ticks that told something on their own."""
        if line.when == OUTAGE:
            self._outage = True
            return [line]
        when = clock.read(line.when, self._today)
        happened = self._ticks(when.received_at, inclusive=line.what != "tick")
        self._today = clock.midnight(when.received_at)
        self.ended_at = max(self.ended_at, when.received_at)
        if line.what == "tick":
            said = self._tick(when.received_at)
        else:
            fails = line.what.startswith("defect: ")
            event = self._chart.read(line.what.removeprefix("defect: "), when)
            self.sent.append(event)
            said = self.stage.receive(event, when.received_at, fails=fails, backlog=self._backlog)
        return [*happened, line._replace(told=self._told(line.told, said, when.received_at))]

    def _ticks(self, until: int, *, inclusive: bool) -> list[Line]:
        """Time goes on; at one instant the tick comes before the event, as it does in the log."""
        happened: list[Line] = []
        if self._outage:
            self._outage, self._backlog = False, True
            return happened
        while (due := self.stage.next_due()) is not None and (due < until or (inclusive and due == until)):
            told = self._told("-", self._tick(due), due)
            if told != "-":
                happened.append(Line(clock.show(due, self._today), "tick", told))
        return happened

    def _tick(self, at: int) -> Said:
        self._backlog = False
        return self.stage.tick(at)

    def _told(self, asked: str, said: Said, at: int) -> str:
        """What was told, as far as the story looks at it."""
        self.raised += said.alerts
        self.last = said.alerts
        for alert in said.alerts:
            self.names.of(alert)
        looks_at = self.story.looks_at
        seen = said._replace(alerts=tuple(a for a in said.alerts if looks_at is None or a.kind in looks_at))
        return words.happened(
            words.tokens(asked), seen, self.names, lambda patient_id: self.stage.view(patient_id, at), self._today
        )

    def _alert_named(self, patient_id: str, name: str) -> str:
        """The id of the alert that a story calls by its name."""
        latest = {a.alert_id: a for a in self.raised if a.patient_id == patient_id}
        named = [a for a in latest.values() if f"{self.names.of(a)} ".startswith(f"{name} ")]
        if not named:
            raise ValueError(f"no alert '{name}' has been raised for {patient_id}")
        return named[-1].alert_id


def broken(story: Story, stage: Stage) -> str:
    """How the story as written differs from what happened; empty when it came true."""
    happened = Player(story, stage).play()
    if happened == list(story.lines):
        return ""
    header, *rows = script.table([*story.lines, *happened])
    written = len(story.lines)
    difference = difflib.unified_diff(
        [header, *rows[:written]], [header, *rows[written:]], "as written", "as it happened", lineterm=""
    )
    return "\n".join([f"{story.name}: {story.because}", *difference])


def main(files: list[str]) -> None:
    """Prints the stories of these files as they come out."""
    for path in map(Path, files):
        for story in script.stories_of(path.name, path.read_text(encoding="utf-8")):
            print(f"\n## {story.title}\n")
            print("\n".join(script.table(Player(story, engine(story.profile)).play())))


if __name__ == "__main__":
    main(sys.argv[1:])
